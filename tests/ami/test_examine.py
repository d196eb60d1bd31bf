"""What the examination sees of a PBX that has everything, lacks things, or misbehaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dialer_engine.ami.examine import (
    CONTEXTS,
    DOCTOR_CONTEXT,
    PHONES_CONTEXT,
    PbxFacts,
    Plan,
    examine,
)
from dialer_engine.ami.translate import Translator
from dialer_engine.ami.wire import AmiMessage
from dialer_engine.domain.errors import LoginRefused, PbxError, WrongPeer
from dialer_engine.domain.units import NodeName
from tests.ami.conftest import QUICK
from tests.ami.misbehaving import SECRET, Action, Misbehaving, Pbx, block, event

PASSWORD = "carriers-own-password"
PLAN = Plan(
    "t", endpoints=("carrier-a",), phones=("agent-1001",), recording="/rec/doctor-t",
    mark="/rec/doctor-t.mark", command_s=5.0, connect_s=5.0, trial_s=5.0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake PBX has written down a call's end before it tells of it."""
    monkeypatch.setattr("dialer_engine.ami.examine._ENDED_SETTLE_S", 0.0)


@dataclass
class Site:
    """What the fake PBX has. Each test changes one thing."""

    rights: dict[str, str] = field(default_factory=lambda: {
        "Originate": "originate,all", "Bridge": "call,all", "Ping": "<none>", "Getvar": "call,reporting,all",
    })  # fmt: skip
    contexts: set[str] = field(default_factory=lambda: {*CONTEXTS, DOCTOR_CONTEXT, PHONES_CONTEXT})
    values: dict[str, str] = field(default_factory=lambda: {
        "PJSIP_DIAL_CONTACTS(carrier-a)": "PJSIP/carrier-a/sip:192.0.2.1",
        "PJSIP_ENDPOINT(carrier-a,allow)": "(alaw|ulaw)", "PJSIP_ENDPOINT(carrier-a,direct_media)": "false",
        "PJSIP_ENDPOINT(carrier-a,aors)": "carrier-a", "PJSIP_AOR(carrier-a,contact)": "carrier-a@@1,carrier-a@@2",
        "PJSIP_CONTACT(carrier-a@@1,status)": "Reachable", "PJSIP_CONTACT(carrier-a@@2,status)": "Unreachable",
        "DE_SAFE_HARBOUR": "sorry", "DE_RTP_PORTS": "10000-20000",
    })  # fmt: skip
    denied: set[str] = field(default_factory=set)
    noted: bool = True
    ahead_s: float = 0.0
    noise: tuple[str, ...] = ()
    ends: bool = True
    prompt: str = "SUCCESS"
    seen: str = "1"

    async def script(self, pbx: Pbx) -> None:
        """One connection."""
        await pbx.let_in()
        await pbx.send(event("FullyBooted"), *(event(name) for name in self.noise))
        while True:
            action = await pbx.read()
            name = action["action"][0]
            if name in self.denied:
                await pbx.answer(action, "Error", Message="Permission denied")
            else:
                handler: Callable[[Pbx, Action], Any] = getattr(
                    self, f"_{name.lower()}", self._other
                )
                await handler(pbx, action)

    async def _other(self, pbx: Pbx, action: Action) -> None:
        await pbx.answer(action, Message="OK")

    async def _listcommands(self, pbx: Pbx, action: Action) -> None:
        told = {name: f"What it does.  (Priv: {rights})" for name, rights in self.rights.items()}
        await pbx.answer(action, **told)

    async def _coresettings(self, pbx: Pbx, action: Action) -> None:
        told = {
            "AMIversion": "11.0.0",
            "AsteriskVersion": "22.10.1",
            "CoreMaxCalls": "0",
            "CoreMaxFilehandles": "65536",
        }
        await pbx.answer(action, **told)

    async def _ping(self, pbx: Pbx, action: Action) -> None:
        await pbx.answer(action, Ping="Pong", Timestamp=f"{time.time() + self.ahead_s:.6f}")

    async def _getvar(self, pbx: Pbx, action: Action) -> None:
        name = action["variable"][0]
        await pbx.answer(action, Variable=name, Value=self.values.get(name, ""))

    async def _list(self, pbx: Pbx, action: Action, *items: bytes) -> None:
        number = action["actionid"][0]
        await pbx.answer(action, EventList="start", Message="will follow")
        await pbx.send(
            *items, block(("Event", "Done"), ("ActionID", number), ("EventList", "Complete"))
        )

    async def _showdialplan(self, pbx: Pbx, action: Action) -> None:
        if action["context"][0] not in self.contexts:
            await pbx.answer(action, "Error", Message="Did not find context")
            return
        number = action["actionid"][0]
        await self._list(
            pbx, action, block(("Event", "ListDialplan"), ("ActionID", number), ("Priority", 1))
        )

    async def _pjsipshowregistrationsoutbound(self, pbx: Pbx, action: Action) -> None:
        number = action["actionid"][0]
        await self._list(
            pbx, action,
            block(("Event", "OutboundRegistrationDetail"), ("ActionID", number), ("ObjectName", "carrier-a"),
                  ("Status", "Registered")),
            block(("Event", "AuthDetail"), ("ActionID", number), ("Password", PASSWORD)),
        )  # fmt: skip

    async def _dbget(self, pbx: Pbx, action: Action) -> None:
        if not self.noted:
            await pbx.answer(action, "Error", Message="Database entry not found")
            return
        number = action["actionid"][0]
        await self._list(
            pbx,
            action,
            block(("Event", "DBGetResponse"), ("ActionID", number), ("Val", "1|Up|16|")),
        )

    async def _originate(self, pbx: Pbx, action: Action) -> None:
        await pbx.answer(action, Message="queued")
        us, now = action["channelid"][0], time.time()
        if action["exten"] == ["look"]:
            told = event(
                "UserEvent",
                UserEvent="DialerDoctor",
                Uniqueid=us,
                Result=self.prompt,
                Seen=self.seen,
            )
            await pbx.send(told, event("Hangup", Uniqueid=us))
            return
        await pbx.send(
            event("Newstate", Uniqueid=us),
            event("UserEvent", UserEvent="DialerAnswered", Uniqueid=us, Timestamp=f"{now:.3f}"),
            event(
                "UserEvent", UserEvent="DialerAbandoned", Uniqueid=us, Timestamp=f"{now + 1:.3f}"
            ),
            event("Newstate", Uniqueid="1795297351.22"),
            *([event("Hangup", Uniqueid=us, Timestamp=f"{now + 4:.3f}")] if self.ends else []),
        )


async def seen(site: Site, plan: Plan = PLAN) -> PbxFacts:
    async with Misbehaving(site.script) as server:
        return await examine(replace(QUICK, port=server.port), plan)


async def test_everything_is_seen() -> None:
    facts = await seen(Site())
    assert facts.error is None
    assert (facts.ami, facts.version, facts.max_calls, facts.max_files) == (
        "11.0.0",
        "22.10.1",
        0,
        65536,
    )
    assert facts.booted
    assert facts.rights == {
        "Originate": {"originate"}, "Bridge": {"call"}, "Ping": frozenset(), "Getvar": {"call", "reporting"},
    }  # fmt: skip
    assert set(facts.contexts.values()) == {True}
    trunk, phone = facts.endpoints[0], facts.phones[0]
    assert (trunk.dialable, trunk.codecs, trunk.direct_media) == (True, ("alaw", "ulaw"), False)
    assert (trunk.contacts, trunk.registration) == (("Reachable", "Unreachable"), "Registered")
    assert (phone.dialable, phone.codecs, phone.contacts, phone.registration) == (
        False,
        None,
        None,
        None,
    )
    assert facts.values == {"DE_SAFE_HARBOUR": "sorry", "DE_RTP_PORTS": "10000-20000"}
    assert facts.prompts == {"agent-user": True, "agent-pass": True}
    assert facts.mark_seen is True
    assert not facts.others


async def test_the_test_call_is_followed_to_its_end() -> None:
    trial = (await seen(Site())).trial
    assert (trial.made, trial.ended, trial.noted, trial.refused) == (True, True, True, "")
    assert trial.user_events == {"DialerAnswered", "DialerAbandoned"}
    assert trial.events == {"Newstate": 1, "UserEvent": 2, "Hangup": 1}
    assert trial.seconds == pytest.approx(4.0, abs=0.01)


async def test_the_test_call_reaches_no_trunk_and_no_phone() -> None:
    async with Misbehaving(Site().script) as server:
        await examine(replace(QUICK, port=server.port), PLAN)
        calls = server.named("Originate")
    assert len(calls) == 3
    assert {call["channel"][0] for call in calls} == {"Local/s@dialer-doctor/n"}
    assert all(call["channelid"][0].startswith("doctor-t-") for call in calls)


async def test_a_carriers_password_is_kept_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """PJSIPShowRegistrationsOutbound answers with AuthDetail events."""
    assert PASSWORD not in repr(await seen(Site()))
    assert PASSWORD not in caplog.text


async def test_the_clock_is_compared() -> None:
    facts = await seen(Site(ahead_s=90.0))
    assert facts.offset_s == pytest.approx(90.0, abs=1.0)


async def test_what_is_not_filtered_is_counted() -> None:
    facts = await seen(Site(noise=("VarSet", "VarSet", "RTCPSent", "Newstate")))
    assert facts.others == {"VarSet": 2, "RTCPSent": 1}


async def test_what_may_not_be_asked_is_not_known() -> None:
    facts = await seen(
        Site(denied={"ListCommands", "ShowDialPlan", "CoreSettings", "Getvar", "DBGet"})
    )
    assert facts.error is None
    assert facts.rights is None
    assert set(facts.contexts.values()) == {None}
    assert (facts.version, facts.max_calls) == ("", None)
    assert facts.values == {"DE_SAFE_HARBOUR": None, "DE_RTP_PORTS": None}
    assert facts.trial.noted is None
    assert facts.prompts == {}
    assert facts.mark_seen is None


async def test_without_its_context_no_test_call_is_made() -> None:
    facts = await seen(Site(contexts=set(CONTEXTS)))
    assert not facts.trial.made
    assert DOCTOR_CONTEXT in facts.trial.refused
    assert facts.contexts[DOCTOR_CONTEXT] is False


async def test_a_refused_test_call() -> None:
    facts = await seen(Site(denied={"Originate"}))
    assert (facts.trial.made, facts.trial.refused) == (False, "Permission denied")
    assert facts.prompts == {}


async def test_a_test_call_that_does_not_end_is_hung_up() -> None:
    async with Misbehaving(Site(ends=False).script) as server:
        facts = await examine(replace(QUICK, port=server.port), replace(PLAN, trial_s=0.2))
        assert [call["channel"] for call in server.named("Hangup")] == [["doctor-t-1"]]
    assert facts.trial.made
    assert not facts.trial.ended
    assert facts.trial.refused


async def test_an_ending_that_was_not_written_down() -> None:
    assert (await seen(Site(noted=False))).trial.noted is False


@pytest.mark.parametrize(("answer", "seen_mark"), [("1", True), ("0", False), ("", None)])
async def test_the_mark(answer: str, seen_mark: bool | None) -> None:
    """Empty: STAT is not loaded."""
    assert (await seen(Site(seen=answer))).mark_seen is seen_mark


async def test_a_prompt_that_is_not_there() -> None:
    assert (await seen(Site(prompt="FAILED"))).prompts == {"agent-user": False, "agent-pass": False}


async def test_a_wrong_secret() -> None:
    async with Misbehaving(Site().script) as server:
        facts = await examine(replace(QUICK, port=server.port, secret=SECRET + "x"), PLAN)
    assert isinstance(facts.error, LoginRefused)


async def test_nobody_there() -> None:
    async with Misbehaving(Site().script) as server:
        port = server.port
    facts = await examine(replace(QUICK, port=port), replace(PLAN, connect_s=0.3))
    assert isinstance(facts.error, PbxError)


async def test_something_else_there() -> None:
    async def ssh(pbx: Pbx) -> None:
        await pbx.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        await pbx.silence()

    async with Misbehaving(ssh) as server:
        facts = await examine(replace(QUICK, port=server.port), PLAN)
    assert isinstance(facts.error, WrongPeer)


async def test_a_link_that_is_cut_meanwhile() -> None:
    async def cut(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.read()
        pbx.cut()

    async with Misbehaving(cut, Pbx.silence) as server:
        facts = await examine(replace(QUICK, port=server.port), PLAN)
    assert isinstance(facts.error, PbxError)


async def test_nothing_is_left_running() -> None:
    before = len(asyncio.all_tasks())
    async with Misbehaving(Site().script) as server:
        await examine(replace(QUICK, port=server.port), PLAN)
    assert len(asyncio.all_tasks()) == before


def test_the_engine_hears_nothing_of_a_test_call() -> None:
    told = AmiMessage((("Event", "UserEvent"), ("UserEvent", "DialerAbandoned"), ("Uniqueid", "doctor-t-1"),
                       ("Attempt", "doctor-t-1")))  # fmt: skip
    assert list(Translator(NodeName("n")).events(told)) == []
