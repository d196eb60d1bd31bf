"""The engine: its parts, put together, started and stopped.

Rules: the order of starting is store, registry, links, recovery, campaigns; the order of stopping
is no new calls, talks, outcomes written, leases given back, links. What repeats for ever runs as a
task whose failure is logged and which goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from dialer_engine.domain import commands as cmd
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentState
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.errors import DialerError, PbxError, StoreError
from dialer_engine.domain.units import AttemptId, CaseId, Moment, NodeName
from dialer_engine.engine.accounts import Accounts
from dialer_engine.engine.counsel import LOOK_S, Counsel
from dialer_engine.engine.desk import CheckPin, Desk
from dialer_engine.engine.dialling import Dialling
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.holds import LOOK_S as HOLDS_S
from dialer_engine.engine.holds import Holds
from dialer_engine.engine.inbox import Inbox
from dialer_engine.engine.keeper import Keeper
from dialer_engine.engine.leases import Leases
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.paces import Paces
from dialer_engine.engine.recovery import SETTLED_S, Recovery
from dialer_engine.engine.registry import Agent, Call, Registry, fresh_agent
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.shares import LOOK_S as LINES_S
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.switchboard import Switchboard
from dialer_engine.engine.tasks import Tasks
from dialer_engine.engine.timers import Timers
from dialer_engine.engine.trunks import Trunks
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.law import Law
from dialer_engine.ports.live import Feed
from dialer_engine.ports.pbx import PbxNode
from dialer_engine.ports.recordings import Recordings
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)
_RETRY_RECOVERY_S = 1.0
_DRAIN_LOOK_S = 0.2
# How often decisions are written, what was learned is saved, and old decisions are deleted.
_PACING_LOG_S = 1.0
_PACING_MEMORY_S = 60.0
_PACING_FORGET_S = 3600.0


class Engine:
    """All parts of one daemon's engine, and its life: `start`, then `drain` or not, then `stop`."""

    def __init__(
        self,
        settings: EngineSettings,
        *,
        store: Store,
        nodes: Iterable[PbxNode],
        feed: Feed,
        recordings: Recordings,
        clock: Clock,
        check_pin: CheckPin,
        law: Law | None = None,
    ) -> None:
        """law: the books of compliance; None: the gate knows what candidates say and nothing more."""
        self.settings = settings
        self.store = store
        self.clock = clock
        self.feed = feed
        self.nodes: Mapping[NodeName, PbxNode] = {node.name: node for node in nodes}
        self.stats = EngineStats()
        self.tasks = Tasks()
        self.registry = Registry()
        self.inbox = Inbox(clock.now)
        self.timers = Timers(clock, self.inbox.put)
        self.trunks = Trunks(settings.trunks)
        self.ledger = Ledger(store)
        self.effects = Effects(self.nodes, self.inbox, self.tasks, feed, self.stats, clock.now)
        self.paces = Paces(settings, store, self.effects, clock)
        self.counsel = Counsel(settings, law, self.registry, self.inbox, clock, self.paces.shares)
        self.dialling = Dialling(
            settings,
            self.registry,
            store,
            self.ledger,
            self.trunks,
            self.effects,
            clock,
            recordings,
            self.nodes,
            self.stats,
            self.paces,
            self.counsel,
        )
        self.offers = self.dialling.offers
        self.switchboard = Switchboard(
            settings,
            self.registry,
            self.dialling.campaigns,
            clock,
            self.effects,
            self.timers,
            self.stats,
        )
        self.accounts = Accounts(settings, self.dialling, self.ledger, self.trunks, self.effects)
        self.desk = Desk(
            settings, self.registry, self.switchboard, self.effects, self.ledger, clock, check_pin
        )
        self.recovery = Recovery(
            settings,
            self.registry,
            self.switchboard,
            store,
            self.ledger,
            self.trunks,
            clock,
            self.nodes,
            self.stats,
        )
        self.leases = Leases(settings, self.dialling, store, clock)
        self.holds = Holds(self.registry, self.dialling, self.effects, self.inbox, store)
        self.keeper = Keeper(store, recordings, self.dialling, self.effects)
        self._recovering: set[NodeName] = set()
        self._link_changes: Counter[NodeName] = Counter()
        self._connect()

    def _connect(self) -> None:
        self.switchboard.may_bridge = self.counsel.may_bridge
        self.switchboard.on_settled = self._settled
        self.switchboard.on_call = self._call_moved
        self.switchboard.on_agent = self._agent_changed
        self.offers.on_free = self.switchboard.offer
        self.offers.on_left = lambda attempt, why: self.inbox.put(ev.HangupAsked(attempt, why))
        self.switchboard.on_key = self.desk.key
        self.switchboard.on_pin = self.desk.pin
        self.switchboard.on_node = self._node_changed
        self.dialling.on_unsent = self._unsent
        self.dialling.on_stopped = self._stopped
        self.dialling.on_sent = self._sent
        self.dialling.on_held = lambda: self.effects.start(self.leases.renew(), "leases lost")
        self.recovery.held_elsewhere = self.leases.held_elsewhere
        self.ledger.probe = self.leases.renew
        self.ledger.on_change = self._store_changed
        self.inbox.on_pressure = self._pressed
        self.effects.on_alarm = self._write_alarm

    # -- life

    async def start(self) -> None:
        """Take over what was going on, connect, and dial. StoreError: nothing was started."""
        for row in await self.store.agents():
            self.registry.agents[row.id] = fresh_agent(
                row, self.home_of(row.node), self.settings.agent
            )
        await self.leases.take_started()
        await self.recovery.load()
        self.tasks.start(self.inbox.consume(self.switchboard.handle), "inbox")
        self.tasks.start(self.ledger.write(), "ledger")
        for node in self.nodes.values():
            await node.start(self.inbox.take)
        self._repeat("tick", self.settings.tick_s, self.dialling.tick)
        self._repeat("leases", self.settings.lease_s / 3, self.leases.renew)
        self._repeat("sweep", self.settings.sweep_s, self.sweep)
        self._repeat("law", LOOK_S, self.counsel.look)
        self._repeat("lines", LINES_S, self.paces.shares.look)
        self._repeat("holds", HOLDS_S, self.holds.look)
        self._repeat("pacing log", _PACING_LOG_S, self.paces.write)
        self._repeat("pacing memory", _PACING_MEMORY_S, self.paces.save)
        self._repeat("old decisions", _PACING_FORGET_S, self.paces.forget)
        if self.settings.record:
            self.tasks.start(self.keeper.run(), "keeper")
        log.info("the engine has started", nodes=len(self.nodes), agents=len(self.registry.agents))

    async def drain(self, limit_s: float) -> bool:
        """No new calls; wait for those that live, at most `limit_s`. True when none is left."""
        self.dialling.draining = True
        self.cancel_ringing(lambda call: True, "drain")
        deadline = self.clock.now().mono + limit_s
        # The registry is plain data without waiters; five looks a second while stopping cost nothing.
        while self.registry.calls and self.clock.now().mono < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_LOOK_S)
        return not self.registry.calls

    async def stop(self, flush_s: float = 5.0) -> None:
        """Write what is queued, give the campaigns back, close the links. Calls that live go on at
        the PBX, and the next daemon takes them over.
        """
        self.dialling.draining = True
        try:
            # Not wait_for: up to Python 3.11 it can swallow a cancellation.
            async with asyncio.timeout(flush_s):
                await self.ledger.flushed()
        except TimeoutError:
            log.error(
                "outcomes are left unwritten; the next start settles them", rows=self.ledger.pending
            )
        for name in list(self.dialling.running):
            await self.leases.release(name)
        for node in self.nodes.values():
            await node.stop()
        await self.tasks.stop()
        # After the inbox, which could set new ones.
        self.timers.clear()
        log.info("the engine has stopped", calls_left=len(self.registry.calls))

    def apply(self, settings: EngineSettings) -> None:
        """New settings, from the next decision on. What runs as a task keeps its pace (`tick_s`,
        `sweep_s`, `lease_s`), and calls keep the limits that they began with.
        """
        self.settings = self.accounts.settings = settings
        self.dialling.apply(settings)
        self.desk.settings = self.switchboard.settings = self.recovery.adoption.settings = settings
        self.paces.settings = settings
        self.counsel.apply(settings)
        self.trunks.replace(settings.trunks)
        for running in self.dialling.running.values():
            self.dialling.run(running.campaign, running.lease_until)
        for agent in self.registry.agents.values():
            policy = settings.agent
            if agent.state.attempt is not None:
                # The wrap-up of this talk is its campaign's.
                policy = replace(policy, wrap_up_s=agent.state.policy.wrap_up_s)
            agent.state = replace(agent.state, policy=policy)

    def home_of(self, node: str) -> NodeName:
        """The node of an agent: the named one, else the first."""
        name = NodeName(node)
        return name if name in self.nodes else next(iter(self.nodes), name)

    # -- what repeats

    def _repeat(self, name: str, every_s: float, work: Callable[[], Awaitable[None]]) -> None:
        self.tasks.start(self._for_ever(name, every_s, work), name)

    async def _for_ever(
        self, name: str, every_s: float, work: Callable[[], Awaitable[None]]
    ) -> None:
        while True:
            started = self.clock.now().mono
            try:
                await work()
            except DialerError as error:
                log.warning("a periodic task failed and goes on", task=name, error=str(error))
            except Exception:
                log.exception("a periodic task failed and goes on", task=name)
            took = self.clock.now().mono - started
            self.stats.late_ticks += name == "tick" and took > every_s
            await asyncio.sleep(max(0.0, every_s - took))

    async def sweep(self) -> None:
        """Ask every node what lives, and the store what is open: nothing stays forgotten."""
        self.counsel.forget(self._at_hand())
        if self.ledger.ok:
            await self.recovery.find_orphans()
        for node in list(self.dialling.ready):
            await self._reconcile(node)

    def _at_hand(self) -> set[CaseId]:
        """Cases that are held ready, held by agents, or being called."""
        queues = (running.queue for running in self.dialling.running.values())
        ready = {candidate.case_id for queue in queues for candidate, _ in queue}
        offered = {offer.candidate.case_id for offer in self.offers.held.values()}
        return ready | offered | {c.candidate.case_id for c in self.registry.calls.values()}

    # -- nodes and store

    def _node_changed(self, event: ev.NodeUp | ev.NodeDown | ev.NodeDesynchronised) -> None:
        self._link_changes[event.node] += 1
        self.dialling.ready.discard(event.node)
        if isinstance(event, ev.NodeDown):
            log.error(
                "a PBX is not connected; nothing is dialled there",
                node=event.node,
                reason=event.reason,
            )
            self.effects.alarm("node_down", f"{event.node}: {event.reason}", node=event.node)
        elif event.node not in self._recovering:
            self._recovering.add(event.node)
            self.effects.start(self._recover(event.node), f"recover {event.node}")

    async def _recover(self, node: NodeName) -> None:
        """Until it has succeeded with nothing new of the link meanwhile, or the link is down."""
        try:
            while not await self._recovered(node):
                if not self.nodes[node].health().connected:
                    return
        finally:
            self._recovering.discard(node)
        self.dialling.ready.add(node)
        log.info("a PBX is connected and known; dialling may go on", node=node)
        self.effects.alarm("node_up", node, node=node)
        self.effects.start(self._look_again(node), f"look again at {node}")

    async def _recovered(self, node: NodeName) -> bool:
        """What was learnt over a link that broke or lost events meanwhile is not all there is."""
        changes = self._link_changes[node]
        done = await self._reconcile(node, events_lost=True)
        if not done:
            await asyncio.sleep(_RETRY_RECOVERY_S)
        return done and self._link_changes[node] == changes

    async def _look_again(self, node: NodeName) -> None:
        """Commands that were under way when the link broke were too young to be called missing."""
        await asyncio.sleep(SETTLED_S + _RETRY_RECOVERY_S)
        if node in self.dialling.ready:
            await self._reconcile(node)

    async def _reconcile(self, node: NodeName, events_lost: bool = False) -> bool:
        try:
            await self.recovery.reconcile(node, events_lost)
        except (PbxError, StoreError) as error:
            log.warning("the PBX could not be asked what lives", node=node, error=str(error))
            return False
        except Exception:
            # Not known is not recovered: nothing is dialled there until it succeeds.
            log.exception("the PBX could not be made to agree with what we know", node=node)
            return False
        return True

    def _store_changed(self, ok: bool, detail: str) -> None:
        self.effects.alarm("store", detail or "takes writes again", ok=ok)

    def _pressed(self, pressed: bool) -> None:
        for node in self.nodes.values():
            node.hold(pressed)

    def _write_alarm(self, kind: str, text: str, attempt: AttemptId | None) -> None:
        self.effects.start(self._store_alarm(kind, text, attempt), f"alarm {kind}")

    async def _store_alarm(self, kind: str, text: str, attempt: AttemptId | None) -> None:
        try:
            await self.store.alarm(kind, text, self.clock.now().utc, attempt)
        except StoreError as error:
            log.warning("an alarm could not be written", kind=kind, error=str(error))

    def cancel_ringing(self, which: Callable[[Call], bool], why: str) -> None:
        """Hang up what nobody has answered. An attempt that is just being committed is not dialled
        when that is done (`Dialling.obstacle`), so it is left alone here."""
        for call in list(self.registry.calls.values()):
            if call.state.phase in (CallPhase.DIALING, CallPhase.RINGING) and which(call):
                self.inbox.put(ev.HangupAsked(call.state.attempt, why))

    def _settled(self, call: Call, settle: cmd.Settle, now: Moment) -> None:
        self.accounts.settled(call, settle, now)
        self.offers.call_over(call)

    def _call_moved(self, call: Call, fault: bool, now: Moment) -> None:
        self.paces.call_moved(call, fault, now)
        self.offers.call_moved(call)

    def _agent_changed(self, agent: Agent, before: AgentState, now: Moment) -> None:
        self.accounts.agent_changed(agent, before, now)
        attempt = agent.state.attempt
        talk = self.registry.calls.get(attempt) if attempt is not None else None
        self.paces.agent_changed(agent, before, talk, now)
        self.offers.agent_changed(agent)

    def _sent(self, call: Call, now: Moment) -> None:
        """In the same turn as the command leaves, so that nothing can come between the two."""
        self.switchboard.call(ev.OriginateSent(call.state.attempt), now)

    def _stopped(self, call: Call, why: str) -> None:
        self.inbox.put(ev.HangupAsked(call.state.attempt, why))

    def _unsent(self, call: Call, why: str) -> None:
        self.inbox.put(ev.OriginateRefused(call.state.attempt, why))
