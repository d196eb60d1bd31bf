"""The file of a recorded day (`pacing export-day`, `pacing replay`): from the rows of the store, to lines of
JSON, and back.

Form: the first line is `{"format": "dialer-pacing-day", "version": 1, "campaign", "day", "zone", "start",
"length_s", "start_hour", "settings"}`; then `{"call": {"at", "end", "ring_s", "talk_s", "wrap_s",
"patience_s"}}` in the order of dialling and `{"agent": {"n", "spans": [[from, until], ...]}}`; seconds of
the day, three decimals; `end` is live, machine, busy, no_answer, invalid, congestion or cancelled.

Rules: no number, no case, no name, no agent's id: calls are told by their order, agents are counted from 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.outcome import Outcome
from dialer_engine.engine.news import ENDS
from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.sim.replay import Record, RecordedCall

Json = dict[str, Any]
FORMAT, VERSION = "dialer-pacing-day", 1
# What of a campaign decides its pacing.
SETTINGS = (
    "mode", "ratio", "target", "wait_limit_s", "ring_timeout_s", "min_ring_s", "max_ringing_per_agent",
    "wrap_up_s",
)  # fmt: skip
_PRESENCE = frozenset({"login", "ready", "break", "logout"})
_WORK = frozenset({"talk", "wrap_up"})
# The last call is dialled before the day ends.
_LAST_TICK = timedelta(seconds=1)
# An agent who is away for less was not away: a phone that was called back.
_SHORTEST_ABSENCE_S = 5.0


# -- from the store ----------------------------------------------------------------------------------


def build(
    attempts: Sequence[Mapping[str, Any]],
    events: Iterable[tuple[str, str, datetime, str | None]],
    since: datetime,
    until: datetime,
) -> Record:
    """attempts: rows with originated_at, answered_at, ended_at, outcome, talk_s, waited_s, id; events:
    (agent, kind, at, attempt) by agent and in order. The day runs from the first call that was dialled to
    the last one, because after that there was nothing to pace. BadValue when there is nothing.
    """
    dialled = [row for row in attempts if row["originated_at"] is not None]
    if not dialled:
        raise BadValue("nothing was dialled on this day")
    by_agent: dict[str, list[tuple[str, datetime, str | None]]] = {}
    for agent, kind, at, attempt in events:
        by_agent.setdefault(agent, []).append((kind, at, attempt))
    first = min(row["originated_at"] for row in dialled)
    last = max(row["originated_at"] for row in dialled)
    begin, end = max(since, first), min(until, last + _LAST_TICK)
    wraps = {key: s for rows in by_agent.values() for key, s in _wraps(rows)}
    dialled.sort(key=lambda row: (row["originated_at"], row["id"]))
    calls = [_call(row, begin, wraps) for row in dialled]
    spans = [_spans(rows, begin, end) for rows in by_agent.values()]
    working = [one for one in spans if one]
    if not working:
        raise BadValue("no agent was at work on this day")
    return Record((end - begin).total_seconds(), calls, working)


def _call(row: Mapping[str, Any], begin: datetime, wraps: Mapping[str, float]) -> RecordedCall:
    sent, outcome = row["originated_at"], row["outcome"]
    end = ENDS[Outcome(outcome)] if outcome else CallEnd.CANCELLED
    stopped = row["answered_at"] or row["ended_at"] or sent
    early = outcome == Outcome.HUNG_UP_EARLY.value
    return RecordedCall(
        at_s=(sent - begin).total_seconds(),
        end=end,
        ring_s=max(0.0, (stopped - sent).total_seconds()),
        talk_s=row["talk_s"],
        wrap_s=wraps.get(row["id"]),
        patience_s=row["waited_s"] if early else None,
    )


def _wraps(rows: Sequence[tuple[str, datetime, str | None]]) -> Iterator[tuple[str, float]]:
    """The wrap-up after each talk: until the line does something else."""
    for place, (kind, at, attempt) in enumerate(rows):
        if kind != "wrap_up" or attempt is None:
            continue
        after = [when for what, when, _ in rows[place + 1 :][:4] if what not in _PRESENCE]
        if after:
            yield attempt, (after[0] - at).total_seconds()


def _spans(
    rows: Sequence[tuple[str, datetime, str | None]], begin: datetime, end: datetime
) -> list[tuple[float, float]]:
    """When an agent was at work: logged in, on no break; a talk and its wrap-up are work in any case."""
    found: list[tuple[float, float]] = []
    presence, line, since = "logout", "off", None
    for kind, at, _ in rows:
        presence, line = (kind, line) if kind in _PRESENCE else (presence, kind)
        works = presence in ("login", "ready") or line in _WORK
        if works and since is None:
            since = at
        elif not works and since is not None:
            _add(found, since, at, begin, end)
            since = None
    if since is not None:
        _add(found, since, end, begin, end)
    return found


def _add(
    found: list[tuple[float, float]],
    start: datetime,
    stop: datetime,
    begin: datetime,
    end: datetime,
) -> None:
    first = (max(start, begin) - begin).total_seconds()
    last = (min(stop, end) - begin).total_seconds()
    if last <= first:
        return
    if found and first - found[-1][1] < _SHORTEST_ABSENCE_S:
        first = found.pop()[0]
    found.append((first, last))


# -- the file ----------------------------------------------------------------------------------------


def lines(record: Record, campaign: Campaign, head: Mapping[str, Any]) -> Iterator[str]:
    """The file, line by line. head: day, zone, start, start_hour."""
    settings = {key: getattr(campaign, key) for key in SETTINGS}
    first = {"format": FORMAT, "version": VERSION, "campaign": campaign.name, **head,
             "length_s": _round(record.length_s), "settings": settings}  # fmt: skip
    yield json.dumps(first, ensure_ascii=False)
    for call in record.calls:
        yield json.dumps({"call": _told(call)})
    for place, spans in enumerate(record.spans):
        yield json.dumps(
            {"agent": {"n": place, "spans": [[_round(a), _round(b)] for a, b in spans]}}
        )


def _round(seconds: float) -> float:
    return round(seconds, 3)


def _told(call: RecordedCall) -> Json:
    told: Json = {
        "at": _round(call.at_s),
        "end": call.end.name.lower(),
        "ring_s": _round(call.ring_s),
    }
    for key in ("talk_s", "wrap_s", "patience_s"):
        value = getattr(call, key)
        if value is not None:
            told[key] = _round(value)
    return told


def read(file: Path) -> tuple[Json, Record]:
    """The first line, and the day. BadValue names the line that is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadValue(f"the file cannot be read: {error}") from None
    rows = [_parsed(row, number) for number, row in enumerate(text.splitlines(), 1) if row.strip()]
    head = rows[0] if rows else {}
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise BadValue("this is not what `dialer-engine pacing export-day` writes")
    calls, spans = [], []
    for number, row in enumerate(rows[1:], 2):
        try:
            if "call" in row:
                calls.append(_call_of(row["call"]))
            elif "agent" in row:
                spans.append([(float(a), float(b)) for a, b in row["agent"]["spans"]])
        except (KeyError, TypeError, ValueError) as error:
            raise BadValue(f"line {number} cannot be read: {error!r}") from None
    return head, _checked(head, calls, spans)


def _parsed(row: str, number: int) -> Json:
    try:
        found = json.loads(row)
    except ValueError as error:
        raise BadValue(f"line {number} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadValue(f"line {number} is not an object")
    return found


def _call_of(row: Mapping[str, Any]) -> RecordedCall:
    known = {
        key: None if row.get(key) is None else float(row[key])
        for key in ("talk_s", "wrap_s", "patience_s")
    }
    return RecordedCall(
        float(row["at"]), CallEnd[str(row["end"]).upper()], float(row["ring_s"]), **known
    )


def _checked(
    head: Json, calls: list[RecordedCall], spans: list[list[tuple[float, float]]]
) -> Record:
    length = head.get("length_s")
    if not isinstance(length, int | float) or length <= 0:
        raise BadValue("line 1: length_s must be more than 0")
    if not spans:
        raise BadValue("the file has no agents")
    hour = head.get("start_hour")
    settings = dict(head.get("settings") or {})
    return Record(float(length), calls, spans, float(hour) if hour is not None else None, settings)
