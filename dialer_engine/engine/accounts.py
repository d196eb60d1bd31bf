"""What is written when something ends: the outcome of a call, a change of an agent's day, the
figures of a campaign.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from dialer_engine.domain.agent import AgentState, Line
from dialer_engine.domain.attempt import AttemptEnd, CaseNext
from dialer_engine.domain.call import CallState
from dialer_engine.domain.commands import Settle
from dialer_engine.domain.events import Presence
from dialer_engine.domain.outcome import Ending, Outcome
from dialer_engine.domain.units import Moment
from dialer_engine.engine.dialling import Dialling
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.registry import Agent, Call
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.trunks import Trunks
from dialer_engine.ports.store import AgentEventRow
from dialer_engine.strategy.retry import RetryTable

log = structlog.get_logger(__name__)
# Outcomes in which somebody at the far end took part: the trunk works.
_TRUNK_WORKED = frozenset(
    {Outcome.COMPLETED, Outcome.ABANDONED, Outcome.MACHINE, Outcome.HUNG_UP_EARLY, Outcome.BUSY, Outcome.NO_ANSWER,
     Outcome.REJECTED, Outcome.SWITCHED_OFF, Outcome.INVALID_NUMBER}
)  # fmt: skip
_LINE_KIND = {
    Line.OFF: "off",
    Line.CALLING: "off",
    Line.IDLE: "idle",
    Line.RESERVED: "reserved",
    Line.IN_CALL: "talk",
    Line.WRAP_UP: "wrap_up",
}


class Accounts:
    """The book-keeper of the engine."""

    def __init__(
        self,
        settings: EngineSettings,
        dialling: Dialling,
        ledger: Ledger,
        trunks: Trunks,
        effects: Effects,
    ) -> None:
        self.settings = settings
        self._dialling = dialling
        self._ledger = ledger
        self._trunks = trunks
        self._effects = effects

    # -- calls

    def settled(self, call: Call, settle: Settle, now: Moment) -> None:
        """The one outcome of an attempt: to the store, the figures, the trunk, and what follows for
        the case.
        """
        state = call.state
        self._count(call, settle.outcome)
        fault = True if settle.trunk_fault else (False if settle.outcome in _TRUNK_WORKED else None)
        self._breaker(call, fault, now)
        self._ledger.end(attempt_end(call, settle, now), self._following(call, settle, now))
        log.info(
            "attempt ended", attempt=state.attempt, campaign=call.campaign, outcome=settle.outcome.value,
            detail=settle.detail, trunk=call.trunk, node=call.node, talk_s=state.talk(), recovered=call.recovered,
        )  # fmt: skip
        self._effects.publish(
            "calls", event="outcome", attempt=state.attempt, campaign=call.campaign, outcome=settle.outcome.value,
            agent=state.first_agent, talk_s=state.talk(), answer_to_bridge_s=state.answer_to_bridge(),
        )  # fmt: skip

    def _count(self, call: Call, outcome: Outcome) -> None:
        running = self._dialling.running.get(call.campaign)
        if running is None:
            return
        figures = running.figures
        figures.outcomes[outcome.value] += 1
        figures.live += outcome in (Outcome.COMPLETED, Outcome.ABANDONED, Outcome.HUNG_UP_EARLY)
        figures.bridged += outcome is Outcome.COMPLETED
        figures.abandoned += outcome is Outcome.ABANDONED
        figures.talk_s += call.state.talk() or 0.0

    def _breaker(self, call: Call, fault: bool | None, now: Moment) -> None:
        change = self._trunks.ended(call.trunk, fault, now.mono)
        if change is not None:
            text = f"trunk {call.trunk}: breaker {change.value}"
            self._effects.alarm("breaker", text, trunk=call.trunk, breaker=change.value)

    def _following(self, call: Call, settle: Settle, now: Moment) -> CaseNext:
        candidate = call.candidate
        if settle.trunk_fault and self._trunks.others(call.node, call.tried):
            if not call.recovered:
                # Of a call of an earlier life the number is not known: its case comes from the list.
                self._dialling.again(call)
            return CaseNext(
                call.campaign,
                candidate.case_id,
                now.utc,
                "failover",
                candidate.tries,
                candidate.number_rank,
            )
        return self._table(call).after(
            settle.outcome, call.campaign, candidate.case_id, candidate.tries + 1, candidate.number_rank,
            candidate.number_count, now.utc,
        )  # fmt: skip

    def _table(self, call: Call) -> RetryTable:
        campaign = self._dialling.campaigns.get(call.campaign)
        name = campaign.strategy if campaign is not None else "default"
        return self.settings.strategies.get(name) or self.settings.strategies["default"]

    # -- agents

    def agent_changed(self, agent: Agent, before: AgentState, now: Moment) -> None:
        """A change of line or presence: to the store and the screens."""
        state = agent.state
        if before.presence is not state.presence:
            self._presence(agent, before, now)
        if before.line is not state.line:
            self._line(agent, before, now)
        self._effects.publish(
            "agents", event="changed", agent=state.agent, line=state.line.value, presence=state.presence.value,
            break_reason=state.break_reason, attempt=state.attempt,
        )  # fmt: skip

    def _presence(self, agent: Agent, before: AgentState, now: Moment) -> None:
        state = agent.state
        kinds = {Presence.LOGGED_OUT: "logout", Presence.BREAK: "break", Presence.READY: "ready"}
        came = before.presence is Presence.LOGGED_OUT
        if came:
            self._write(agent, "login", now)
        # Taken over from before a restart, they may be on a break at once.
        if not (came and state.presence is Presence.READY):
            self._write(agent, kinds[state.presence], now, state.break_reason)

    def _line(self, agent: Agent, before: AgentState, now: Moment) -> None:
        state = agent.state
        if before.line is Line.IN_CALL and before.since is not None:
            agent.talks += 1
            agent.talk_s += now.since(before.since)
        # A phone that is called again and again is off all the time: no row for each call, or a dead
        # phone would fill the store, and the memory while the store fails.
        if state.is_working and _LINE_KIND[before.line] != _LINE_KIND[state.line]:
            self._write(agent, _LINE_KIND[state.line], now)

    def _write(self, agent: Agent, kind: str, now: Moment, reason: str = "") -> None:
        state = agent.state
        self._ledger.agent_event(AgentEventRow(state.agent, kind, now.utc, reason, state.attempt))


def attempt_end(call: Call, settle: Settle, now: Moment) -> AttemptEnd:
    """The record of an ended call."""
    state: CallState = call.state
    ending = state.ending or Ending()
    return AttemptEnd(
        id=state.attempt, outcome=settle.outcome, detail=settle.detail, cause=ending.cause, sip=ending.sip,
        agent=state.first_agent, verdict=state.verdict.value if state.verdict else None,
        originated_at=_utc(state.sent_at), ringing_at=_utc(state.ringing_at), answered_at=_utc(state.answered_at),
        bridged_at=_utc(state.bridged_at), ended_at=now.utc, answer_to_bridge_s=state.answer_to_bridge(),
        talk_s=state.talk(), waited_s=state.waited(), recovered=call.recovered,
    )  # fmt: skip


def _utc(moment: Moment | None) -> datetime | None:
    return moment.utc if moment is not None else None
