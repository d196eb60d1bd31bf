"""Predictive pacing: the largest number of calls of which each will still find an agent, but for the chance
that the abandonment target leaves.

Rules: what happens to each call in flight and each agent at work comes from learned rates by age
(`rings`, `spells`); the chance of a loss is the full law of answers against free agents (`chance`); it is
weighed against the chance to find one, at a price that follows the abandonment measured so far (`budget`);
calls that have rung their minimum are stopped when an answer would find nobody, younger ones only when
agents vanish; nobody at work, no calls.

Why one price for all states: on the Markov model of a campaign (exponential ring, handling and patience)
this rule reaches 0.998 and more of the exact optimum (docs/reference/pacing.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.budget import Budget
from dialer_engine.pacing.chance import Exact, Law, Load, Moments, Tables
from dialer_engine.pacing.hazard import Array
from dialer_engine.pacing.loops import NUMPY, Loops
from dialer_engine.pacing.news import floats, gather, marks, tells
from dialer_engine.pacing.rings import RingPrior, Rings
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import CallEnd, Decision, News, Snapshot
from dialer_engine.pacing.spells import Spells, free_by, talks, wrap_ups


@dataclass(frozen=True, slots=True)
class Tuning:
    """Constants of the controller, from runs on the simulator (docs/reference/pacing.md).

    horizons: answer times looked at. refresh_s: tables are made anew so often. look_s: with nothing new,
    a decision is made so often. exact_until: agents at work up to whom the exact law is used; small_until:
    up to whom its small transform is enough. at_once: numbers of calls tried in one go. cancel_over: a
    call past its minimum is stopped when its chance of a loss is so many prices.
    """

    horizons: int = 8
    refresh_s: float = 5.0
    look_s: float = 1.0
    exact_until: int = 40
    small_until: int = 12
    at_once: int = 16
    cancel_over: float = 3.0


# After a gap (a restart, a stopped clock) nothing is known of what ran meanwhile.
_LONGEST_STEP_S = 5.0
# Agents vanish when a fifth of them is gone within ten seconds; then an even chance of a loss is too much.
_VANISH = 0.8
_VANISH_S = 10.0
_EVEN = 0.5
# AMD's decision is learned over the last hundred or so.
_AMD_FADE = 0.01
# Reasons are constant, so that a log can join decisions of one reason; the numbers are beside them.
PRICE = "one more call would cost more than it is worth"
LINES = "as many as lines and trunks allow"
FULL = "no more lines are allowed, or no trunk is free"


class Predictive:
    """The controller. One for each campaign and node."""

    def __init__(
        self,
        settings: PacingSettings,
        memory: dict[str, Any] | None = None,
        prior: RingPrior | None = None,
        tuning: Tuning | None = None,
        loops: Loops = NUMPY,
    ) -> None:
        self.settings = settings
        self.tuning = tuning or Tuning()
        self.loops = loops
        self.rings = Rings(settings.ring_timeout_s, prior or RingPrior(), loops=loops)
        self.talk: Spells = talks(loops=loops)
        self.wrap: Spells = wrap_ups(loops=loops)
        self.budget = Budget(settings.target)
        self.amd_s = 0.0
        self.amd_person = 1.0
        self._news: list[News] = []
        self._at: float | None = None
        self._made_at = float("-inf")
        self._made_for: tuple[object, ...] = ()
        self._floor: Exact | Moments | None = None
        self._seen = (0, 0, 0)
        self._last = Decision(0, PRICE)
        self._rest_until = float("-inf")
        self._staff: deque[tuple[float, int]] = deque()
        if memory:
            self.restore(memory)

    # -- learning

    def learn(self, news: News) -> None:
        """Keep it until the next decision, which knows what ran meanwhile."""
        if tells(news):
            self._news.append(news)

    def _take_in(self, shot: Snapshot) -> None:
        dt = 0.0 if self._at is None else min(_LONGEST_STEP_S, max(0.0, shot.at - self._at))
        self._at = shot.at
        told = gather(self._news)
        self._news.clear()
        if shot.local_hour is not None:
            self.rings.hour(int(shot.local_hour))
        self.rings.see(
            floats(shot.ringing), marks(shot.ringing_list), told.ends, told.ring_s, told.lists, dt
        )
        self.talk.see(
            floats(shot.talking), marks(shot.talking_group), told.talk_s, told.talk_groups, dt
        )
        self.wrap.see(
            floats(shot.wrapping), marks(shot.wrapping_group), told.wrap_s, told.wrap_groups, dt
        )
        if len(told.amd_s):
            self._see_amd(told.amd_s, told.ends)
        self.budget.observe(shot.at, shot.live, shot.abandoned, shot.period_left_s)

    def _see_amd(self, amd_s: Array, ends: NDArray[np.int64]) -> None:
        fade = (1.0 - _AMD_FADE) ** len(amd_s)
        first = self.amd_s == 0.0
        self.amd_s = (
            float(amd_s.mean()) if first else fade * self.amd_s + (1 - fade) * float(amd_s.mean())
        )
        people, machines = int((ends == CallEnd.LIVE).sum()), int((ends == CallEnd.MACHINE).sum())
        if people + machines:
            share = people / (people + machines)
            self.amd_person = fade * self.amd_person + (1 - fade) * share

    # -- deciding

    def decide(self, snapshot: Snapshot) -> Decision:
        """See the class."""
        if self._is_quiet(snapshot):
            return self._last
        self._rest_until = float("-inf")
        self._take_in(snapshot)
        if snapshot.staffed == 0:
            everything = tuple(range(len(snapshot.ringing)))
            return Decision(0, "nobody is logged in", {}, everything)
        self._refresh(snapshot)
        load = self._load(snapshot)
        assert self._floor is not None
        law = self._floor.at(load)
        if not len(snapshot.waiting):
            self._rest_until = snapshot.at + self.tuning.look_s
        price = self.budget.price()
        limit = self._limit(snapshot)
        granted, chance = self._most(law, limit, price)
        cancel = () if granted else self._cancel(snapshot, load, law, price)
        self._seen = (
            snapshot.idle,
            len(snapshot.ringing) + granted - len(cancel),
            snapshot.staffed,
        )
        numbers = self._numbers(snapshot, price, chance, limit)
        self._last = Decision(0, PRICE, numbers)
        return Decision(granted, _why(granted, limit), numbers, cancel)

    def rests_until(self) -> float:
        """Until when `decide` would answer that nothing is to be done, if nothing happens meanwhile but
        what the last decision asked for, all of it: a simulation need not ask before. Minus infinity when
        it must be asked at each tick.
        """
        return self._rest_until

    def _is_quiet(self, shot: Snapshot) -> bool:
        """Nothing happened since the last look, a moment ago: the ages alone change little."""
        if self._at is None or not 0.0 <= shot.at - self._at < self.tuning.look_s:
            return False
        if self._news and any(
            len(one.call_end) or len(one.talk_s) or len(one.wrap_s) for one in self._news
        ):
            return False
        return self._seen == (shot.idle, len(shot.ringing), shot.staffed) and not len(shot.waiting)

    def _limit(self, shot: Snapshot) -> int:
        lines = int(self.settings.max_ringing_per_agent * shot.staffed)
        return max(0, min(lines - len(shot.ringing) - len(shot.classifying), shot.room))

    def _most(self, law: Law, limit: int, price: float) -> tuple[int, float]:
        """The largest number up to `limit` that is worth its price, and the chance of loss of one more.
        The n-th call has n - 1 new ones before it; most often it is none, or a few.
        """
        chances = law.first()[: max(1, limit)]
        granted = 0
        while granted < len(chances) and chances[granted] <= price * (1.0 - chances[granted]):
            granted += 1
        if limit == 0 or granted < len(chances) or granted == limit:
            return min(granted, limit), chances[min(granted, len(chances) - 1)]
        # Then the next few, one by one; what is far away by steps.
        near = np.arange(granted, min(limit, granted + self.tuning.at_once), dtype=np.int64)
        good, chance = _worth(law, near, price)
        more = int(good.sum())
        if more < len(near) or granted + more == limit:
            return granted + more, float(chance[min(more, len(near) - 1)])
        low, high = granted + more, limit
        while True:
            step = -(-(high - low + 1) // self.tuning.at_once)
            tried = np.arange(low, high + 1, step, dtype=np.int64)
            good, chance = _worth(law, tried - 1, price)
            # low itself was good before, so one is.
            best = max(0, int(good.sum()) - 1)
            if step == 1:
                return int(tried[best]), float(chance[min(best + 1, len(chance) - 1)])
            low, high = int(tried[best]), min(high, int(tried[best]) + step - 1)

    def _cancel(self, shot: Snapshot, load: Load, law: Law, price: float) -> tuple[int, ...]:
        """Ringing calls whose answer would find nobody: those past their minimum; all, when agents vanish."""
        if not len(shot.ringing):
            return ()
        ages = floats(shot.ringing)
        chance = law.near()
        if self._vanished(shot) and chance > _EVEN:
            return self._emergency(shot, load, ages)
        if chance > self.tuning.cancel_over * price * (1.0 - chance):
            return tuple(np.flatnonzero(ages >= self.settings.min_ring_s).tolist())
        return ()

    def _vanished(self, shot: Snapshot) -> bool:
        """Whether a fifth of those is gone who worked here a moment ago. Of the last seconds those are kept
        who might be the most: a later look at as many makes an earlier one idle.
        """
        staff = self._staff
        if staff and staff[-1][0] > shot.at:
            staff.clear()
        while staff and staff[-1][1] <= shot.staffed:
            staff.pop()
        staff.append((shot.at, shot.staffed))
        while staff[0][0] < shot.at - _VANISH_S:
            staff.popleft()
        return shot.staffed < _VANISH * staff[0][1]

    def _emergency(self, shot: Snapshot, load: Load, ages: Array) -> tuple[int, ...]:
        """Oldest first (they rang their minimum), then the youngest, until the next answer has an even chance."""
        past = ages >= self.settings.min_ring_s
        order = np.lexsort((np.where(past, -ages, ages), ~past))
        lists = marks(shot.ringing_list)
        assert self._floor is not None
        for share in (0.25, 0.5, 0.75, 1.0):
            keep = np.ones(len(ages), dtype=bool)
            keep[order[: int(np.ceil(share * len(ages)))]] = False
            load.ringing = self.rings.counts(ages[keep], None if lists is None else lists[keep])
            if self._floor.at(load).first()[0] <= _EVEN:
                break
        return tuple(np.flatnonzero(~keep).tolist())

    def _numbers(self, shot: Snapshot, price: float, chance: float, limit: int) -> dict[str, float]:
        return {
            "idle": float(shot.idle),
            "in_flight": float(len(shot.ringing)),
            "price": price,
            "loss": chance,
            "debt": self.budget.debt,
            "limit": float(limit),
        }

    # -- tables

    def _refresh(self, shot: Snapshot) -> None:
        kind = (
            0
            if shot.staffed <= self.tuning.small_until
            else 1
            if shot.staffed <= self.tuning.exact_until
            else 2
        )
        key = (
            shot.next_list,
            len(self.rings.lists),
            len(self.talk.groups),
            len(self.wrap.groups),
            kind,
        )
        if 0.0 <= shot.at - self._made_at < self.tuning.refresh_s and key == self._made_for:
            return
        self._made_at, self._made_for = shot.at, key
        for learned in (self.rings, self.talk, self.wrap):
            learned.refresh()
        tables = self._tables(shot)
        self._floor = Moments(tables) if kind == 2 else Exact(tables, (32, 64)[kind], self.loops)

    def _tables(self, shot: Snapshot) -> Tables:
        shares = (np.arange(self.tuning.horizons) + 0.5) / self.tuning.horizons
        answered_s = self.rings.answer_quantiles(shot.next_list, shares)
        # With AMD a person needs an agent when AMD has decided, not when the phone is picked up.
        needs_s = answered_s + (self.amd_s if len(shot.classifying) else 0.0)
        groups = sorted(set(self.talk.groups) | set(self.wrap.groups) | {0})
        free = {
            group: free_by(self.talk, self.wrap, needs_s + self.settings.wait_limit_s, group=group)
            for group in groups
        }
        return Tables(
            answer={mark: self.rings.outlook(mark, answered_s).answer for mark in self.rings.lists},
            fresh=self.rings.fresh(shot.next_list, answered_s),
            talk={group: pair[0] for group, pair in free.items()},
            wrap={group: pair[1] for group, pair in free.items()},
            doubt=self.rings.of(shot.next_list).live.variance,
        )

    def _load(self, shot: Snapshot) -> Load:
        return Load(
            {mark: one.counts for mark, one in self.rings.lists.items()},
            self.talk.counts,
            self.wrap.counts,
            len(shot.waiting),
            shot.idle,
            self.amd_person * len(shot.classifying),
        )

    # -- memory

    def memory(self) -> dict[str, Any]:
        """Plain data for the next start."""
        return {
            "rings": self.rings.memory(),
            "talk": self.talk.memory(),
            "wrap": self.wrap.memory(),
            "budget": self.budget.memory(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what `memory` gave."""
        self.rings.restore(data.get("rings", {}))
        self.talk.restore(data.get("talk", {}))
        self.wrap.restore(data.get("wrap", {}))
        self.budget.restore(data.get("budget", {}))


def _worth(law: Law, others: NDArray[np.int64], price: float) -> tuple[NDArray[np.bool_], Array]:
    lost = law.losses(others)
    return lost <= price * (1.0 - lost), lost


def _why(granted: int, limit: int) -> str:
    if limit == 0:
        return FULL
    return LINES if granted == limit else PRICE


__all__ = ["FULL", "LINES", "PRICE", "Predictive", "Tuning"]
