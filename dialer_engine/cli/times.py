"""Points in time as a person writes them: `today`, `yesterday`, `2h`, `7d`, or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

import click

_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType[str]):
    """Becomes ISO 8601 in UTC. A time without zone is in the zone of whoever types it."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """ISO text in UTC, or a usage error that lists the forms."""
        try:
            return moment(str(value), datetime.now().astimezone())
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; use today, yesterday, 2h, 7d, or 2026-11-21T09:00")


def moment(text: str, now: datetime) -> str:
    """`text` as ISO 8601 in UTC, seen from `now` (aware, local); ValueError."""
    if text == "now":
        return _iso(now)
    if text in ("today", "yesterday"):
        day = now.date() - timedelta(days=text == "yesterday")
        return _iso(datetime.combine(day, time(), now.tzinfo))
    if found := _AGO.fullmatch(text):
        return _iso(now - timedelta(**{_UNITS[found[2]]: int(found[1])}))
    return _iso(datetime.fromisoformat(text))


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")
