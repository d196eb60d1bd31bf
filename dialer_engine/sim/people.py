"""Callers, machines and agents around a virtual PBX, by the same laws and the same draws as `sim.floor`.

Rules: the n-th call that is dialled has the fate of call n of the floor (`floor.draws`), and agents come
and go by the same roster; a machine is told as one, at once where the day has no detector; people know
nothing of the engine but what a phone and an agent's screen can do; one list only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import Line
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment, NodeName
from dialer_engine.engine.desk import Desk
from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.pbx import Doing, Originate, Sink
from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor import draws
from dialer_engine.sim.floor._roster import roster
from dialer_engine.sim.floor.scenario import Day, value_at
from dialer_engine.sim.pbx import ScriptedPbx

# Q.850 causes by which a carrier tells how a call ended that nobody took (`domain.outcome`).
_CAUSES = {CallEnd.BUSY: 17, CallEnd.NO_ANSWER: 19, CallEnd.INVALID: 1, CallEnd.CONGESTION: 34}
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Fate:
    """One call. end: as it truly is; says: as the dialler is told. Seconds; amd_s below 0: no detector."""

    end: CallEnd
    says: CallEnd
    ring_s: float
    talk_s: float
    wrap_s: float
    patience_s: float
    amd_s: float


class TalkingPbx(ScriptedPbx):
    """A scripted PBX whose detector can speak after the answer, and that keeps no list of commands: a day
    has hundreds of thousands.
    """

    def __init__(self, name: NodeName, clock: Clock) -> None:
        super().__init__(name, clock)
        self.transcript = _Nothing()

    def classify(self, attempt: AttemptId, verdict: ev.Verdict) -> None:
        """The detector has decided."""
        self._known(attempt).doing = Doing.HOLDS
        self._tell(ev.CallClassified(attempt, verdict))


class _Nothing(list[str]):
    def append(self, line: str) -> None:
        """Forgotten."""


class People:
    """Everybody outside. `begin` when the engine runs: agents come from then on."""

    def __init__(self, day: Day, seed: int, pbx: TalkingPbx, clock: Clock) -> None:
        if day.lists:
            raise BadValue("the virtual PBX has people of one list; simulate others on the floor")
        self.day, self.seed = day, seed
        self._pbx, self._clock = pbx, clock
        self._desk: Desk | None = None
        self._began: Moment = clock.now()
        self._block, self._next, self._first = draws.calls(day, seed, 0, _BLOCK), 0, 0
        self._fates: dict[AttemptId, Fate] = {}
        self._arrivals, self._plan = roster(day, seed)
        self._step: dict[AgentId, int] = {}
        self._places: dict[AgentId, int] = {}
        pbx.on_originate = self._dialled
        pbx.relay = self._heard

    @property
    def at_s(self) -> float:
        """Seconds of the day."""
        return self._clock.now().since(self._began)

    # -- agents

    def begin(self, desk: Desk, agents: list[AgentId]) -> None:
        """The day begins: agents come when the roster says."""
        self._desk, self._began = desk, self._clock.now()
        for place, agent in enumerate(agents):
            self._places[agent], self._step[agent] = place, 0
            self._clock.later(float(self._arrivals[place]), lambda who=agent: self._comes(who))  # type: ignore[misc]

    def _comes(self, agent: AgentId) -> None:
        assert self._desk is not None
        self._desk.login(agent)
        for at, _, _ in self._plan[self._places[agent]]:
            if math.isfinite(at):
                later = max(0.0, float(at) - self.at_s)
                self._clock.later(later, lambda: self._wants_to_go(agent))

    def _wants_to_go(self, agent: AgentId) -> None:
        """Now, when free; else when the wrap-up is done."""
        assert self._desk is not None
        if self._desk.agent(agent).state.is_available:
            self._goes(agent)

    def _goes(self, agent: AgentId) -> bool:
        """Whether the plan says so; then the agent is on a break, or gone for the day."""
        assert self._desk is not None
        plan, now = self._plan[self._places[agent]], self.at_s
        while (step := self._step[agent]) < len(plan) and plan[step, col.P_AT] <= now + _HAIR_S:
            self._step[agent] += 1
            back = min(float(plan[step, col.P_UNTIL]), now + float(plan[step, col.P_FOR]))
            if back == math.inf:
                self._desk.logout(agent)
                return True
            if back > now:
                self._desk.pause(agent, "break")
                self._clock.later(back - now, lambda: self._returns(agent))
                return True
        return False

    def _returns(self, agent: AgentId) -> None:
        """Back from a break, unless the next one is due."""
        assert self._desk is not None
        if not self._goes(agent):
            self._desk.resume(agent)

    def _wrapped_up(self, agent: AgentId) -> None:
        assert self._desk is not None
        if self._desk.agent(agent).state.line is Line.WRAP_UP:
            # Who leaves says so first, or the next call would come in between.
            self._goes(agent)
            if self._desk.agent(agent).state.line is Line.WRAP_UP:
                self._desk.end_wrap_up(agent)

    # -- calls

    def _dialled(self, command: Originate) -> None:
        fate = self._draw()
        attempt = command.attempt
        self._fates[attempt] = fate
        self._pbx.ring(attempt)
        self._clock.later(fate.ring_s, lambda: self._rang(attempt, fate))

    def _draw(self) -> Fate:
        if self._next == len(self._block):
            self._first += len(self._block)
            self._block, self._next = draws.calls(self.day, self.seed, self._first, _BLOCK), 0
        draw = self._block[self._next]
        self._next += 1
        now = self.at_s
        return _fate(draw, self.day.rate_at(now, 0), self.day.outage_at(now), self.day.congestion_s)

    def _rang(self, attempt: AttemptId, fate: Fate) -> None:
        pbx = self._pbx
        if attempt not in pbx.living:
            return
        if fate.end not in (CallEnd.LIVE, CallEnd.MACHINE):
            del self._fates[attempt]
            pbx.end(attempt, _CAUSES[fate.end])
        elif fate.amd_s >= 0.0:
            pbx.answer(attempt, None)
            self._clock.later(fate.amd_s, lambda: self._decided(attempt, fate))
        elif fate.says is CallEnd.LIVE:
            pbx.answer(attempt)
            self._waits(attempt, fate)
        else:
            pbx.answer(attempt, ev.Verdict.MACHINE)

    def _decided(self, attempt: AttemptId, fate: Fate) -> None:
        if attempt not in self._pbx.living:
            return
        live = fate.says is CallEnd.LIVE
        self._pbx.classify(attempt, ev.Verdict.HUMAN if live else ev.Verdict.MACHINE)
        if live:
            self._waits(attempt, fate)

    def _waits(self, attempt: AttemptId, fate: Fate) -> None:
        if math.isfinite(fate.patience_s):
            self._clock.later(fate.patience_s, lambda: self._loses_patience(attempt))

    def _loses_patience(self, attempt: AttemptId) -> None:
        channel = self._pbx.living.get(attempt)
        if channel is not None and not channel.talked and channel.doing is Doing.HOLDS:
            self._pbx.end(attempt)

    def _heard(self, event: ev.PbxEvent, at: Moment, sink: Sink) -> None:
        sink(event, at)
        if isinstance(event, ev.CallBridged):
            self._talks(event.attempt, event.leg)
        elif isinstance(event, ev.CallEnded):
            self._fates.pop(event.attempt, None)

    def _talks(self, attempt: AttemptId, leg: LegId) -> None:
        fate, agent = self._fates[attempt], self._pbx.living[leg].agent
        assert agent is not None
        talk = fate.talk_s * value_at(self.day.talk_curve, self.at_s)

        def over() -> None:
            self._pbx.end(attempt)
            self._clock.later(fate.wrap_s, lambda: self._wrapped_up(agent))

        self._clock.later(talk, over)


# Alarms go off at their time but for rounding.
_HAIR_S = 1e-6


def _fate(draw: draws.Floats, rate: float, congested: bool, congestion_s: float) -> Fate:
    """As `floor._events._fate` has it."""
    live = draw[col.D_LIVE] < rate
    end = CallEnd.LIVE if live else CallEnd(int(draw[col.D_FAILED_END]))
    ring = float(draw[col.D_RING] if live else draw[col.D_FAILED_RING])
    says, talk = end, float(draw[col.D_TALK])
    if congested:
        end, says, ring = CallEnd.CONGESTION, CallEnd.CONGESTION, congestion_s
    elif live and draw[col.D_LOST] > 0.0:
        says = CallEnd.MACHINE
    elif end is CallEnd.MACHINE and draw[col.D_PASSED] > 0.0:
        says, talk = CallEnd.LIVE, float(draw[col.D_MACHINE_TALK])
    wrap, patience, amd = (float(draw[one]) for one in (col.D_WRAP, col.D_PATIENCE, col.D_AMD))
    return Fate(end, says, ring, talk, wrap, patience, amd)
