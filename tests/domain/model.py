"""A small pure engine: calls, agents and a PBX in one registry, without time, threads or I/O.

It carries out the commands of both machines the way `engine/effects` does, holds what the PBX would
send back in a bag from which events are taken in any order, twice or late, and checks after each
turn what must always be true. `act` takes plain integers, so that Hypothesis can shrink a walk and
a seeded generator can make a long one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dialer_engine.domain import agent as ag
from dialer_engine.domain import call as ca
from dialer_engine.domain import commands as cmd
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, AgentPolicy, AgentState, Line
from dialer_engine.domain.call import CallPhase, CallPolicy, CallState
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.outcome import Ending, Outcome
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment, NodeName

EPOCH = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NODE = NodeName("pbx-1")
ENDINGS = (
    Ending(),
    Ending(cause=16, sip=200),
    Ending(cause=17, sip=486),
    Ending(cause=34, sip=503),
    Ending(cause=19),
    Ending(seen=False),
)
BOUND = (Line.RESERVED, Line.IN_CALL)
NAMING = (CallPhase.CONNECTING, CallPhase.TALKING, CallPhase.HANGING_UP)
ANSWER_OUTCOMES = frozenset(
    {
        Outcome.COMPLETED,
        Outcome.ABANDONED,
        Outcome.MACHINE,
        Outcome.HUNG_UP_EARLY,
        Outcome.LOST,
        Outcome.MESSAGE,
    }
)


def moment(seconds: float) -> Moment:
    """The instant `seconds` after the model's beginning."""
    return Moment(seconds, EPOCH + timedelta(seconds=seconds))


@dataclass
class World:
    """The registry, the alarms and the bag of PBX events under way.

    depth_first: the commands that a command brings about are carried out at once, before the rest
    of its own list; else after it. The machines must not care.
    """

    depth_first: bool = False
    calls: dict[AttemptId, CallState] = field(default_factory=dict)
    agents: dict[AgentId, AgentState] = field(default_factory=dict)
    alarms: dict[tuple[str, cmd.Timer], float] = field(default_factory=dict)
    bag: list[ev.CallEvent | ev.AgentEvent] = field(default_factory=list)
    owner: dict[LegId, AgentId] = field(default_factory=dict)
    connected: set[LegId] = field(default_factory=set)
    told_to_end: set[LegId] = field(default_factory=set)
    settled: dict[AttemptId, list[Outcome]] = field(default_factory=dict)
    phases: Counter[CallPhase] = field(default_factory=Counter)
    lines: Counter[Line] = field(default_factory=Counter)
    arrows: set[tuple[object, str, object]] = field(default_factory=set)
    illegal: Counter[tuple[str, str]] = field(default_factory=Counter)
    clock: float = 0.0
    _todo: deque[cmd.Command] = field(default_factory=deque)

    # -- beginning ---------------------------------------------------------------------------------

    def add_agent(self, number: int, mode: AgentMode, wrap_up_s: float) -> None:
        """One more agent, logged out."""
        key = AgentId(f"agent{number}")
        self.agents[key] = AgentState(key, mode, AgentPolicy(wrap_up_s=wrap_up_s))
        self.lines[Line.OFF] += 1

    def add_call(self) -> None:
        """One more planned attempt."""
        key = AttemptId(f"a-{len(self.calls)}")
        # Every fifth is one for which there is no agent.
        robot = len(self.calls) % 5 == 4
        self.calls[key] = CallState(key, NODE, CallPolicy(robot=robot))
        self.settled[key] = []
        self.phases[CallPhase.PLANNED] += 1

    def now(self) -> Moment:
        """The model's present."""
        return moment(self.clock)

    # -- one turn ----------------------------------------------------------------------------------

    def happen(self, event: ev.CallEvent | ev.AgentEvent) -> None:
        """Hand one event to its machine, carry out everything that follows, check."""
        self._hand(event)
        while self._todo:
            self._carry_out(self._todo.popleft())
        self.check()

    def _hand(self, event: ev.CallEvent | ev.AgentEvent) -> None:
        commands = (
            self._hand_call(event) if isinstance(event, ev.CallEvent) else self._hand_agent(event)
        )
        if self.depth_first:
            self._todo.extendleft(reversed(commands))
        else:
            self._todo.extend(commands)

    def _hand_call(self, event: ev.CallEvent) -> list[cmd.Command]:
        old = self.calls[event.attempt]
        try:
            new, commands = ca.step(old, event, self.now())
        except IllegalTransition:
            self.illegal[(old.phase.value, type(event).__name__)] += 1
            return []
        self.calls[event.attempt] = new
        self.phases[old.phase] -= 1
        self.phases[new.phase] += 1
        self.arrows.add((old.phase, type(event).__name__, new.phase))
        return commands

    def _hand_agent(self, event: ev.AgentEvent) -> list[cmd.Command]:
        old = self.agents[event.agent]
        if isinstance(event, ev.LegUp):
            self.connected.add(event.leg)
        if isinstance(event, ev.LegDown):
            self.connected.discard(event.leg)
        if isinstance(event, ev.LoggedIn) and event.leg is not None:
            self.connected.add(event.leg)
        try:
            new, commands = ag.step(old, event, self.now())
        except IllegalTransition:
            self.illegal[(old.line.value, type(event).__name__)] += 1
            return []
        self.agents[event.agent] = new
        self.lines[old.line] -= 1
        self.lines[new.line] += 1
        self.arrows.add((old.line, type(event).__name__, new.line))
        return [*commands, *self._leg_ready(event, new)]

    def _leg_ready(self, event: ev.AgentEvent, agent: AgentState) -> list[cmd.Command]:
        """The phone of an agent who is rung for one call was taken: their call hears of it."""
        if isinstance(event, ev.LegUp) and agent.line is Line.RESERVED and agent.leg == event.leg:
            attempt = agent.attempt
            if attempt is not None and self.calls[attempt].leg is None:
                return [_Ready(attempt, event.leg)]
        return []

    # -- commands ----------------------------------------------------------------------------------

    def _carry_out(self, command: cmd.Command) -> None:
        _EFFECTS[type(command)](self, command)

    def _arm(self, command: cmd.Arm) -> None:
        self.alarms[(command.subject, command.timer)] = self.clock + command.after

    def _disarm(self, command: cmd.Disarm) -> None:
        self.alarms.pop((command.subject, command.timer), None)

    def _seek(self, command: cmd.SeekAgent) -> None:
        if self.calls[command.attempt].phase is not CallPhase.WAITING:
            return
        free = [a for a in self.agents.values() if a.is_available]
        if free:
            first = min(free, key=lambda a: a.idle_since.mono if a.idle_since else 0.0)
            self._reserve(first.agent, command.attempt)

    def _offer(self, command: cmd.Offer) -> None:
        waiting = [c for c in self.calls.values() if c.phase is CallPhase.WAITING]
        if waiting and self.agents[command.agent].is_available:
            first = min(waiting, key=lambda c: c.waiting_since.mono if c.waiting_since else 0.0)
            self._reserve(command.agent, first.attempt)

    def _reserve(self, agent: AgentId, attempt: AttemptId) -> None:
        self._hand(ev.Reserved(agent, attempt))
        self._hand(ev.AgentReserved(attempt, agent, self.agents[agent].leg))

    def _free(self, command: cmd.FreeAgent) -> None:
        kind = ev.TalkEnded if command.talked else ev.Released
        if command.talked:
            assert self.agents[command.agent].line is Line.IN_CALL, "talked without a talk"
        self._hand(kind(command.agent, command.attempt))

    def _start_talk(self, command: cmd.StartTalk) -> None:
        self._hand(ev.TalkStarted(command.agent, command.attempt))

    def _lose(self, command: cmd.LoseAgent) -> None:
        self._hand(ev.AgentGone(command.attempt))

    def _ready(self, command: _Ready) -> None:
        self._hand(ev.AgentLegReady(command.attempt, command.leg))

    def _call_phone(self, command: cmd.CallPhone | cmd.RingAgent) -> None:
        self.bag.append(ev.LegUp(command.agent, self.new_leg(command.agent)))

    def _hang_leg(self, command: cmd.HangUpLeg) -> None:
        self.told_to_end.add(command.leg)
        self.bag.append(ev.LegDown(self.owner[command.leg], command.leg))

    def _bridge(self, command: cmd.BridgeLegs) -> None:
        self.bag.append(ev.CallBridged(command.attempt, command.leg))

    def _end_call(self, command: cmd.HangUpCall | cmd.PlaySafeHarbour) -> None:
        self.bag.append(ev.CallEnded(command.attempt, Ending(cause=16)))

    def _settle(self, command: cmd.Settle) -> None:
        self.settled[command.attempt].append(command.outcome)

    def new_leg(self, agent: AgentId) -> LegId:
        """A fresh leg of that agent."""
        leg = LegId(f"g-{len(self.owner)}")
        self.owner[leg] = agent
        return leg

    # -- what may happen ---------------------------------------------------------------------------

    def act(self, what: int, which: int, detail: int) -> None:
        """One thing happens; any integers are something."""
        self.clock += 0.25
        ACTIONS[what % len(ACTIONS)](self, which, detail)

    def deliver(self, which: int, detail: int) -> None:
        """The PBX's next word, from anywhere in the bag; sometimes it stays there, to come twice;
        sometimes it is the other answer that the PBX can give.
        """
        if not self.bag:
            return
        event = self.bag[which % len(self.bag)]
        if detail % 4:
            self.bag.remove(event)
        if detail % 5 == 0 and isinstance(event, ev.CallBridged):
            event = ev.BridgeRefused(event.attempt, "no such channel", event.leg)
        if detail % 3 == 0 and isinstance(event, ev.LegUp):
            event = ev.LegDown(event.agent, event.leg)
        self.happen(event)

    def alarm(self, which: int, detail: int) -> None:
        """An alarm goes off; sometimes one that was set back when it already lay in the inbox."""
        if self.alarms and detail % 4:
            subject, timer = sorted(self.alarms)[which % len(self.alarms)]
            self.clock = max(self.clock, self.alarms.pop((subject, timer)))
            self.happen(_alarm_event(subject, timer))
        elif detail % 8:
            self.happen(_alarm_event(self.some_call(which), _CALL_ALARMS[detail % 2]))
        else:
            self.happen(_alarm_event(self.some_agent(which), _AGENT_ALARMS[which % 2]))

    def dial(self, which: int, detail: int) -> None:
        """The engine's Originate leaves, and the far end does what far ends do."""
        key = self.some_call(which)
        self.happen(ev.OriginateSent(key))
        verdict = tuple(ev.Verdict)[detail % len(ev.Verdict)]
        self.bag += [ev.CallRinging(key), ev.CallAnswered(key), ev.CallClassified(key, verdict)]
        if self.calls[key].policy.robot:
            self.bag.append(ev.MessagePlayed(key))

    def call_noise(self, which: int, detail: int) -> None:
        """Anything a PBX might ever say of a call."""
        key = self.some_call(which)
        leg = sorted(self.owner)[detail % len(self.owner)] if self.owner else LegId("g-none")
        verdict = tuple(ev.Verdict)[detail % len(ev.Verdict)]
        says: tuple[ev.CallEvent, ...] = (
            ev.OriginateSent(key), ev.OriginateRefused(key, "no"), ev.CallRinging(key),
            ev.CallAnswered(key), ev.CallClassified(key, verdict), ev.CallBridged(key, leg),
            ev.BridgeRefused(key, "no", leg), ev.CallUnbridged(key), ev.SafeHarbourStarted(key),
            ev.CallEnded(key, ENDINGS[detail // 10 % len(ENDINGS)]),
        )  # fmt: skip
        self.happen(says[detail % len(says)])

    def agent_noise(self, which: int, detail: int) -> None:
        """Any leg of an agent, old or present, comes up or goes down."""
        legs = sorted(self.owner)
        if legs:
            leg = legs[which % len(legs)]
            kind = ev.LegUp if detail % 3 == 0 else ev.LegDown
            self.happen(kind(self.owner[leg], leg))

    def people(self, which: int, detail: int) -> None:
        """What agents decide."""
        key = self.some_agent(which)
        choice = detail % 7
        if choice == 0:
            self.happen(ev.LoggedOut(key))
        elif choice == 1:
            self.happen(ev.BreakStarted(key, "tea"))
        elif choice == 2:
            self.happen(ev.BreakEnded(key))
        elif choice == 3:
            self.happen(ev.LoggedIn(key, self.new_leg(key)))
        elif choice == 4:
            self.happen(ev.WrapUpDone(key))
        else:
            self.happen(ev.LoggedIn(key))

    def hang_up(self, which: int, detail: int) -> None:
        """A supervisor ends a call."""
        outcome = (Outcome.CANCELLED, Outcome.FAILED)[detail % 2]
        self.happen(ev.HangupAsked(self.some_call(which), "supervisor", outcome))

    def some_call(self, which: int) -> AttemptId:
        """One of the calls."""
        return sorted(self.calls)[which % len(self.calls)]

    def some_agent(self, which: int) -> AgentId:
        """One of the agents."""
        return sorted(self.agents)[which % len(self.agents)]

    def finish(self) -> None:
        """The network ends every channel; then every call is over."""
        for key in self.calls:
            self.happen(ev.CallEnded(key, Ending(cause=16)))
        assert all(call.is_over for call in self.calls.values())
        assert all(len(found) == 1 for found in self.settled.values())
        assert not any(agent.line in BOUND for agent in self.agents.values())

    # -- what must always be true ------------------------------------------------------------------

    def check(self) -> None:
        """Every invariant, after each turn."""
        self._check_bonds()
        self._check_ends()
        self._check_counters()
        self._check_nobody_waits_beside_a_free_agent()
        self._check_nothing_waits_without_an_alarm()
        self._check_no_leg_is_forgotten()

    def _check_bonds(self) -> None:
        """Who is reserved or talks belongs to one live call that names them, and the other way."""
        for agent in self.agents.values():
            if agent.line in BOUND:
                assert agent.attempt is not None, agent
                call = self.calls[agent.attempt]
                assert call.agent == agent.agent, (agent, call)
                assert call.phase in NAMING, (agent, call)
        named = [c for c in self.calls.values() if c.agent is not None]
        assert len({c.agent for c in named}) == len(named), "one agent in two calls"
        for call in named:
            assert call.agent is not None
            agent = self.agents[call.agent]
            assert (agent.attempt, agent.line in BOUND) == (call.attempt, True), (agent, call)
            if call.phase is CallPhase.TALKING:
                assert agent.line is Line.IN_CALL, (agent, call)
            if call.phase is CallPhase.CONNECTING:
                assert agent.line is Line.RESERVED, (agent, call)

    def _check_ends(self) -> None:
        """One outcome for each ended call, none for the others, and the right kind."""
        for key, call in self.calls.items():
            found = self.settled[key]
            assert len(found) == (1 if call.is_over else 0), (call, found)
            if not call.is_over:
                continue
            assert call.outcome == found[0]
            if call.answered_at is not None:
                assert call.outcome in ANSWER_OUTCOMES, call
            else:
                assert not found[0].is_answer, call
            if call.outcome is Outcome.LOST:
                assert call.ending is not None
                assert not call.ending.seen
            assert (call.bridged_at is not None) == (call.outcome is Outcome.COMPLETED), call

    def _check_counters(self) -> None:
        assert +self.phases == Counter(c.phase for c in self.calls.values())
        assert +self.lines == Counter(a.line for a in self.agents.values())

    def _check_nobody_waits_beside_a_free_agent(self) -> None:
        waiting = [c for c in self.calls.values() if c.phase is CallPhase.WAITING]
        free = [a for a in self.agents.values() if a.is_available]
        assert not (waiting and free), (waiting, free)

    def _check_nothing_waits_without_an_alarm(self) -> None:
        """Each phase that only time can end has its alarm set."""
        for call in self.calls.values():
            timer = _ALARM_OF_PHASE.get(call.phase)
            assert timer is None or (call.attempt, timer) in self.alarms, call
        for agent in self.agents.values():
            if agent.line is Line.WRAP_UP:
                assert (agent.agent, cmd.Timer.WRAP_UP) in self.alarms, agent
            if agent.line is Line.OFF and agent.is_working:
                assert (agent.agent, cmd.Timer.CALLBACK) in self.alarms, agent

    def _check_no_leg_is_forgotten(self) -> None:
        """A connected leg is its agent's, or was told to end."""
        for leg in self.connected - self.told_to_end:
            assert self.agents[self.owner[leg]].leg == leg, (leg, self.agents[self.owner[leg]])
        for agent in self.agents.values():
            if not agent.is_working and agent.line is Line.OFF:
                assert agent.leg is None, agent


@dataclass(frozen=True, slots=True)
class _Ready(cmd.Command):
    """The model's own: tell the call that the phone of its agent is up."""

    attempt: AttemptId
    leg: LegId


_CALL_ALARMS = (cmd.Timer.RING, cmd.Timer.WAIT)
_AGENT_ALARMS = (cmd.Timer.WRAP_UP, cmd.Timer.CALLBACK)
_ALARM_OF_PHASE = {
    CallPhase.DIALING: cmd.Timer.RING,
    CallPhase.RINGING: cmd.Timer.RING,
    CallPhase.ANSWERED: cmd.Timer.WAIT,
    CallPhase.WAITING: cmd.Timer.WAIT,
    CallPhase.CONNECTING: cmd.Timer.WAIT,
}


def _alarm_event(subject: str, timer: cmd.Timer) -> ev.CallEvent | ev.AgentEvent:
    if timer is cmd.Timer.RING:
        return ev.RingExpired(AttemptId(subject))
    if timer is cmd.Timer.WAIT:
        return ev.WaitExpired(AttemptId(subject))
    if timer is cmd.Timer.WRAP_UP:
        return ev.WrapUpDone(AgentId(subject))
    return ev.CallbackDue(AgentId(subject))


_EFFECTS: dict[type, Callable[..., None]] = {
    cmd.Arm: World._arm,
    cmd.Disarm: World._disarm,
    cmd.SeekAgent: World._seek,
    cmd.Offer: World._offer,
    cmd.FreeAgent: World._free,
    cmd.StartTalk: World._start_talk,
    cmd.LoseAgent: World._lose,
    cmd.CallPhone: World._call_phone,
    cmd.RingAgent: World._call_phone,
    cmd.HangUpLeg: World._hang_leg,
    cmd.BridgeLegs: World._bridge,
    cmd.HangUpCall: World._end_call,
    cmd.PlaySafeHarbour: World._end_call,
    cmd.Settle: World._settle,
    _Ready: World._ready,
}

# The bag and the dialling more often than the rest, so that walks get as far as talks.
ACTIONS: tuple[Callable[[World, int, int], None], ...] = (
    World.deliver,
    World.deliver,
    World.deliver,
    World.deliver,
    World.dial,
    World.dial,
    World.people,
    World.people,
    World.alarm,
    World.alarm,
    World.call_noise,
    World.agent_noise,
    World.hang_up,
)
