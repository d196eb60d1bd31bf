"""`pacing export-day` and `pacing replay`: a day out of the store, and again under other settings.

Rules: the export reads the store and needs no daemon; what a replay drew by itself (calls beyond the
record) is told beside its figures; the recorded day's own figures stand above the replays'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from dialer_engine.app import pacing_record
from dialer_engine.app.config import Config
from dialer_engine.app.pacing_figures import interval
from dialer_engine.app.stored import in_store
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import CampaignName
from dialer_engine.engine.account import site_zone
from dialer_engine.pacing.pacer import pacer_for
from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.sim.floor import Day
from dialer_engine.sim.replay import Record, RecordedCall, replay_day
from dialer_engine.store import day_record
from dialer_engine.store.sql import SqlStore

Json = dict[str, Any]
Told = Callable[[int, int | None], None]
_NAME = CampaignName("replayed")
_SHOWN = ("utilization", "abandonment", "wait_s", "conversations", "attempts", "drawn")


# -- export ------------------------------------------------------------------------------------------


def export_day(config: Config, name: str, day: date, file: Path) -> Json:
    """Write a local day of the site; {calls, agents, length_s}. NotFound, BadValue, StoreError."""
    zone = site_zone(config.compliance.default_zone)
    since = datetime.combine(day, time(), zone)
    until = datetime.combine(day + timedelta(days=1), time(), zone)

    async def rows(store: SqlStore) -> tuple[Campaign, Any, Any]:
        campaign = _named(await store.campaigns(), name)
        base = store.database
        attempts = await base.read(day_record.attempt_rows, store.ids, campaign.name, since, until)
        return (
            campaign,
            attempts,
            await base.read(day_record.event_rows, campaign.skill, since, until),
        )

    campaign, attempts, events = in_store(config, rows)
    record = pacing_record.build(attempts, events, since, until)
    begin = min(row["originated_at"] for row in attempts if row["originated_at"] is not None)
    local = max(since, begin).astimezone(zone)
    head = {
        "day": day.isoformat(),
        "zone": config.compliance.default_zone,
        "start": local.isoformat(timespec="seconds"),
        "start_hour": round(local.hour + local.minute / 60.0, 3),
    }
    try:
        text = "\n".join(pacing_record.lines(record, campaign, head)) + "\n"
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadValue(f"the file cannot be written: {error}") from None
    return {"calls": len(record.calls), "agents": len(record.spans), "length_s": record.length_s}


def _named(campaigns: Sequence[Campaign], name: str) -> Campaign:
    for one in campaigns:
        if one.name == name:
            return one
    raise NotFound(f"no campaign is called {name!r}")


# -- replay ------------------------------------------------------------------------------------------


def replay(
    file: Path,
    changes: Mapping[str, Any],
    named: Sequence[str] = (),
    memory: Mapping[str, Any] | None = None,
    seeds: int = 3,
    told: Told = lambda done, whole: None,
) -> Json:
    """{campaign, day, settings, recorded, rows}: each policy (the recorded one when none is named) on the
    day. changes: settings of a campaign that are other than recorded. BadValue.
    """
    head, record = pacing_record.read(file)
    campaign = _campaign(record, changes)
    modes = [DialMode(one) for one in named] or [campaign.mode]
    for mode in modes:
        if mode.for_one_agent or mode is DialMode.ROBOT:
            raise BadValue(f"mode {mode.value} has no lines for agents; replay it with --policy")
    rows = []
    for count, mode in enumerate(modes):
        rows.append(_row(record, campaign, mode, memory, seeds))
        told(count + 1, len(modes))
    settings = {key: getattr(campaign, key) for key in pacing_record.SETTINGS}
    return {
        "campaign": head.get("campaign"),
        "day": head.get("day"),
        "settings": settings,
        "recorded": recorded(record),
        "rows": rows,
    }


def _campaign(record: Record, changes: Mapping[str, Any]) -> Campaign:
    given: dict[str, Any] = {
        key: value for key, value in record.settings.items() if key in pacing_record.SETTINGS
    }
    given |= {key: value for key, value in changes.items() if value is not None}
    given["mode"] = DialMode(given.get("mode", DialMode.PREDICTIVE))
    try:
        return Campaign(_NAME, **given)
    except TypeError as error:
        raise BadValue(f"the settings of the record cannot be read: {error}") from None


def _day(record: Record, campaign: Campaign) -> Day:
    return replace(
        Day(),
        agents=len(record.spans),
        length_s=record.length_s,
        wait_limit_s=campaign.wait_limit_s,
        ring_timeout_s=campaign.ring_timeout_s,
        min_ring_s=min(campaign.min_ring_s, campaign.ring_timeout_s),
        max_ringing_per_agent=campaign.max_ringing_per_agent,
    )


def _row(
    record: Record,
    campaign: Campaign,
    mode: DialMode,
    memory: Mapping[str, Any] | None,
    seeds: int,
) -> Json:
    day = _day(record, campaign)
    found: dict[str, list[float]] = {key: [] for key in _SHOWN}
    for seed in range(1, seeds + 1):
        one, drawn = replay_day(record, day, pacer_for(campaign, memory, mode), seed)
        values = (
            one.utilization, one.abandonment, one.mean_wait_s, one.live - one.abandoned, one.attempts, drawn,
        )  # fmt: skip
        for key, value in zip(_SHOWN, values, strict=True):
            found[key].append(float(value))
    return {"policy": mode.value, **{key: interval(values) for key, values in found.items()}}


def recorded(record: Record) -> Json:
    """The day as it was, in the same figures. Waits are not in a record."""
    live = [call for call in record.calls if call.end is CallEnd.LIVE]
    talks = [call for call in live if call.talk_s is not None]
    present = sum(end - begin for spans in record.spans for begin, end in spans)
    busy = sum(_busy(call, record.length_s) for call in talks)
    return {
        "utilization": busy / present if present else None,
        "abandonment": (len(live) - len(talks)) / len(live) if live else None,
        "conversations": len(talks),
        "attempts": len(record.calls),
        "agents": len(record.spans),
        "hours": record.length_s / 3600.0,
    }


def _busy(call: RecordedCall, length_s: float) -> float:
    """Talk and wrap-up up to the end of the day."""
    begin = call.at_s + call.ring_s
    end = begin + (call.talk_s or 0.0) + (call.wrap_s or 0.0)
    return max(0.0, min(end, length_s) - begin)
