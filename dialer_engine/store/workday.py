"""How agents spent their time, from their events.

Rules: two axes run side by side, what the person chose and what the line did; talk and wrap-up
count as work whatever the person chose meanwhile (a break asked for during a talk begins after
it); a day that is still open ends at the end of the span. Utilization is talk + wrap-up over
logged-in time without breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.store.schema import agent_events, agents

_PRESENCE = frozenset({"login", "ready", "break", "logout"})
_WORKING_LINE = frozenset({"talk", "wrap_up"})


@dataclass(slots=True)
class Workday:
    """One agent's seconds in a span. ready_s: logged in, no break, line free or not."""

    agent: str
    logged_in_s: float = 0.0
    break_s: float = 0.0
    talk_s: float = 0.0
    wrap_up_s: float = 0.0

    @property
    def base_s(self) -> float:
        """Logged in without breaks."""
        return self.logged_in_s - self.break_s

    @property
    def utilization(self) -> float | None:
        """Share of `base_s` in talk or wrap-up, None without any time."""
        return (self.talk_s + self.wrap_up_s) / self.base_s if self.base_s > 0 else None

    def as_dict(self, talks: int) -> dict[str, Any]:
        """The row of a report."""
        return {
            "agent": self.agent,
            "talks": talks,
            "logged_in_s": self.logged_in_s,
            "break_s": self.break_s,
            "talk_s": self.talk_s,
            "wrap_up_s": self.wrap_up_s,
            "utilization": self.utilization,
        }


def utilization(days: Sequence[Workday]) -> float | None:
    """Of all agents together."""
    base = sum(day.base_s for day in days)
    return sum(day.talk_s + day.wrap_up_s for day in days) / base if base > 0 else None


def measured(
    agent: str,
    events: Iterable[tuple[str, datetime]],
    since: datetime | None,
    until: datetime,
) -> Workday:
    """One agent's day from (kind, at) in order; they begin at a login, or at the first event."""
    day = Workday(agent)
    presence, line, last = "logout", "off", None
    for kind, at in events:
        if last is not None:
            _spend(day, presence, line, _overlap(last, at, since, until))
        presence, line = _after(presence, line, kind)
        last = at
    if last is not None:
        _spend(day, presence, line, _overlap(last, until, since, until))
    return day


def _after(presence: str, line: str, kind: str) -> tuple[str, str]:
    """A logout leaves a talk to its end; everything else of the line ends with it. A login starts
    afresh, but not in the middle of a talk.
    """
    if kind not in _PRESENCE:
        return presence, kind
    if kind in ("login", "logout") and line != "talk":
        return kind, "off"
    return kind, line


def _spend(day: Workday, presence: str, line: str, seconds: float) -> None:
    if line in _WORKING_LINE:
        day.logged_in_s += seconds
        if line == "talk":
            day.talk_s += seconds
        else:
            day.wrap_up_s += seconds
    elif presence == "break":
        day.logged_in_s += seconds
        day.break_s += seconds
    elif presence != "logout":
        day.logged_in_s += seconds


def _overlap(start: datetime, end: datetime, since: datetime | None, until: datetime) -> float:
    begin = start if since is None else max(start, since)
    return max(0.0, (min(end, until) - begin).total_seconds())


async def figures(
    connection: AsyncConnection, skill: str, since: datetime | None, until: datetime
) -> list[Workday]:
    """The days of all agents who were at work in the span; with a skill, of those who have it."""
    rows = (await connection.execute(_events(since, until))).all()
    able = await _able(connection, skill)
    days = [
        measured(agent, ((row.kind, row.at) for row in group), since, until)
        for agent, group in groupby(rows, key=lambda row: str(row.agent_id))
        if able is None or agent in able
    ]
    return [day for day in days if day.logged_in_s > 0]


def _events(since: datetime | None, until: datetime) -> Select[Any]:
    """From each agent's last login before the span, because a login says where both axes stand."""
    event, earlier = agent_events, agent_events.alias("earlier")
    query = select(event.c.agent_id, event.c.kind, event.c.at).where(event.c.at < until)
    if since is not None:
        login = (
            select(func.max(earlier.c.at))
            .where(
                earlier.c.agent_id == event.c.agent_id,
                earlier.c.kind == "login",
                earlier.c.at <= since,
            )
            .scalar_subquery()
        )
        query = query.where(or_(event.c.at >= since, and_(event.c.at >= login)))
    return query.order_by(event.c.agent_id, event.c.at, event.c.id)


async def _able(connection: AsyncConnection, skill: str) -> set[str] | None:
    if not skill:
        return None
    rows = await connection.execute(select(agents.c.id, agents.c.skills))
    return {agent for agent, skills in rows if skill in skills}
