"""Carries out what the machines want done outside: on the PBX and on the screens.

Rules: nothing here changes a state; what a PBX answers comes back as an event in the inbox. A
command that may have happened (`PbxUnknown`) is never sent again: its event comes, or the sweep finds
out, or a timer ends the wait. After any other error nothing has happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import structlog

from dialer_engine.domain import events as ev
from dialer_engine.domain.errors import DialerError, PbxError, PbxRefused, PbxUnknown
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import AgentId, AttemptId, CampaignName, LegId, Moment, NodeName
from dialer_engine.engine.inbox import Inbox
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.tasks import Tasks
from dialer_engine.ports.live import Feed
from dialer_engine.ports.pbx import CallAgent, Originate, PbxNode
from dialer_engine.ports.store import Screen
from dialer_engine.strategy.prompter import said_by

log = structlog.get_logger(__name__)


class Effects:
    """The hands of the engine."""

    def __init__(
        self,
        nodes: Mapping[NodeName, PbxNode],
        inbox: Inbox,
        tasks: Tasks,
        feed: Feed,
        stats: EngineStats,
        now: Callable[[], Moment],
    ) -> None:
        self._nodes = nodes
        self._inbox = inbox
        self._tasks = tasks
        self._feed = feed
        self._stats = stats
        self._now = now
        self.on_alarm: Callable[[str, str, AttemptId | None], None] = lambda kind, text, attempt: (
            None
        )

    def has_node(self, node: NodeName) -> bool:
        """Whether such a node is configured."""
        return node in self._nodes

    # -- calls

    def originate(self, node: NodeName, command: Originate) -> None:
        """Dial. The machine hears OriginateSent at once, and OriginateRefused when the PBX says
        no.
        """
        self._stats.originates += 1
        self._inbox.put(ev.OriginateSent(command.attempt))
        self._tasks.start(self._originate(node, command), f"originate {command.attempt}")

    async def _originate(self, node: NodeName, command: Originate) -> None:
        try:
            await self._nodes[node].originate(command)
        except PbxUnknown:
            self._unknown("originate", node, command.attempt)
        except DialerError as error:
            self._stats.refused_by_pbx += 1
            reason = type(error).__name__
            log.warning(
                "the PBX did not dial", attempt=command.attempt, node=node, error=str(error)
            )
            self._inbox.put(ev.OriginateRefused(command.attempt, reason))

    def bridge(self, node: NodeName, attempt: AttemptId, leg: LegId) -> None:
        """Connect; the machine hears CallBridged or BridgeRefused."""
        # Called here and awaited there: a node may send it without another turn of the loop.
        asked = self._nodes[node].bridge(attempt, leg)
        self._tasks.start(self._bridge(asked, node, attempt, leg), f"bridge {attempt}")

    async def _bridge(
        self, asked: Awaitable[None], node: NodeName, attempt: AttemptId, leg: LegId
    ) -> None:
        try:
            await asked
        except PbxUnknown:
            self._unknown("bridge", node, attempt)
        except DialerError as error:
            log.warning(
                "the PBX did not bridge", attempt=attempt, leg=leg, node=node, error=str(error)
            )
            self._inbox.put(ev.BridgeRefused(attempt, str(error), leg))

    def safe_harbour(self, node: NodeName, attempt: AttemptId) -> None:
        """Play the message; when that cannot be done, at least do not leave the debtor in
        silence.
        """
        self._tasks.start(self._safe_harbour(node, attempt), f"safe harbour {attempt}")

    async def _safe_harbour(self, node: NodeName, attempt: AttemptId) -> None:
        try:
            await self._nodes[node].safe_harbour(attempt)
        except PbxRefused:
            self._inbox.put(ev.HangupAsked(attempt, "safe harbour refused"))
        except PbxError:
            self._unknown("safe_harbour", node, attempt)

    def hang_up(self, node: NodeName, channel: AttemptId | LegId) -> None:
        """End a channel; its end comes as an event."""
        self._tasks.start(self._hang_up(node, channel), f"hang up {channel}")

    async def _hang_up(self, node: NodeName, channel: AttemptId | LegId) -> None:
        try:
            await self._nodes[node].hang_up(channel)
        except PbxError:
            self._unknown("hang_up", node, channel)

    # -- agents

    def call_agent(self, node: NodeName, command: CallAgent) -> None:
        """Call the phone; LegConnected or LegEnded follows."""
        self._tasks.start(self._call_agent(node, command), f"call agent {command.agent}")

    async def _call_agent(self, node: NodeName, command: CallAgent) -> None:
        try:
            await self._nodes[node].call_agent(command)
        except PbxUnknown:
            self._unknown("call_agent", node, command.leg)
        except DialerError as error:
            log.warning("the agent's phone was not called", agent=command.agent, error=str(error))
            self._inbox.put(ev.LegEnded(command.leg, Ending(text=str(error))))

    def answer_login(self, node: NodeName, channel: str, agent: AgentId | None) -> None:
        """agent: whose nailed leg the channel becomes; None when the PIN was wrong."""
        self._tasks.start(self._answer_login(node, channel, agent), "answer login")

    async def _answer_login(self, node: NodeName, channel: str, agent: AgentId | None) -> None:
        try:
            if agent is None:
                await self._nodes[node].deny_login(channel)
            else:
                await self._nodes[node].accept_login(channel, agent)
        except PbxUnknown:
            self._unknown("answer_login", node, channel)
        except DialerError as error:
            log.warning("the login could not be answered", node=node, error=str(error))
            self._inbox.put(ev.LegEnded(LegId(channel), Ending(text=str(error))))

    # -- screens

    def show(self, agent: AgentId, attempt: AttemptId, screen: Screen | None) -> None:
        """Put the case on the agent's screen, before the first word."""
        case = _shown(screen, agent) if screen is not None else {"attempt": attempt}
        self._feed.publish(
            f"agent/{agent}", {"event": "call", "agent": agent, **self._at(), **case}
        )

    def preview(self, agent: AgentId, campaign: CampaignName, screen: Screen) -> None:
        """Put a case before an agent who is to say whether it is dialled."""
        case = _shown(screen, agent)
        del case["attempt"]
        message = {"event": "preview", "agent": agent, "campaign": campaign}
        self._feed.publish(f"agent/{agent}", message | self._at() | case)

    def alarm(self, kind: str, text: str, attempt: AttemptId | None = None, **fields: Any) -> None:
        """Something a person must know: on the feed, and in the store for the report. No personal
        data in `text`."""
        about = {"attempt": attempt} if attempt else {}
        self.publish("alarms", event=kind, text=text, **about, **fields)
        self.on_alarm(kind, text, attempt)

    def publish(self, topic: str, **message: Any) -> None:
        """Tell whoever watches. No personal data on the common topics."""
        self._feed.publish(topic, self._at() | message)

    def _at(self) -> dict[str, datetime]:
        return {"at": self._now().utc}

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Any other work that must not hold up the inbox."""
        self._tasks.start(work, name)

    def _unknown(self, action: str, node: NodeName, subject: str) -> None:
        self._stats.unknown += 1
        log.warning(
            "it is not known whether the PBX did this", action=action, node=node, subject=subject
        )


def _shown(screen: Screen, agent: AgentId) -> dict[str, Any]:
    """Its fields, not copied through and through: this is on the way to the bridge."""
    case = {field.name: getattr(screen, field.name) for field in fields(screen)}
    return case | {"script": said_by(screen.script, agent)}
