"""The engine's state as plain data, for the API. No names and no numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dialer_engine.app.pacing import account_row
from dialer_engine.domain.agent import AgentState
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.reports import Report
from dialer_engine.domain.units import Moment
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.registry import Agent, Call

Json = dict[str, Any]
_RINGING = (CallPhase.DIALING, CallPhase.RINGING)
_SHED = ("events_shed_state", "events_shed_cheap")
_WAITING = (CallPhase.ANSWERED, CallPhase.WAITING, CallPhase.CONNECTING)


def call_row(call: Call, now: Moment) -> Json:
    """A live call."""
    state = call.state
    last = state.bridged_at or state.answered_at or state.ringing_at or call.planned_at
    return {
        "attempt": state.attempt,
        "campaign": call.campaign,
        "phase": state.phase.value,
        "agent": state.agent or state.first_agent,
        "since_s": round(now.since(last), 3),
        "node": call.node,
        "trunk": call.trunk,
    }


def agent_row(agent: Agent, engine: Engine) -> Json:
    """An agent."""
    state: AgentState = agent.state
    call = engine.registry.calls.get(state.attempt) if state.attempt else None
    return {
        "id": state.agent,
        "presence": state.presence.value,
        "break_reason": state.break_reason,
        "line": state.line.value,
        "since": state.since.utc.isoformat() if state.since else None,
        "attempt": state.attempt,
        "campaign": call.campaign if call else None,
        "skills": sorted(state.skills),
        "mode": state.mode.value,
        "node": agent.node,
        "today": {"talks": agent.talks, "talk_s": round(agent.talk_s, 1)},
    }


def campaign_row(engine: Engine, campaign: Campaign, backlog: dict[str, int]) -> Json:
    """A campaign with what it does now."""
    running = engine.dialling.running.get(campaign.name)
    words = {name: getattr(campaign, name).value for name in ("mode", "state", "period")}
    shown = asdict(campaign) | words
    now = engine.clock.now().utc
    return shown | {
        "holder": engine.settings.instance if running else None,
        "why": running.why if running else "",
        "backlog": backlog,
        "live": _live(engine, campaign),
        "today": _figures(engine, campaign),
        "account": account_row(running.pace.account, now) if running else None,
    }


def _live(engine: Engine, campaign: Campaign) -> dict[str, int]:
    phases = [c.state.phase for c in engine.registry.calls.values() if c.campaign == campaign.name]
    return {
        "planned": phases.count(CallPhase.PLANNED),
        "ringing": sum(phase in _RINGING for phase in phases),
        "waiting": sum(phase in _WAITING for phase in phases),
        "talking": phases.count(CallPhase.TALKING),
    }


def _figures(engine: Engine, campaign: Campaign) -> Json:
    """Since this daemon began to run it."""
    running = engine.dialling.running.get(campaign.name)
    if running is None:
        return {
            "attempts": 0,
            "answered": 0,
            "bridged": 0,
            "abandoned": 0,
            "abandonment_rate": None,
        }
    figures = running.figures
    return {
        "attempts": figures.attempts,
        "answered": figures.live + figures.outcomes["machine"],
        "bridged": figures.bridged,
        "abandoned": figures.abandoned,
        "abandonment_rate": figures.abandoned / figures.live if figures.live else None,
        "outcomes": dict(figures.outcomes),
    }


def status(engine: Engine, whole: Json) -> Json:
    """The whole engine; `whole` holds what the daemon knows of itself."""
    registry, stats = engine.registry, engine.stats
    health = [node.health() for node in engine.nodes.values()]
    return whole | {
        "nodes": [
            {"name": h.node, "connected": h.connected, "ready": h.node in engine.dialling.ready, "version": h.version,
             "detail": h.detail, "counters": h.counters}
            for h in health
        ],
        "trunks": [
            {"name": t.limits.name, "node": t.limits.node, "in_use": t.in_use, "max_channels": t.limits.max_channels,
             "max_cps": t.limits.max_cps, "breaker": t.breaker.value}
            for t in engine.trunks
        ],
        "store": {"ok": engine.ledger.ok, "detail": engine.ledger.detail, "pending": engine.ledger.pending},
        "disk": engine.dialling.disk.value,
        "calls": {phase.value: count for phase, count in registry.phases().items()},
        "agents": {
            "line": {line.value: count for line, count in registry.lines().items()},
            "presence": {presence.value: count for presence, count in registry.presences().items()},
        },
        "engine": {
            "inbox": engine.inbox.depth, "inbox_deepest": engine.inbox.deepest, "events": engine.inbox.handled,
            "event_failures": engine.inbox.failures, "task_failures": engine.tasks.failures, "tasks": len(engine.tasks),
            "timers": len(engine.timers), "illegal_transitions": dict(stats.illegal), "stray": stats.stray,
            "originates": stats.originates, "unknown": stats.unknown, "denied": dict(stats.denied),
            "failovers": stats.failovers, "cancelled": stats.cancelled, "recovered": stats.recovered,
            "ticks": stats.ticks, "late_ticks": stats.late_ticks,
            "shed": sum(h.counters.get(which, 0) for h in health for which in _SHED),
        },
    }  # fmt: skip


def report(found: Report) -> Json:
    """A report, as `report --json` prints it."""
    return asdict(found)
