"""`EngineApi` without an engine: a small invented call centre that answers, changes and records.

Used by the tests of web and cli. It refuses what the real one refuses, with the same errors. Every
call that reaches it is in `asked`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from typing import Any

from dialer_engine.domain.errors import Conflict, DialerError, NotFound
from dialer_engine.domain.reports import Quantiles, Report
from dialer_engine.engine.api import Json

ATTEMPT = "a-01JD7E00000000000000000001"
RINGING = "a-01JD7E00000000000000000002"
STARTED_AT = "2026-11-21T09:00:00+00:00"


def _campaign(name: str, state: str = "stopped", **more: Any) -> Json:
    return {
        "name": name,
        "state": state,
        "mode": "progressive",
        "ratio": 1.0,
        "ring_timeout_s": 25.0,
        "wait_limit_s": 2.0,
        "wrap_up_s": 20.0,
        "amd": False,
        "skill": "",
        "strategy": "default",
        "holder": "daemon-1" if state == "started" else None,
        "why": "",
        "backlog": {"due": 120, "waiting": 30, "done": 50, "in_flight": 2},
        "live": {"planned": 0, "ringing": 1, "waiting": 0, "talking": 1},
        "today": {
            "attempts": 52, "answered": 21, "bridged": 19, "abandoned": 1, "abandonment_rate": 0.05,
        },
    } | more  # fmt: skip


def _agent(agent_id: str, presence: str, line: str, **more: Any) -> Json:
    return {
        "id": agent_id,
        "presence": presence,
        "break_reason": "",
        "line": line,
        "since": STARTED_AT,
        "attempt": None,
        "campaign": None,
        "skills": ["en"],
        "mode": "nailed",
        "node": "main",
        "today": {"talks": 4, "talk_s": 312.5},
    } | more


class FakeEngineApi:
    """See the module. failing: raised by every method until it is None again."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.failing: Exception | None = None
        self.state = "running"
        self.store_ok = True
        self.connected = True
        self.disk = "ok"
        self.by_name = {c["name"]: c for c in (_campaign("spring", "started"), _campaign("winter"))}
        self.by_id = {
            a["id"]: a
            for a in (
                _agent("1001", "ready", "in_call", attempt=ATTEMPT, campaign="spring"),
                _agent("1002", "ready", "idle"),
                _agent("1003", "break", "idle", break_reason="lunch"),
                _agent("1004", "logged_out", "off"),
                _agent("1005", "ready", "wrap_up"),
            )
        }
        self.live: dict[str, Json] = {
            ATTEMPT: self._call(ATTEMPT, "talking", "1001", 65.0),
            RINGING: self._call(RINGING, "ringing", None, 7.0),
        }
        self.listeners: set[asyncio.Queue[Json | None]] = set()
        self.unsubscribed = 0
        self.on_shutdown: Callable[[], None] = lambda: None
        self.who = ""
        self._seq = 0
        self._lost = 0

    @staticmethod
    def _call(attempt: str, phase: str, agent: str | None, since_s: float) -> Json:
        return {
            "attempt": attempt, "campaign": "spring", "phase": phase, "agent": agent,
            "since_s": since_s, "node": "main", "trunk": "carrier-a",
        }  # fmt: skip

    def _ask(self, *what: Any) -> None:
        self.asked.append(what)
        if self.failing is not None:
            raise self.failing

    def publish(self, topic: str, **message: Any) -> None:
        """As the engine's feed does."""
        self._seq += 1
        lost, self._lost = self._lost, 0
        for queue in self.listeners:
            queue.put_nowait({**message, "topic": topic, "seq": self._seq, "lost": lost})

    # -- the whole
    async def status(self) -> Json:
        self._ask("status")
        return {
            "version": "0.1.0",
            "pid": 4711,
            "started_at": STARTED_AT,
            "uptime_s": 3725.0,
            "state": self.state,
            "nodes": [
                {
                    "name": "main",
                    "connected": self.connected,
                    "version": "Asterisk 22.0.0",
                    "since": STARTED_AT,
                    "counters": {"events": 10},
                }
            ],
            "trunks": [
                {
                    "name": "carrier-a", "node": "main", "in_use": len(self.live),
                    "max_channels": 30, "max_cps": 5.0, "breaker": "closed",
                }
            ],
            "store": {"ok": self.store_ok, "detail": "" if self.store_ok else "read-only"},
            "disk": self.disk,
            "campaigns": list(self.by_name.values()),
            "calls": self._count(self.live, "phase"),
            "agents": {
                "line": self._count(self.by_id, "line"),
                "presence": self._count(self.by_id, "presence"),
            },
            "engine": {"inbox": 0, "events": 1234, "illegal_transitions": 0, "shed": 0},
        }  # fmt: skip

    @staticmethod
    def _count(rows: dict[str, Json], key: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in rows.values():
            counts[row[key]] = counts.get(row[key], 0) + 1
        return counts

    async def doctor(self) -> list[Json]:
        self._ask("doctor")
        level = "ok" if self.connected else "fail"
        return [
            {"check": "ami", "level": level, "text": "connected to main", "advice": ""},
            {"check": "clock", "level": "warn", "text": "0.3 s apart", "advice": "run chrony"},
        ]

    async def reload(self) -> Json:
        self._ask("reload")
        return {
            "changed": [
                {"key": "pacing.ratio", "old": "1.0", "new": "1.5", "live": True},
                {"key": "store.url", "old": "sqlite:///a", "new": "sqlite:///b", "live": False},
            ],
            "needs_restart": ["store.url"],
        }

    async def shutdown(self, graceful: bool, limit_s: float | None) -> Json:
        self._ask("shutdown", graceful, limit_s)
        self.state = "draining" if graceful else "stopping"
        self.on_shutdown()
        return {"state": self.state, "calls": len(self.live), "limit_s": limit_s or 300.0}

    # -- campaigns
    def _campaign(self, name: str) -> Json:
        if name not in self.by_name:
            raise NotFound(f"there is no campaign {name!r}")
        return self.by_name[name]

    async def campaigns(self) -> list[Json]:
        self._ask("campaigns")
        return list(self.by_name.values())

    async def campaign(self, name: str) -> Json:
        self._ask("campaign", name)
        return self._campaign(name)

    async def create_campaign(self, data: Json) -> Json:
        self._ask("create_campaign", data)
        if data["name"] in self.by_name:
            raise Conflict(f"there is a campaign {data['name']!r} already")
        self.by_name[data["name"]] = _campaign(**data)
        return self.by_name[data["name"]]

    async def change_campaign(self, name: str, changes: Json, who: str = "") -> Json:
        self._ask("change_campaign", name, changes)
        self.who = who
        self._campaign(name).update(changes)
        return self._campaign(name)

    async def _to(self, name: str, state: str) -> Json:
        self._campaign(name)["state"] = state
        self.publish("campaigns", campaign=name, state=state)
        return self._campaign(name)

    async def start_campaign(self, name: str) -> Json:
        self._ask("start_campaign", name)
        return await self._to(name, "started")

    async def pause_campaign(self, name: str) -> Json:
        self._ask("pause_campaign", name)
        return await self._to(name, "paused")

    async def stop_campaign(self, name: str) -> Json:
        self._ask("stop_campaign", name)
        return await self._to(name, "stopped")

    # -- pacing
    async def pacing(self, name: str) -> Json:
        self._ask("pacing", name)
        campaign = self._campaign(name)
        return {
            "campaign": name, "mode": campaign["mode"], "settings": {"target": 0.03, "period": "day"},
            "period": {"kind": "day", "live": 100, "abandoned": 2, "rate": 0.02, "ends_at": STARTED_AT, "left_s": 60.0},
            "decision": self._decision(name), "failures": 0, "shadow": None,
            "learned": [
                {"node": "main", "kind": "answered", "of": name, "figure": 0.25, "xs": [0.0, 10.0, 25.0],
                 "ys": [0.0, 0.2, 0.25]},
                {"node": "main", "kind": "talk", "of": "", "figure": 121.5, "xs": [0.0, 100.0], "ys": [0.0, 0.6]},
            ],
        }  # fmt: skip

    @staticmethod
    def _decision(name: str) -> Json:
        return {
            "campaign": name, "at": STARTED_AT, "node": "main", "policy": "predictive", "originate": 3, "started": 2,
            "cancelled": 0, "why": "", "numbers": {"idle": 2.0, "price": 0.05},
            "sentence": {"en": "2 new calls of 3 wanted.", "zh": "新呼2路(应呼3路)。"},
        }  # fmt: skip

    async def explain(self, name: str, at: str | None) -> Json:
        self._ask("explain", name, at)
        self._campaign(name)
        return self._decision(name)

    async def shadow(self, name: str, policy: str | None) -> Json:
        self._ask("shadow", name, policy)
        self._campaign(name)
        return {"policy": policy or "none", "decisions": 40, "share_more": 0.25}

    async def export_learned(self, name: str) -> Json:
        self._ask("export_learned", name)
        self._campaign(name)
        return {"format": 1, "campaign": name, "nodes": {"main": {}}}

    async def import_learned(self, name: str, learned: Json, who: str) -> Json:
        self._ask("import_learned", name, learned)
        self.who = who
        return await self.pacing(name)

    async def campaign_changes(self, name: str, limit: int) -> list[Json]:
        self._ask("campaign_changes", name, limit)
        self._campaign(name)
        row = {
            "at": STARTED_AT,
            "who": "ann",
            "setting": "target",
            "before": "0.03",
            "after": "0.02",
        }
        return [row][:limit]

    async def accept_case(self, agent_id: str) -> Json:
        self._ask("accept_case", agent_id)
        self._agent(agent_id)
        return {"agent": agent_id, "campaign": "spring", "reference": "R-1"}

    async def skip_case(self, agent_id: str, reason: str) -> Json:
        self._ask("skip_case", agent_id, reason)
        self._agent(agent_id)
        return {"agent": agent_id, "campaign": "spring", "reference": "R-1"}

    async def dial_case(self, agent_id: str, campaign: str, reference: str) -> Json:
        self._ask("dial_case", agent_id, campaign, reference)
        self._agent(agent_id)
        return {"agent": agent_id, "campaign": campaign, "reference": reference}

    # -- agents
    def _agent(self, agent_id: str) -> Json:
        if agent_id not in self.by_id:
            raise NotFound(f"there is no agent {agent_id!r}")
        return self.by_id[agent_id]

    async def agents(self) -> list[Json]:
        self._ask("agents")
        return list(self.by_id.values())

    async def add_agent(self, data: Json) -> Json:
        self._ask("add_agent", data)
        if data["id"] in self.by_id:
            raise Conflict(f"there is an agent {data['id']!r} already")
        made = _agent(data["id"], "logged_out", "off", skills=data.get("skills", []))
        self.by_id[data["id"]] = made
        return made

    async def login_agent(self, agent_id: str) -> Json:
        self._ask("login_agent", agent_id)
        self._agent(agent_id).update(presence="ready", line="calling")
        return self._agent(agent_id)

    async def logout_agent(self, agent_id: str) -> Json:
        self._ask("logout_agent", agent_id)
        self._agent(agent_id).update(presence="logged_out", line="off")
        return self._agent(agent_id)

    async def pause_agent(self, agent_id: str, reason: str) -> Json:
        self._ask("pause_agent", agent_id, reason)
        self._agent(agent_id).update(presence="break", break_reason=reason)
        return self._agent(agent_id)

    async def resume_agent(self, agent_id: str) -> Json:
        self._ask("resume_agent", agent_id)
        self._agent(agent_id).update(presence="ready", break_reason="")
        return self._agent(agent_id)

    async def end_wrap_up(self, agent_id: str) -> Json:
        self._ask("end_wrap_up", agent_id)
        if self._agent(agent_id)["line"] != "wrap_up":
            raise Conflict(f"agent {agent_id} is not in wrap-up")
        self._agent(agent_id).update(line="idle")
        return self._agent(agent_id)

    async def dispose(
        self, agent_id: str, code: str, note: str, attempt: str | None = None
    ) -> Json:
        self._ask("dispose", agent_id, code, note, attempt)
        self._agent(agent_id)
        return {"attempt": attempt or ATTEMPT, "agent": agent_id, "code": code}

    # -- calls
    async def calls(self, filter: Json) -> list[Json]:
        self._ask("calls", filter)
        rows = self.live.values()
        return [row for row in rows if all(row[key] == value for key, value in filter.items())]

    def _live(self, attempt: str) -> Json:
        if attempt not in self.live:
            raise NotFound(f"there is no call {attempt!r}")
        return self.live[attempt]

    async def call(self, attempt: str) -> Json:
        self._ask("call", attempt)
        return {**self._live(attempt), "number": "+44********12", "outcome": None}

    async def call_history(
        self, campaign: str | None, limit: int, before: str | None
    ) -> list[Json]:
        self._ask("call_history", campaign, limit, before)
        row = {
            "attempt": ATTEMPT, "campaign": "spring", "planned_at": STARTED_AT, "number": "+44********12",
            "outcome": "no_answer", "agent": None, "talk_s": None, "trunk": "carrier-a", "detail": "",
        }  # fmt: skip
        return [row][:limit]

    async def hangup_call(self, attempt: str) -> Json:
        self._ask("hangup_call", attempt)
        return {**self._live(attempt), "phase": "hanging_up"}

    async def payment_arrived(self, case_id: int) -> Json:
        self._ask("payment_arrived", case_id)
        return {"case": case_id, "cancelled": 0}

    async def listen(self, agent_id: str, supervisor_phone: str, mode: str) -> Json:
        self._ask("listen", agent_id, supervisor_phone, mode)
        if self._agent(agent_id)["line"] == "off":
            raise Conflict(f"agent {agent_id} has no leg to listen to")
        return {"agent": agent_id, "mode": mode}

    # -- figures and feed
    async def report(self, campaign: str | None, since: str | None, until: str | None) -> Json:
        self._ask("report", campaign, since, until)
        return asdict(
            Report(
                campaign, since, until, attempts=52, attempts_without_outcome=2, answered=21,
                live=20, bridged=19, abandoned=1, answer_rate=0.404, abandonment_rate=0.05,
                utilization=0.81, outcomes={"completed": 19, "no_answer": 25, "busy": 6},
                recordings_expected=21, recordings_verified=21,
                answer_to_bridge_ms=Quantiles(31.0, 78.5, 90.0, 19), talk_s_mean=75.0,
                agents=[{"agent": "1001", "talks": 4, "talk_s": 312.5, "utilization": 0.81}],
            )
        )  # fmt: skip

    async def subscribe(self, topics: Sequence[str]) -> AsyncIterator[Json]:
        self._ask("subscribe", tuple(topics))
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self.listeners.add(queue)
        try:
            while (message := await queue.get()) is not None:
                if message["topic"] in topics:
                    yield message
        finally:
            self.listeners.discard(queue)
            self.unsubscribed += 1

    def lose(self, count: int) -> None:
        """The subscribers were too slow: the next message says so."""
        self._lost = count

    def end_feed(self) -> None:
        """The engine ends its feed."""
        for queue in self.listeners:
            queue.put_nowait(None)


def failing(error: DialerError | Exception) -> FakeEngineApi:
    """One that raises this whatever it is asked."""
    fake = FakeEngineApi()
    fake.failing = error
    return fake
