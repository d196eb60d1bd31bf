"""From the data of a strategy file to a `Strategy`, with every problem at its place.

Rules: nothing in a file makes this raise but BadValue; all problems of shape are found in one go,
then all of sense (names that are not there, days that end before they begin); a strategy is made
only when none of them is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy import format as f
from dialer_engine.strategy.conditions import nearest
from dialer_engine.strategy.model import (
    Arm,
    Channel,
    Dial,
    Event,
    Experiment,
    Mode,
    Segment,
    Step,
    Strategy,
    Title,
)
from dialer_engine.strategy.nodes import Node, Pairs, Problem, errors, plain, problem
from dialer_engine.strategy.retry import retry_table
from dialer_engine.strategy.spec import BROKEN, Table, read

# Shares are percents with a decimal; their sum is compared with 100 up to this.
_SHARES_OFF = 0.01


def read_strategy(name: str, node: Node) -> tuple[Strategy | None, list[Problem]]:
    """The strategy and its problems; None when one of them is an error."""
    problems: list[Problem] = []
    table = read(f.STRATEGY, node, problems)
    if table is BROKEN:
        return None, sorted(problems)
    made = _strategy(name, table, problems)
    return (None if errors(problems) else made), sorted(problems)


def parse_strategy(name: str, node: Node) -> Strategy:
    """The strategy, or BadValue with every error and its place."""
    made, problems = read_strategy(name, node)
    if made is None:
        told = "; ".join(str(found) for found in errors(problems)[:20])
        raise BadValue(f"strategy {name}: {told}")
    return made


def is_strategy(node: Node) -> bool:
    """Whether the file is of this format, and not a plain retry table."""
    pairs = node.value if isinstance(node.value, Pairs) else ()
    return any(key.value in ("version", "segments") for key, _ in pairs)


def _strategy(name: str, table: Table, problems: list[Problem]) -> Strategy | None:
    segments = tuple(_segment(row, problems) for row in table["segments"])
    _once(
        "segment",
        ((s.id, row) for s, row in zip(segments, table["segments"], strict=True)),
        problems,
    )
    ids = [segment.id for segment in segments]
    experiments = tuple(_experiment(row, ids, problems) for row in table["experiments"] or ())
    _once(
        "experiment",
        ((e.id, row) for e, row in zip(experiments, table["experiments"] or (), strict=True)),
        problems,
    )
    _known("mix", table, table["mix"] or {}, ids, problems)
    _known(
        "order", table, [text.lstrip("-") for text in table["order"] or ()], f.SORTABLE, problems
    )
    retry = {"max_tries": table["max_tries"], "retry": plain(table.place("retry"))}
    try:
        rules = retry_table(name, retry)
    except BadValue as error:
        problems.append(problem(table.place("retry"), str(error)))
        return None
    return Strategy(
        name, _title(table["title"]), rules, segments, _dial(table["dial"]),
        tuple(table["order"] or ("-priority",)), table["mix"] or {}, experiments,
        tuple(table["presets"] or ()),
    )  # fmt: skip


def _title(table: Table | None) -> Title:
    return Title(table["en"] or "", table["zh"] or "") if table else Title()


def _dial(table: Table | None) -> Dial:
    if table is None:
        return Dial()
    return Dial(**{**table.values, "mode": Mode(table["mode"])})


def _once(what: str, rows: Iterable[tuple[str, Table]], problems: list[Problem]) -> None:
    seen: dict[str, int] = {}
    for name, table in rows:
        if name in seen:
            told = f"a {what} is called {name} already, in line {seen[name]}"
            problems.append(problem(table.place("id"), told))
        seen.setdefault(name, table.node.line)


def _known(
    key: str, table: Table, names: Iterable[str], known: Iterable[str], problems: list[Problem]
) -> None:
    for name in names:
        if name not in known:
            told = f"{key}: there is no {name}{nearest(name, known)}"
            problems.append(problem(table.place(key), told))


def _segment(table: Table, problems: list[Problem]) -> Segment:
    rows: list[Table] = table["ladder"] or []
    steps = [_step(row, problems) for row in rows]
    _once("step", ((s.id, row) for s, row in zip(steps, rows, strict=True)), problems)
    if bool(steps) == bool(table["hold"]):
        told = "a segment has either a ladder or hold, which says why nobody is contacted"
        problems.append(problem(table.node, told))
    return Segment(
        table["id"], _title(table["title"]), table["when"], _ended(steps), table["hold"] or "",
        table.node.line, table.node.column,
    )  # fmt: skip


def _step(table: Table, problems: list[Problem]) -> Step:
    problems += _step_faults(table)
    event = table["event"]
    return Step(
        id=table["id"], channel=Channel(table["channel"]), day=table["day"], until=table["until"],
        event=Event(event) if event else None, script=table["script"] or "",
        line=table.node.line, column=table.node.column, **_settings(table, problems),
    )  # fmt: skip


_PLAIN = ("strength", "per_day", "per_week", "priority")


def _settings(table: Table, problems: list[Problem]) -> dict[str, Any]:
    """What a step and an arm have in common, in the types of the model; only what is given."""
    found = {name: table[name] for name in _PLAIN if table[name] is not None}
    if table["mode"]:
        found["mode"] = Mode(table["mode"])
    if table["hours"]:
        start, end = (_minutes(text) for text in table["hours"])
        found["hours"] = (start, end)
        if start >= end:
            problems.append(problem(table.place("hours"), "the hours end before they begin"))
    if table.values.get("weekdays"):
        found["weekdays"] = frozenset(f.WEEKDAYS.index(day) for day in table["weekdays"])
    return found


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _step_faults(table: Table) -> Iterator[Problem]:
    day, until, event = table["day"], table["until"], table["event"]
    if (day is None) == (event is None):
        yield problem(table.node, "a step has either day or event")
    if until is not None and (day is None or until < day):
        yield problem(table.place("until"), "until is a day past due, not before day")
    if table["per_day"] > table["per_week"]:
        yield problem(table.place("per_day"), "per_day is more than per_week")
    if table["mode"] and not Channel(table["channel"]).is_voice:
        yield problem(table.place("mode"), f"nothing is dialled on the channel {table['channel']}")
    if (table["channel"] == Channel.BOT_CALL) != (table["mode"] == Mode.ROBOT) and table["mode"]:
        yield problem(table.place("mode"), "bot_call goes with mode robot, call with the others")
    if not table["script"] and table["channel"] != Channel.TASK:
        yield problem(table.node, "a step that reaches somebody needs a script")


def _ended(steps: list[Step]) -> tuple[Step, ...]:
    """The steps with their last day filled in."""
    starts = [(step.channel, step.day) for step in steps if step.day is not None]
    return tuple(_last_day(step, starts) for step in steps)


def _last_day(step: Step, starts: list[tuple[Channel, int]]) -> Step:
    if step.day is None or step.until is not None:
        return step
    if not step.channel.is_voice:
        return replace(step, until=step.day)
    later = [day for channel, day in starts if channel is step.channel and day > step.day]
    return replace(step, until=min(later) - 1) if later else step


def _experiment(table: Table, segments: list[str], problems: list[Problem]) -> Experiment:
    arms = tuple(_arm(row, problems) for row in table["arms"])
    _once("arm", ((a.id, row) for a, row in zip(arms, table["arms"], strict=True)), problems)
    total = sum(arm.share for arm in arms)
    if abs(total - 100) > _SHARES_OFF:
        problems.append(problem(table.place("arms"), f"the shares make {total:g}, not 100"))
    _known("segments", table, table["segments"] or (), segments, problems)
    return Experiment(
        table["id"], arms, tuple(table["segments"] or ()), table.node.line, table.node.column
    )


def _arm(table: Table, problems: list[Problem]) -> Arm:
    made: Table | None = table["set"]
    if made is None:
        return Arm(table["id"], float(table["share"]))
    changes: dict[str, object] = _settings(made, problems)
    if made["script"]:
        changes["script"] = made["script"]
    if made["channel"]:
        changes["channel"] = Channel(made["channel"])
    return Arm(table["id"], float(table["share"]), changes)
