"""Which columns the tables have; `status`, the lists and `top` share them."""

from __future__ import annotations

from typing import Any

from dialer_engine.cli.show import Column, Row, duration, local_time, number, percent, plain


def _inner(outer: str, key: str) -> Any:
    """Getter of row[outer][key], None when either is missing."""

    def get(row: Row) -> Any:
        return (row.get(outer) or {}).get(key)

    return get


def _settings(row: Row) -> str:
    if row.get("mode") == "ratio":
        return f"ratio {number(row.get('ratio'))}"
    return str(row.get("mode"))


CAMPAIGNS: tuple[Column, ...] = (
    Column("Campaign", "name"),
    Column("State", "state", word=True),
    Column("Mode", _settings),
    Column("Due", _inner("backlog", "due"), number, right=True),
    Column("In flight", _inner("backlog", "in_flight"), number, right=True),
    Column("Done", _inner("backlog", "done"), number, right=True),
    Column("Attempts", _inner("today", "attempts"), number, right=True),
    Column("Answered", _inner("today", "answered"), number, right=True),
    Column("Bridged", _inner("today", "bridged"), number, right=True),
    Column("Abandoned", _inner("today", "abandoned"), number, right=True),
    Column("Abandonment", _inner("today", "abandonment_rate"), percent, right=True),
    Column("Why", "why"),
)

# What is left of them on a narrow terminal.
CAMPAIGNS_NARROW: tuple[Column, ...] = tuple(
    column
    for column in CAMPAIGNS
    if column.head in ("Campaign", "State", "Mode", "Attempts", "Bridged", "Abandonment")
)

AGENTS: tuple[Column, ...] = (
    Column("Agent", "id"),
    Column("Presence", "presence", word=True),
    Column("Reason", "break_reason"),
    Column("Line", "line", word=True),
    Column("Since", "since", local_time),
    Column("Campaign", "campaign"),
    Column("Attempt", "attempt"),
    Column("Skills", "skills"),
    Column("Mode", "mode", word=True),
    Column("Talks", _inner("today", "talks"), number, right=True),
    Column("Talk", _inner("today", "talk_s"), duration, right=True),
)

CALLS: tuple[Column, ...] = (
    Column("Attempt", "attempt"),
    Column("Campaign", "campaign"),
    Column("Phase", "phase", word=True),
    Column("Agent", "agent"),
    Column("Time", "since_s", duration, right=True),
    Column("Node", "node"),
    Column("Trunk", "trunk"),
)

NODES: tuple[Column, ...] = (
    Column("Node", "name"),
    Column("Connected", "connected", plain, word=True),
    Column("Version", "version"),
    Column("Since", "since", local_time),
    Column("Detail", "detail"),
)

TRUNKS: tuple[Column, ...] = (
    Column("Trunk", "name"),
    Column("Node", "node"),
    Column("In use", "in_use", number, right=True),
    Column("Max", "max_channels", number, right=True),
    Column("CPS", "max_cps", number, right=True),
    Column("Breaker", "breaker", word=True),
)
