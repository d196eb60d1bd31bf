"""What people do: agents at their phones and screens, with PIN, keys, breaks and dispositions.

Rules: a PIN is checked in a worker thread (argon2 takes its time on purpose), is never logged, and
too many wrong ones close the door for a while; what a person asks for that cannot be is a Conflict
or BadValue in words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.errors import BadValue, Conflict, NotFound
from dialer_engine.domain.units import AgentId, AttemptId, LegId, Moment
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.registry import Agent, Registry
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.switchboard import Switchboard
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.store import DispositionRow

log = structlog.get_logger(__name__)
CheckPin = Callable[[str, str], Awaitable[bool]]
# Ends the wrap-up at once, whatever has been keyed before.
_END_WRAP_UP = "#"


class Desk:
    """Agents' own doings."""

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        switchboard: Switchboard,
        effects: Effects,
        ledger: Ledger,
        clock: Clock,
        check_pin: CheckPin,
    ) -> None:
        self.settings = settings
        self._registry = registry
        self._switchboard = switchboard
        self._effects = effects
        self._ledger = ledger
        self._clock = clock
        self._check_pin = check_pin
        self._wrong: dict[str, tuple[int, float]] = {}

    def agent(self, agent_id: str) -> Agent:
        """The agent, or NotFound."""
        found = self._registry.agents.get(AgentId(agent_id))
        if found is None:
            raise NotFound(
                f"no agent is called {agent_id!r}; `dialer-engine agents list` shows them all"
            )
        return found

    def login(self, agent_id: str, leg: LegId | None = None) -> Agent:
        """Begin work. Nailed without a leg: the phone is called."""
        agent = self.agent(agent_id)
        if not self._effects.has_node(agent.node):
            raise Conflict("there is no PBX to call a phone with; configure pbx.nodes")
        self._switchboard.agent(ev.LoggedIn(agent.state.agent, leg), self._clock.now())
        return agent

    def logout(self, agent_id: str) -> Agent:
        """End work, after the present talk if there is one."""
        agent = self._at_work(agent_id)
        self._switchboard.agent(ev.LoggedOut(agent.state.agent), self._clock.now())
        return agent

    def pause(self, agent_id: str, reason: str) -> Agent:
        """A break."""
        agent = self._at_work(agent_id)
        reasons = self.settings.break_reasons
        if reasons and reason not in reasons:
            raise BadValue(f"no break reason is called {reason!r}; there are {', '.join(reasons)}")
        self._switchboard.agent(ev.BreakStarted(agent.state.agent, reason), self._clock.now())
        return agent

    def resume(self, agent_id: str) -> Agent:
        """Back from a break."""
        agent = self._at_work(agent_id)
        self._switchboard.agent(ev.BreakEnded(agent.state.agent), self._clock.now())
        return agent

    def end_wrap_up(self, agent_id: str) -> Agent:
        """Done with wrap-up."""
        agent = self._at_work(agent_id)
        if agent.state.line is not Line.WRAP_UP:
            raise Conflict(f"agent {agent_id} is not in wrap-up but {agent.state.line.value}")
        self._switchboard.agent(ev.WrapUpDone(agent.state.agent), self._clock.now())
        return agent

    def dispose(
        self, agent_id: str, code: str, note: str, attempt: str | None, via: str
    ) -> AttemptId:
        """What became of the talk: the present one, else the last one, unless `attempt` says
        which.
        """
        agent = self.agent(agent_id)
        known = self.settings.dispositions
        if known and code not in known:
            raise BadValue(f"no disposition is called {code!r}; there are {', '.join(known)}")
        about = AttemptId(attempt) if attempt else agent.state.attempt or agent.last_attempt
        if about is None:
            raise Conflict(f"agent {agent_id} has had no call yet")
        now = self._clock.now().utc
        self._ledger.disposition(DispositionRow(about, agent.state.agent, code, now, via, note))
        self._effects.publish(
            "agents", event="disposition", agent=agent.state.agent, attempt=about, code=code
        )
        return about

    # -- the phone

    def key(self, agent: Agent, digit: str, now: Moment) -> None:
        """Keys count in wrap-up only: in a talk they belong to the talk."""
        if agent.state.line is not Line.WRAP_UP:
            return
        code = self.settings.dtmf.get(digit)
        if code is not None:
            self.dispose(agent.state.agent, code, "", agent.state.attempt, "dtmf")
        if code is not None or digit == _END_WRAP_UP:
            self._switchboard.agent(ev.WrapUpDone(agent.state.agent), now)

    def pin(self, event: ev.PinEntered) -> None:
        """Somebody dialled in: check, then let in or not."""
        self._effects.start(self._pin(event), "check pin")

    async def _pin(self, event: ev.PinEntered) -> None:
        agent = self._registry.agents.get(AgentId(event.agent))
        locked = self._locked(event.agent)
        # Counted before it is known to be wrong: many at the same moment are many tries.
        self._count_wrong(event.agent)
        good = (
            agent is not None
            and agent.node == event.node
            and not locked
            and await self._check_pin(agent.row.pin_hash, event.pin)
        )
        if not good or agent is None:
            log.warning("a login at the phone was refused", locked=locked)
            self._effects.answer_login(event.node, event.channel, None)
            return
        self._wrong.pop(event.agent, None)
        self._let_in(agent, event)

    def _let_in(self, agent: Agent, event: ev.PinEntered) -> None:
        leg, who = LegId(event.channel), agent.state.agent
        if agent.state.mode is AgentMode.NAILED:
            # They are at work when the leg holds: until then it must not be bridged.
            self._registry.logins[leg] = who
            self._effects.answer_login(event.node, event.channel, who)
        else:
            self._switchboard.agent(ev.LoggedIn(who), self._clock.now())
            # Their phone must be free, because it is rung for each call.
            self._effects.hang_up(event.node, leg)

    def _locked(self, agent: str) -> bool:
        count, last = self._wrong.get(agent, (0, 0.0))
        recent = self._clock.now().mono - last < self.settings.pin_lock_s
        return count >= self.settings.max_pin_failures and recent

    def _count_wrong(self, agent: str) -> None:
        # Agent numbers come from a key pad: bound the memory of those who try them all.
        if len(self._wrong) > 10_000:
            self._wrong.clear()
        count, last = self._wrong.get(agent, (0, 0.0))
        now = self._clock.now().mono
        again = count + 1 if now - last < self.settings.pin_lock_s else 1
        self._wrong[agent] = (again, now)

    def _at_work(self, agent_id: str) -> Agent:
        agent = self.agent(agent_id)
        if not agent.state.is_working:
            raise Conflict(f"agent {agent_id} is not logged in")
        return agent
