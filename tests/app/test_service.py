"""The API of a running daemon, over a whole engine between virtual twins."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec

import pytest

from dialer_engine.app import config as cfg
from dialer_engine.app.service import Service
from dialer_engine.domain.agent import Line
from dialer_engine.domain.campaign import CampaignState, DialMode
from dialer_engine.domain.errors import (
    BadValue,
    CampaignHeld,
    ConfigError,
    Conflict,
    NotFound,
    StoreUnavailable,
)
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AttemptId, CampaignName
from dialer_engine.engine.api import EngineApi
from dialer_engine.live.memory import MemoryFeed
from dialer_engine.sim.clock import VirtualClock, run
from dialer_engine.sim.pbx import Fate
from tests.engine.house import LOANS, House

P = ParamSpec("P")
FILE = """\
pbx: {nodes: [{name: pbx-1, host: 127.0.0.1, username: dialer, secret: hunter2}]}
trunks: [{name: carrier-a, node: pbx-1, dial: "PJSIP/{number}@carrier-a"}]
compliance: {default_zone: Europe/London}
"""


def virtual(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def play(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        run(VirtualClock(), main())

    return play


class Desk:
    """A house, its service, and how it was asked to stop. text: the configuration file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "dialer.yaml"
        self.file.write_text(FILE, encoding="utf-8")
        self.house = House()
        self.stops: list[tuple[bool, float]] = []
        self.service = Service(
            self.house.engine, self.read(), self.read, lambda *how: self.stops.append(how)
        )

    def read(self) -> cfg.Loaded:
        return cfg.load(self.file, env={})


@asynccontextmanager
async def running(folder: Path, agents: int = 0, cases: int = 0) -> AsyncIterator[Desk]:
    """A daemon with a started campaign and agents who are ready."""
    desk = Desk(folder)
    await desk.house.campaign(cases=cases)
    async with desk.house:
        await desk.house.login(*desk.house.agents(agents))
        yield desk


@virtual
async def test_the_service_is_the_api(tmp_path: Path) -> None:
    api: EngineApi = Desk(tmp_path).service
    assert api is not None


# -- the whole


@virtual
async def test_status_tells_everything(tmp_path: Path) -> None:
    async with running(tmp_path, agents=2, cases=5) as desk:
        await desk.house.talking()
        status = await desk.service.status()
        assert status["state"] == "running"
        assert status["calls"]["talking"] == 1
        assert status["agents"]["line"]["in_call"] == 1
        assert [node["ready"] for node in status["nodes"]] == [True]
        assert status["trunks"][0]["in_use"] == len(desk.house.flying)
        assert status["store"]["ok"]
        assert status["disk"] == "ok"
        assert [campaign["name"] for campaign in status["campaigns"]] == ["loans"]
        assert status["engine"]["event_failures"] == 0


@virtual
async def test_shutdown_is_asked_and_answers_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        assert (await desk.service.shutdown(True, 12.0))["limit_s"] == 12.0
        answer = await desk.service.shutdown(False, None)
        assert answer["state"] == "stopping"
        assert desk.stops == [(True, 12.0), (False, desk.read().config.daemon.drain_limit_s)]


@virtual
async def test_reload_applies_what_can_and_names_the_rest(tmp_path: Path) -> None:
    async with running(tmp_path, agents=1) as desk:
        before = desk.house.engine.settings
        desk.file.write_text(
            FILE
            + "agents: {wrap_up_s: 7, ring_timeout_s: 11, break_reasons: [tea]}\npacing: {tick_s: 1}\n",
            encoding="utf-8",
        )
        told = await desk.service.reload()
        assert {change["key"] for change in told["changed"]} == {
            "agents.wrap_up_s", "agents.ring_timeout_s", "agents.break_reasons", "pacing.tick_s",
        }  # fmt: skip
        assert told["needs_restart"] == ["pacing.tick_s"]
        assert desk.house.engine.settings.instance == before.instance
        assert desk.house.agent_of("1001").state.policy.wrap_up_s == 7
        await desk.service.pause_agent("1001", "tea")
        desk.file.write_text(FILE + "pacing: {max_ringing_per_agent: 1}\n", encoding="utf-8")
        await desk.service.change_campaign("loans", {"mode": "ratio", "ratio": 5.0})
        await desk.service.reload()
        assert desk.house.engine.dialling.running[LOANS].pace.campaign.ratio == 1
        desk.file.write_text(FILE + "agents: {ring_timeout_s: 11}\n", encoding="utf-8")
        await desk.service.reload()
        # The next phone is called for so long.
        called: list[float] = []
        real = desk.house.pbx.call_agent

        async def call_agent(command: Any) -> None:
            called.append(command.ring_timeout_s)
            await real(command)

        desk.house.pbx.call_agent = call_agent  # type: ignore[method-assign]
        await desk.house.login(desk.house.agent("1002"))
        assert called == [11]


@virtual
async def test_a_wrong_configuration_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        before = desk.house.engine.settings
        desk.file.write_text(FILE + "agents: {wrap_upp_s: 7}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="wrap_upp_s"):
            await desk.service.reload()
        assert desk.house.engine.settings is before


# -- campaigns


@virtual
async def test_a_campaign_from_creation_to_stop(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with desk.house as house:
        made = await desk.service.create_campaign({"name": "cards", "ratio": 2.0, "mode": "ratio"})
        assert (made["state"], made["ratio"], made["mode"]) == ("stopped", 2.0, "ratio")
        house.cases(6, CampaignName("cards"))
        await house.login(*house.agents(2))
        await house.wait(2.0)
        assert not house.pbx.dialled
        started = await desk.service.start_campaign("cards")
        assert (started["state"], started["holder"]) == ("started", "daemon-1")
        await house.wait(2.0)
        assert len(house.pbx.dialled) == 4
        paused = await desk.service.pause_campaign("cards")
        assert paused["state"] == "paused"
        house.pbx.end(house.pbx.dialled[0].attempt, 17, 486)
        await house.wait(3.0)
        assert len(house.pbx.dialled) == 4
        await desk.service.start_campaign("cards")
        await house.wait(2.0)
        assert len(house.pbx.dialled) == 5
        talk = house.pbx.dialled[1].attempt
        house.pbx.answer(talk)
        await house.settle()
        stopped = await desk.service.stop_campaign("cards")
        assert (stopped["state"], stopped["holder"]) == ("stopped", None)
        await house.wait(1.0)
        assert house.flying == [talk]
        assert CampaignName("cards") not in house.store.leases
        assert (
            sum(
                o.end is not None and o.end.outcome is Outcome.CANCELLED
                for o in house.store.attempts.values()
            )
            == 3
        )
        house.check()


@virtual
async def test_a_campaign_is_dialled_as_its_strategy_says_unless_told_otherwise(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as desk:
        await desk.service.reload()
        early = await desk.service.create_campaign({"name": "early", "strategy": "early"})
        assert (early["mode"], early["target"]) == ("predictive", 0.02)
        assert early["max_ringing_per_agent"] == 2.0
        mine = {"name": "mine", "strategy": "early", "mode": "progressive", "target": 0.01}
        made = await desk.service.create_campaign(mine)
        assert (made["mode"], made["target"]) == ("progressive", 0.01)
        plain = await desk.service.create_campaign({"name": "plain"})
        assert plain["target"] == 0.03


@virtual
async def test_changes_take_effect_and_are_kept(tmp_path: Path) -> None:
    async with running(tmp_path, agents=2, cases=20) as desk:
        row = await desk.service.change_campaign("loans", {"mode": "ratio", "ratio": 3.0})
        assert row["ratio"] == 3.0
        await desk.house.wait(3.0)
        assert len(desk.house.flying) == 6
        kept = await desk.house.store.campaigns()
        assert (kept[0].mode, kept[0].ratio, kept[0].state) == (
            DialMode.RATIO, 3.0, CampaignState.STARTED,
        )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"ratio": 0.5}, {"ratio": "many"}, {"ratio": True}, {"mode": "telepathy"}, {"strategy": "unheard-of"},
        {"amd": "yes"}, {"skill": 7}, {"ring_timeout_s": None}, {"wait_limit_s": 31}, {"unheard_of": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_value_is_said_in_words_and_changes_nothing(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    @virtual
    async def main() -> None:
        async with running(tmp_path) as desk:
            before = await desk.house.store.campaigns()
            with pytest.raises(BadValue):
                await desk.service.change_campaign("loans", changes)
            with pytest.raises(BadValue):
                await desk.service.create_campaign({"name": "new"} | changes)
            assert await desk.house.store.campaigns() == before

    main()


@virtual
async def test_names_are_checked(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        with pytest.raises(Conflict, match="already"):
            await desk.service.create_campaign({"name": "loans"})
        for name in ("", "a/b", " ", "x" * 100, "line\nbreak"):
            with pytest.raises(BadValue):
                await desk.service.create_campaign({"name": name})
        assert (await desk.service.create_campaign({"name": "催收-2026.11"}))["name"]
        with pytest.raises(NotFound, match="campaign list"):
            await desk.service.campaign("unheard-of")
        with pytest.raises(NotFound):
            await desk.service.start_campaign("unheard-of")


@virtual
async def test_only_a_started_campaign_can_be_paused(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        await desk.service.stop_campaign("loans")
        with pytest.raises(Conflict, match="stopped"):
            await desk.service.pause_campaign("loans")


@virtual
async def test_a_campaign_of_another_daemon_cannot_be_started(tmp_path: Path) -> None:
    async with running(tmp_path, agents=1, cases=3) as desk:
        await desk.service.stop_campaign("loans")
        now = desk.house.clock.now().utc
        await desk.house.store.take_lease(LOANS, "daemon-2", now.replace(year=2027), now)
        with pytest.raises(CampaignHeld, match="daemon-2"):
            await desk.service.start_campaign("loans")
        assert (await desk.service.campaign("loans"))["state"] == "stopped"


@virtual
async def test_a_start_that_the_store_does_not_take_starts_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, agents=1, cases=3) as desk:
        await desk.service.stop_campaign("loans")
        await desk.house.wait(1.0)
        dialled = len(desk.house.pbx.dialled)

        async def refuse(*args: object) -> None:
            raise StoreUnavailable("locked")

        desk.house.store.set_campaign_state = refuse  # type: ignore[method-assign,assignment]
        with pytest.raises(StoreUnavailable):
            await desk.service.start_campaign("loans")
        await desk.house.wait(3.0)
        assert len(desk.house.pbx.dialled) == dialled


# -- agents


@virtual
async def test_an_agent_from_hiring_to_logout(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        row = await desk.service.add_agent(
            {"id": "1001", "name": "Ada", "pin": "4711", "skills": ["cards"]}
        )
        assert row["skills"] == ["cards"]
        assert "Ada" not in str(row)
        assert "4711" not in str(row)
        kept = (await desk.house.store.agents())[0]
        assert kept.pin_hash.startswith("$argon2id$")
        assert kept.phone == "agent-1001"
        await desk.service.login_agent("1001")
        await desk.house.settle()
        assert (await desk.service.agents())[0]["line"] == "idle"
        assert (await desk.service.pause_agent("1001", "lunch"))["break_reason"] == "lunch"
        assert (await desk.service.resume_agent("1001"))["presence"] == "ready"
        assert (await desk.service.logout_agent("1001"))["presence"] == "logged_out"


@pytest.mark.parametrize(
    "data",
    [
        {}, {"id": "ada"}, {"id": "１００１"}, {"id": "1001", "mode": "pigeon"}, {"id": "1001", "node": "nowhere"},
        {"id": "1001", "skills": "cards"}, {"id": "1001", "skills": [1]}, {"id": "1" * 40},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_an_agent_is_refused(data: dict[str, Any], tmp_path: Path) -> None:
    @virtual
    async def main() -> None:
        async with running(tmp_path) as desk:
            with pytest.raises(BadValue):
                await desk.service.add_agent(data)
            assert await desk.service.agents() == []

    main()


@virtual
async def test_an_agent_is_hired_once(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        desk.house.store.delays_s["save_agent"] = 0.5
        results = await asyncio.gather(
            *[desk.service.add_agent({"id": "1001", "pin": "4711"}) for _ in range(2)],
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in results) == ["Conflict", "dict"]
        with pytest.raises(Conflict, match="already"):
            await desk.service.add_agent({"id": "1001"})


@virtual
async def test_wrap_up_and_dispositions(tmp_path: Path) -> None:
    async with running(tmp_path, agents=1, cases=1) as desk:
        await desk.service.change_campaign("loans", {"wrap_up_s": 60.0})
        attempt = await desk.house.talking()
        with pytest.raises(Conflict, match="in_call"):
            await desk.service.end_wrap_up("1001")
        desk.house.pbx.end(attempt)
        await desk.house.settle()
        assert desk.house.line("1001") is Line.WRAP_UP
        told = await desk.service.dispose("1001", "promise", "on Friday")
        assert told == {"attempt": attempt, "agent": "1001", "code": "promise"}
        assert (await desk.service.end_wrap_up("1001"))["line"] == "idle"
        await desk.service.dispose("1001", "refused", "", attempt)
        with pytest.raises(NotFound):
            await desk.service.dispose("1001", "refused", "", "a-unheard-of")
        await desk.house.wait(1.0)
        assert [row.code for row in desk.house.store.dispositions] == ["promise", "refused"]


# -- calls


@virtual
async def test_calls_are_listed_shown_and_hung_up(tmp_path: Path) -> None:
    async with running(tmp_path, agents=2, cases=2) as desk:
        attempt = await desk.house.talking()
        rows = await desk.service.calls({})
        assert len(rows) == 2
        assert [row["attempt"] for row in await desk.service.calls({"phase": "talking"})] == [
            attempt
        ]
        assert await desk.service.calls({"agent": "9999"}) == []
        shown = await desk.service.call(attempt)
        assert shown["live"]["phase"] == "talking"
        assert "+4477" not in str(shown)
        assert (await desk.service.hangup_call(attempt))["attempt"] == attempt
        await desk.house.wait(1.0)
        assert desk.house.outcome(attempt) is Outcome.COMPLETED
        assert "live" not in await desk.service.call(attempt)
        history = await desk.service.call_history("loans", 10, None)
        assert {row["attempt"] for row in history} == {row["attempt"] for row in rows}
        older = await desk.service.call_history(None, 10, history[0]["attempt"])
        assert [row["attempt"] for row in older] == [history[1]["attempt"]]
        with pytest.raises(NotFound, match="calls list"):
            await desk.service.hangup_call(attempt)
        with pytest.raises(NotFound):
            await desk.service.call("a-unheard-of")


@virtual
async def test_listening_needs_a_leg_a_mode_and_a_pbx_that_does_it(tmp_path: Path) -> None:
    async with running(tmp_path, agents=1) as desk:
        assert await desk.service.listen("1001", "boss", "whisper") == {
            "agent": "1001",
            "mode": "whisper",
        }
        with pytest.raises(BadValue, match="barge"):
            await desk.service.listen("1001", "boss", "telepathy")
        with pytest.raises(NotFound):
            await desk.service.listen("9999", "boss", "listen")
        desk.house.pbx.script("listen", Fate.REFUSED, Fate.LOST)
        for _ in range(2):
            with pytest.raises(Conflict, match="not called"):
                await desk.service.listen("1001", "boss", "listen")
        desk.house.agent("1002")
        with pytest.raises(Conflict, match="no connected phone"):
            await desk.service.listen("1002", "boss", "listen")


# -- figures and feed


@virtual
async def test_a_report_of_a_span(tmp_path: Path) -> None:
    async with running(tmp_path, agents=1, cases=1) as desk:
        desk.house.pbx.end(await desk.house.talking())
        await desk.house.wait(1.0)
        report = await desk.service.report("loans", None, None)
        assert (report["attempts"], report["bridged"]) == (1, 1)
        later = await desk.service.report("loans", "2026-11-23T19:00:00+08:00", None)
        assert later["attempts"] == 0
        for wrong in ("yesterday", "2026-11-23T19:00:00"):
            with pytest.raises(BadValue):
                await desk.service.report(None, wrong, None)


@virtual
async def test_the_feed_is_the_engine_s(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        feed = MemoryFeed()
        desk.house.engine.feed = feed
        subscription = desk.service.subscribe(["campaigns"])
        feed.publish("campaigns", {"event": "started"})
        feed.publish("agents", {"event": "changed"})
        message = await anext(subscription)
        assert (message["topic"], message["event"]) == ("campaigns", "started")
        feed.close()


@virtual
async def test_a_call_that_is_just_being_committed_can_be_hung_up(tmp_path: Path) -> None:
    async with running(tmp_path, cases=1) as desk:
        desk.house.store.delays_s["begin_attempts"] = 2.0
        await desk.house.login(*desk.house.agents(1))
        await desk.house.wait(1.0)
        planned = AttemptId(desk.house.flying[0])
        await desk.service.hangup_call(planned)
        await desk.house.wait(3.0)
        assert not desk.house.pbx.dialled
        assert desk.house.outcome(planned) is Outcome.CANCELLED
