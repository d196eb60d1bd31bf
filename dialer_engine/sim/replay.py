"""A recorded day on the floor simulator: the people who were called and the agents who were at work, under
another policy or other settings.

Rules: the n-th call of the replay is the n-th of the record: it is answered or not, rings, talks and is
wrapped up as that one did; what the record does not know (how a call would have ended that was cancelled,
how long one would have talked that was abandoned, calls beyond the last one) is drawn from the calls of the
record, those dialled next to it in order; agents come, leave and return as recorded, and finish a talk
first; one list, no detector.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dialer_engine.domain.errors import BadValue
from dialer_engine.pacing.snapshot import CallEnd, Pacer
from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor._world import World
from dialer_engine.sim.floor.day import TICK_S, DayResult, _carry_out, _drain, _result
from dialer_engine.sim.floor.draws import Floats, uniforms
from dialer_engine.sim.floor.floor import Floor
from dialer_engine.sim.floor.scenario import Day

# Streams of draws, beyond those of the floor.
_OTHER, _TALK = 2000, 2001
# What is not known is drawn from so many calls on either side: about half an hour of a team of ten, in
# which the answer rate hardly changes.
_NEAR = 200
_NEVER, _ALWAYS = 2.0, -1.0


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """at_s: dialled, seconds of the day. ring_s: until it was answered or ended. Seconds, None: not known
    or did not happen. patience_s: an answered caller hung up after so long.
    """

    at_s: float
    end: CallEnd
    ring_s: float
    talk_s: float | None = None
    wrap_s: float | None = None
    patience_s: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A day. spans: for each agent when they were at work, seconds of the day, in order, not on breaks.
    start_hour: local hour at its beginning.
    """

    length_s: float
    calls: Sequence[RecordedCall]
    spans: Sequence[Sequence[tuple[float, float]]]
    start_hour: float | None = None
    settings: dict[str, object] = field(default_factory=dict)


class RecordedFloor(Floor):
    """The floor whose persons and agents are those of a record. drawn: calls that were beyond it."""

    def __init__(self, record: Record, day: Day, seed: int) -> None:
        if not record.calls or not any(call.end is CallEnd.LIVE for call in record.calls):
            raise BadValue("nobody answered in this record: there is nothing to replay")
        self._record = record
        self._fates = _fates(record, seed)
        self.dialled = 0
        # Whether a call is answered is in its row: any rate between 0 and 1 leaves it so.
        rate = 0.5
        plain = replace(day, agents=len(record.spans), answer_rate=rate, lists=(), amd=None,
                        length_s=record.length_s, start_hour=record.start_hour)  # fmt: skip
        super().__init__(plain, seed)

    @property
    def drawn(self) -> int:
        """Calls that the record does not have."""
        return max(0, self.dialled - len(self._record.calls))

    def _start(self) -> World:
        self._arrivals, self._plan = _presence(self._record)
        return super()._start()

    def _drawn(self, calls: int) -> Floats:
        first, known = self.dialled, len(self._fates)
        self.dialled += calls
        places = np.arange(first, first + calls)
        beyond = places >= known
        if beyond.any():
            # From the last calls of the record, so that the end of the day goes on as it was.
            u = uniforms(self.seed, _OTHER, first, calls)[beyond]
            near = min(known, 2 * _NEAR)
            places[beyond] = known - near + (u * near).astype(np.int64)
        return np.ascontiguousarray(self._fates[places])


def _presence(record: Record) -> tuple[Floats, Floats]:
    """As `floor._roster.roster` gives them."""
    steps = max(1, max(len(spans) for spans in record.spans))
    plan = np.full((len(record.spans), steps, 3), math.inf)
    arrive = np.full(len(record.spans), record.length_s)
    for agent, spans in enumerate(record.spans):
        for step, (begin, end) in enumerate(spans):
            arrive[agent] = min(arrive[agent], begin)
            back = spans[step + 1][0] if step + 1 < len(spans) else math.inf
            if end < record.length_s:
                plan[agent, step, col.P_AT : col.P_UNTIL + 1] = (end, math.inf, back)
    return arrive, plan


def _fates(record: Record, seed: int) -> Floats:
    """A row for each call, columns of `floor.columns`."""
    calls = record.calls
    pick = uniforms(seed, _OTHER + 10, 0, len(calls))
    talked = np.array(
        [i for i, call in enumerate(calls) if call.talk_s is not None], dtype=np.int64
    )
    ended = np.array(
        [i for i, call in enumerate(calls) if call.end is not CallEnd.CANCELLED], dtype=np.int64
    )
    if not len(talked):
        raise BadValue("nobody talked in this record: there is nothing to replay")
    table = np.zeros((len(calls), col.D_COUNT))
    talk_pick = uniforms(seed, _TALK, 0, len(calls))
    for place, call in enumerate(calls):
        known = call if call.end is not CallEnd.CANCELLED else _instead(calls, ended, place, pick)
        spoken = (
            known if known.talk_s is not None else calls[_near(talked, place, talk_pick[place])]
        )
        _fill(table[place], known, spoken)
    return table


def _near(places: np.ndarray[tuple[int], np.dtype[np.int64]], place: int, u: float) -> int:
    """One of the `places` that lie next to `place` in order."""
    middle = int(np.searchsorted(places, place))
    low = max(0, min(middle - _NEAR, len(places) - 2 * _NEAR))
    some = places[low : low + 2 * _NEAR]
    return int(some[min(len(some) - 1, int(u * len(some)))])


def _instead(
    calls: Sequence[RecordedCall],
    ended: np.ndarray[tuple[int], np.dtype[np.int64]],
    place: int,
    pick: Floats,
) -> RecordedCall:
    """How a cancelled call would have ended: as one near it that rang at least as long."""
    age = calls[place].ring_s
    middle = int(np.searchsorted(ended, place))
    low = max(0, min(middle - _NEAR, len(ended) - 2 * _NEAR))
    some = [int(i) for i in ended[low : low + 2 * _NEAR] if calls[int(i)].ring_s >= age]
    if not some:
        return RecordedCall(calls[place].at_s, CallEnd.NO_ANSWER, age)
    return calls[some[min(len(some) - 1, int(pick[place] * len(some)))]]


def _fill(row: Floats, call: RecordedCall, spoken: RecordedCall) -> None:
    live = call.end is CallEnd.LIVE
    row[col.D_LIVE] = _ALWAYS if live else _NEVER
    row[col.D_RING] = row[col.D_FAILED_RING] = call.ring_s
    row[col.D_FAILED_END] = float(CallEnd.NO_ANSWER if live else call.end)
    row[col.D_TALK], row[col.D_WRAP] = spoken.talk_s or 0.0, spoken.wrap_s or 0.0
    row[col.D_PATIENCE] = call.patience_s if call.patience_s is not None else math.inf
    row[col.D_AMD] = -1.0


def replay_day(record: Record, day: Day, pacer: Pacer, seed: int) -> tuple[DayResult, int]:
    """The day under a policy, and how many calls were beyond the record. day: the settings that hold."""
    floor = RecordedFloor(record, day, seed)
    ticks = 0
    while (now := ticks * TICK_S) < record.length_s:
        floor.advance(now)
        pacer.learn(floor.news())
        _carry_out(floor, pacer.decide(floor.snapshot()))
        ticks += 1
    _drain(floor)
    return _result(floor, 0.0, ticks, np.zeros((0, 0))), floor.drawn
