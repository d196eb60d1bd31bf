"""The live table of the demonstration; on a pipe one line every few seconds instead."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dialer_engine.domain.outcome import Outcome

_LINE_EVERY_S = 10.0
Json = dict[str, Any]
_LINES = {
    "idle": "green",
    "in_call": "cyan",
    "wrap_up": "yellow",
    "reserved": "magenta",
    "calling": "red",
    "off": "red",
}


class Board:
    """Shows the status of the daemon while it dials."""

    def __init__(self, console: Console, goal: int) -> None:
        self._console = console
        self._goal = goal
        self._live = (
            Live(console=console, refresh_per_second=8, transient=True)
            if console.is_terminal
            else None
        )
        self._last_line = 0.0

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, status: Json, agents: list[Json], elapsed_s: float) -> None:
        """The present state."""
        if self._live:
            self._live.update(
                Group(
                    self._head(status, elapsed_s),
                    _campaigns(status),
                    _agents(agents),
                    _outcomes(status),
                )
            )
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._console.print(self._head(status, elapsed_s).plain)

    def _head(self, status: Json, elapsed_s: float) -> Text:
        done = attempts(status)
        calls = status["calls"]
        ringing = calls.get("dialing", 0) + calls.get("ringing", 0)
        return Text(
            f"{elapsed_s:4.0f} s   attempts 呼叫 {done}/{self._goal}   ringing 振铃 {ringing}   "
            f"talking 通话 {calls.get('talking', 0)}   up 在线 {sum(calls.values())}",
            style="bold",
        )


def attempts(status: Json) -> int:
    """Attempts of all campaigns."""
    return sum(int(campaign["today"]["attempts"]) for campaign in status["campaigns"])


def _campaigns(status: Json) -> Table:
    table = Table(title="Campaigns 任务", title_justify="left", expand=False)
    for column in ("name", "mode", "attempts", "answered", "bridged", "abandoned", "why"):
        table.add_column(column)
    for one in status["campaigns"]:
        today = one["today"]
        mode = one["mode"] if one["mode"] == "progressive" else f"{one['mode']} {one['ratio']:g}"
        table.add_row(
            one["name"], mode, str(today["attempts"]), str(today["answered"]), str(today["bridged"]),
            str(today["abandoned"]), one["why"],
        )  # fmt: skip
    return table


def _outcomes(status: Json) -> Text:
    total: Counter[str] = Counter()
    for one in status["campaigns"]:
        total.update(one["today"].get("outcomes", {}))
    parts = [f"{Outcome(name).chinese} {name} {count}" for name, count in total.most_common()]
    return Text("Outcomes 结果   " + "   ".join(parts))


def _agents(agents: list[Json]) -> Table:
    table = Table(title="Agents 坐席", title_justify="left", expand=False)
    for column in ("id", "line", "talks", "talk s") * 2:
        table.add_column(column)
    half = (len(agents) + 1) // 2
    for i in range(half):
        cells = _cells(agents[i]) + (_cells(agents[i + half]) if i + half < len(agents) else [])
        table.add_row(*cells)
    return table


def _cells(agent: Json) -> list[Text | str]:
    line = str(agent["line"])
    today = agent["today"]
    return [
        agent["id"],
        Text(line, style=_LINES.get(line, "")),
        str(today["talks"]),
        f"{today['talk_s']:.0f}",
    ]
