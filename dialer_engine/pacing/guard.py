"""What holds for every policy that dials for agents, whatever it says.

Rules: with nobody at work nothing is dialled, and what rings is cancelled; while the trunks refuse
calls there is one call in a while, to see whether they take them again; after a start the lines for
each agent grow to their limit over one ring time-out, because nothing is known yet of the calls that
were up before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dialer_engine.pacing.snapshot import CallEnd, Decision, News, Pacer, Snapshot

# So many calls refused within so long, and most of those that ended: the trunks are congested.
_REFUSED = 5
_WITHIN_S = 5.0
# While they are: one call so often, and free again when none was refused for so long.
_PROBE_S = 2.0
_QUIET_S = 4.0
# The default ring time-out: after that the first calls of this start have all ended.
RAMP_S = 25.0


class Guarded:
    """`pacer` under the rules of the module. max_lines: lines for each agent at the end of the ramp;
    None for a policy that needs no ramp.
    """

    def __init__(
        self, pacer: Pacer, max_lines: float | None = None, ramp_s: float = RAMP_S
    ) -> None:
        self.pacer = pacer
        self._max_lines = max_lines
        self._ramp_s = ramp_s
        self._began: float | None = None
        self._congestion = _Congestion()

    def go_on_from(self, other: Guarded) -> None:
        """Another policy took its place while it ran: no new ramp."""
        self._began, self._congestion = other._began, other._congestion

    def decide(self, snapshot: Snapshot) -> Decision:
        """What the policy says, or less."""
        self._congestion.pass_on(snapshot.at)
        if snapshot.staffed == 0:
            self._began = None
            everything = tuple(range(len(snapshot.ringing)))
            return Decision(0, "no agent is available", {"staffed": 0}, everything)
        if self._began is None:
            self._began = snapshot.at
        decision = self.pacer.decide(snapshot)
        decision = self._within(decision, snapshot)
        return self._congestion.limit(decision, snapshot.at)

    def _within(self, decision: Decision, snapshot: Snapshot) -> Decision:
        """The room of the trunks, and the ramp."""
        most = max(0, snapshot.room)
        why = decision.why
        age = snapshot.at - (self._began if self._began is not None else snapshot.at)
        if self._max_lines is not None and age < self._ramp_s:
            each = 1.0 + (self._max_lines - 1.0) * age / self._ramp_s
            ramp = max(0, int(each * snapshot.staffed) - snapshot.in_flight)
            if ramp < min(most, decision.originate):
                most, why = ramp, f"just started: {each:.1f} lines for each agent so far"
        if decision.originate <= most:
            return decision
        return replace(decision, originate=most, why=why)

    def learn(self, news: News) -> None:
        """The policy learns; refusals of the trunks are counted."""
        self._congestion.learn(news.call_end)
        self.pacer.learn(news)

    def memory(self) -> dict[str, Any]:
        """What the policy learned."""
        return self.pacer.memory()


class _Congestion:
    """Whether the trunks refuse calls. `at` of a refusal is that of the decision that follows it."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int, int]] = deque()
        self._new = (0, 0)
        self._last = float("-inf")
        self._held = False
        self._probed = float("-inf")

    def learn(self, ends: Iterable[int]) -> None:
        told = [int(end) for end in ends if end != CallEnd.CANCELLED]
        refused = told.count(CallEnd.CONGESTION)
        self._new = (self._new[0] + refused, self._new[1] + len(told))

    def pass_on(self, at: float) -> None:
        refused, ended = self._new
        if ended:
            self._ends.append((at, refused, ended))
            self._new = (0, 0)
        if refused:
            self._last = at
        while self._ends and self._ends[0][0] < at - _WITHIN_S:
            self._ends.popleft()
        total = sum(one[1] for one in self._ends)
        if total >= _REFUSED and 2 * total > sum(one[2] for one in self._ends):
            self._held = True
        elif self._held and at - self._last >= _QUIET_S and self._probed > self._last:
            self._held = False

    def limit(self, decision: Decision, at: float) -> Decision:
        if not self._held or decision.originate == 0:
            return decision
        probe = 1 if at - self._probed >= _PROBE_S else 0
        if probe:
            self._probed = at
        why = f"the trunks refuse calls: one in {_PROBE_S:g} s until they take them again"
        return replace(decision, originate=probe, why=why)
