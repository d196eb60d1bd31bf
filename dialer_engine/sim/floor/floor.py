"""A call-centre floor on a virtual clock: asked for snapshots and news, told to originate and cancel.

Rules of the world: `scenario`. Here: memory grows as needed, draws are made in blocks, and what the pacer
sees is copied, so that it may keep it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialer_engine.pacing.snapshot import CallEnd, News, Snapshot
from dialer_engine.sim.floor import _events, _ratio, _world, draws
from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor._look import look
from dialer_engine.sim.floor._roster import roster
from dialer_engine.sim.floor._world import Floats, Ints, World
from dialer_engine.sim.floor.scenario import Day

# Fates are drawn for so many calls at once: numpy is then about as fast as it gets.
_BLOCK = 4096
# The series of a day is in half-hours, as call centres report.
_BIN_S = 1800.0
NOTHING = News()
_NONE: Floats = np.zeros((0, 3))
_NOBODY: Floats = np.zeros(0)


def _lists(sentinels: int, rows: int, start: int) -> Ints:
    """Linked lists: all rows in the list `start`, the others empty."""
    links = np.zeros((sentinels + rows, 3), dtype=np.int64)
    for sentinel in range(sentinels):
        links[sentinel, :2] = sentinel
    for row in range(sentinels, sentinels + rows):
        _world.append(links, row, start)
    return links


@dataclass(frozen=True, slots=True)
class Counts:
    """The day up to now. live: answers as the dialler is told, abandoned ones among them. early: cancelled
    before the minimum ring time. left: agents who went away. people_lost, machines_passed: AMD's errors.
    hung_up: of the abandoned, callers who left by themselves. wait_s: of all connected callers together;
    idle_s: of agents before a talk, together (0 where a caller waited). ends: calls by CallEnd.
    """

    attempts: int
    live: int
    abandoned: int
    connected: int
    cancelled: int
    early: int
    left: int
    people_lost: int
    machines_passed: int
    hung_up: int
    wait_s: float
    idle_s: float
    ends: dict[CallEnd, int]


class Floor:
    """The world of one day, at `now` seconds after its start."""

    def __init__(self, day: Day, seed: int) -> None:
        self.day, self.seed = day, seed
        self.now = 0.0
        # False: snapshots have as many ages as they should, all of them 0, for policies that only count.
        self.ages = True
        self._left = 0
        self._arrivals, self._plan = roster(day, seed)
        self._several = bool(day.lists)
        self._marked = any(kind.group for kind in day.talks)
        self._block, self._next, self._first = np.zeros((0, col.D_COUNT)), 0, 0
        self._world = self._start()
        self._look = np.zeros((2, 5, 0))
        self._fit_look()
        self._arrive()

    # ------------------------------------------------------------------------------ asked
    def snapshot(self) -> Snapshot:
        """What a pacer sees now; ages oldest first."""
        world, day = self._world, self.day
        _, ringing, classifying, waiting = world.call_links[: col.CALL_0, 2].tolist()
        _, idle, talking, wrapping, away = world.agent_links[: col.AGENT_0, 2].tolist()
        ages, marks = self._look
        if self.ages:
            look(world, ages, marks)
        several, marked = self._several, self._marked
        return Snapshot(
            at=self.now,
            idle=idle,
            talking=ages[0, :talking].copy(),
            wrapping=ages[1, :wrapping].copy(),
            ringing=ages[2, :ringing].copy(),
            waiting=ages[3, :waiting].copy() if waiting else _NOBODY,
            room=max(0, day.trunks - ringing - waiting - classifying - talking),
            abandoned=int(world.counts[col.N_ABANDONED]),
            live=int(world.counts[col.N_LIVE]),
            classifying=ages[4, :classifying].copy() if classifying else _NOBODY,
            ringing_list=marks[2, :ringing].astype(np.int64) if several else None,
            next_list=day.list_at(self.now) if several else 0,
            talking_group=marks[0, :talking].astype(np.int64) if marked else None,
            wrapping_group=marks[1, :wrapping].astype(np.int64) if marked else None,
            period_left_s=day.length_s - self.now,
            away=away,
            local_hour=self._hour(),
        )

    def news(self) -> News:
        """What ended since this was last asked; one shared empty value when nothing did."""
        told = self._world.counts[col.N_NEWS : col.N_NEWS + 5].tolist()
        left = int(self._world.counts[col.N_LEFT])
        if left == self._left and not any(told):
            return NOTHING
        calls, amd, talks, wraps, patience = (
            table[:rows].copy() if rows else _NONE
            for table, rows in zip(self._world.news, told, strict=True)
        )
        self._world.counts[col.N_NEWS : col.N_NEWS + 5] = 0
        gone, self._left = left - self._left, left
        return News(
            call_end=calls[:, col.W_END].astype(np.int64),
            call_ring_s=calls[:, col.W_SECONDS],
            call_list=calls[:, col.W_MARK].astype(np.int64) if self._several else None,
            amd_s=amd[:, col.W_SECONDS],
            talk_s=talks[:, col.W_SECONDS],
            talk_group=talks[:, col.W_MARK].astype(np.int64) if self._marked else None,
            wrap_s=wraps[:, col.W_SECONDS],
            wrap_group=wraps[:, col.W_MARK].astype(np.int64) if self._marked else None,
            patience_s=patience[:, col.W_SECONDS],
            left=gone,
        )

    def counts(self) -> Counts:
        """The day so far."""
        n, sums = self._world.counts, self._world.sums
        return Counts(
            attempts=int(n[col.N_ATTEMPTS]),
            live=int(n[col.N_LIVE]),
            abandoned=int(n[col.N_ABANDONED]),
            connected=int(n[col.N_CONNECTED]),
            cancelled=int(n[col.N_CANCELLED]),
            early=int(n[col.N_EARLY]),
            left=int(n[col.N_LEFT]),
            people_lost=int(n[col.N_LOST]),
            machines_passed=int(n[col.N_PASSED]),
            hung_up=int(n[col.N_HUNG_UP]),
            wait_s=float(sums[col.F_WAIT]),
            idle_s=float(sums[col.F_IDLE]),
            ends={end: int(n[col.N_ENDS + end]) for end in CallEnd},
        )

    def in_flight(self) -> int:
        """Calls that are ringing, classified or waiting."""
        links = self._world.call_links
        return int(links[col.RINGING, 2] + links[col.CLASSIFYING, 2] + links[col.WAITING, 2])

    def next_event(self) -> float:
        """When something may happen next, inf for never: to be asked at each event instead of each tick."""
        return float(self._world.heap[0, 0]) if self._world.counts[col.N_HEAP] else math.inf

    def series(self) -> Floats:
        """By half-hour: agents' seconds off, idle, talking, wrapping, away up to now; then attempts, live,
        abandoned, cancelled (what comes after the day's end is in the last half-hour).
        """
        series = self._world.series.copy()
        for agent in range(self.day.agents):
            _events.spread(self._world, agent, series)
        return series

    # ------------------------------------------------------------------------------- told
    def originate(self, calls: int) -> int:
        """Dial; how many calls were within the limits of lines and trunks, and were dialled."""
        day = self.day
        if calls <= 0 or self.now >= day.length_s:
            return 0
        calls = min(calls, self._lines_left())
        if calls <= 0:
            return 0
        self._fit_calls(calls)
        call_list = day.list_at(self.now)
        rate, congested = day.rate_at(self.now, call_list), day.outage_at(self.now)
        left = calls
        while left:
            fates = self._drawn(left)
            _events.originate(self._world, fates, rate, call_list, congested)
            left -= len(fates)
        return calls

    def cancel(self, places: Sequence[int]) -> None:
        """Stop calls: places in the `ringing` of a snapshot that was taken at this very time, before
        anything was originated. Places out of range are an IndexError.
        """
        if not places:
            return
        wanted = np.array(sorted(set(places)), dtype=np.int64)
        if wanted[0] < 0 or wanted[-1] >= self._world.call_links[col.RINGING, 2]:
            raise IndexError("no such place among the ringing calls")
        while not self._news_room(len(wanted)):
            self._grow()
        _events.cancel(self._world, wanted)

    def advance(self, until: float) -> None:
        """Let time pass to `until`; all that happens by then has happened."""
        world = self._world
        if world.counts[col.N_HEAP] == 0 or world.heap[0, 0] > until:
            world.sums[col.F_NOW] = until
        else:
            while not _events.run(self._world, until):
                self._grow()
        self.now = until

    def follow_ratio(
        self, lines: float, cap: float, step: float, trace: Floats, every: int
    ) -> None:
        """The whole day under a fixed ratio of lines to idle agents, at most `cap` ringing for each at work,
        asked each `step` seconds. trace: filled with each `every`-th tick, unless that is 0.
        """
        day, fates, row, tick = self.day, np.zeros((0, col.D_COUNT)), 0, 0
        course = _ratio.Course(
            lines,
            min(cap, day.max_ringing_per_agent, float(day.trunks)),
            day.trunks,
            step,
            day.answer_rate,
            np.array(day.rate_curve, dtype=np.float64),
            np.array([(o.factor, o.from_s, o.until_s, o.period_s) for o in day.lists]).reshape(
                -1, 4
            ),
            np.array(day.outages, dtype=np.float64).reshape(-1, 2),
        )
        while True:
            tick, row = _ratio.follow(self._world, course, fates, row, tick, trace, every)
            self.now = float(self._world.sums[col.F_NOW])
            if tick * step >= day.length_s:
                return
            if not self._news_room(0):
                self._grow()
            new = _ratio.wanted(self._world, course)
            self._fit_calls(max(1, new))
            if len(fates) - row < new:
                fates, row = np.vstack((fates[row:], self._drawn(_BLOCK))), 0

    # ----------------------------------------------------------------------------- inside
    def _hour(self) -> float | None:
        start = self.day.start_hour
        return None if start is None else (start + self.now / 3600.0) % 24.0

    def _lines_left(self) -> int:
        calls, staff = self._world.call_links[:, 2], self._world.agent_links[:, 2]
        talking = int(staff[col.TALKING])
        staffed = int(staff[col.IDLE] + staff[col.WRAPPING]) + talking
        lines = staffed * self.day.max_ringing_per_agent - int(calls[col.RINGING])
        room = self.day.trunks - self.in_flight() - talking
        return int(min(lines, room)) if math.isfinite(lines) else room

    def _drawn(self, calls: int) -> Floats:
        """Fates of the next calls, as many as the present block has."""
        if self._next == len(self._block):
            self._first += len(self._block)
            self._block = draws.calls(self.day, self.seed, self._first, _BLOCK)
            self._next = 0
        start, self._next = self._next, min(self._next + calls, len(self._block))
        return self._block[start : self._next]

    def _start(self) -> World:
        day, rows = self.day, max(64, 4 * self.day.agents)
        bins = max(1, math.ceil(day.length_s / _BIN_S))
        sums = np.zeros(col.F_COUNT)
        sums[col.F_DAY], sums[col.F_BIN] = day.length_s, _BIN_S
        sums[col.F_LIMIT], sums[col.F_MIN_RING] = day.wait_limit_s, day.min_ring_s
        sums[col.F_CONGESTION] = day.congestion_s
        return World(
            sums=sums,
            counts=np.zeros(col.N_COUNT, dtype=np.int64),
            calls=np.zeros((col.CALL_0 + rows, col.C_COUNT)),
            call_links=_lists(col.CALL_0, rows, col.FREE),
            agents=np.zeros((day.agents, col.A_COUNT)),
            agent_links=_lists(col.AGENT_0, day.agents, col.OFF),
            plan=self._plan,
            heap=np.zeros((16 * day.agents + 256, 3)),
            series=np.zeros((bins, col.S_COUNT)),
            news=np.zeros((5, 256, 3)),
            talk_curve=np.array(day.talk_curve, dtype=np.float64),
        )

    def _arrive(self) -> None:
        world = self._world
        for agent, at in enumerate(self._arrivals):
            world.agents[agent, col.A_SEQ] = _world.push(world, float(at), col.E_AGENT, agent)
            for step in world.plan[agent]:
                if math.isfinite(step[col.P_AT]):
                    _world.push(world, float(step[col.P_AT]), col.E_LEAVE, agent)
        self.advance(0.0)

    def _news_room(self, rows: int) -> bool:
        told = self._world.counts[col.N_NEWS : col.N_NEWS + 5]
        return bool(told.max() + rows + 8 <= self._world.news.shape[1])

    def _fit_calls(self, calls: int) -> None:
        """Room for so many more calls and their events."""
        while self._world.counts[col.N_HEAP] + calls + 8 > len(self._world.heap):
            self._grow()
        links = self._world.call_links
        if links[col.FREE, 2] < calls:
            more = max(calls, len(links))
            grown = np.vstack((links, np.zeros((more, 3), dtype=np.int64)))
            for row in range(len(links), len(grown)):
                _world.append(grown, row, col.FREE)
            table = np.vstack((self._world.calls, np.zeros((more, col.C_COUNT))))
            self._world = self._world._replace(calls=table, call_links=grown)
            self._fit_look()

    def _grow(self) -> None:
        """Twice the room for events and news."""
        world = self._world
        self._world = world._replace(
            heap=np.vstack((world.heap, np.zeros_like(world.heap))),
            news=np.concatenate((world.news, np.zeros_like(world.news)), axis=1),
        )

    def _fit_look(self) -> None:
        rows = max(len(self._world.calls), self.day.agents)
        self._look = np.zeros((2, 5, rows))
