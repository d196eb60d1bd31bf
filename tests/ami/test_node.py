"""Asterisk as the engine's PBX: each command as the dialplan's contract has it, each answer as the port says."""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer_engine.ami._config import AmiConfig, LinkState, LinkStatus
from dialer_engine.ami._pending import AmiList
from dialer_engine.ami.node import AsteriskNode, TrunkDial, _buckets
from dialer_engine.ami.wire import AmiMessage, FieldValue, serialise
from dialer_engine.compliance.gate import Facts, Gate, Permit, RuleSet
from dialer_engine.domain import events as ev
from dialer_engine.domain.errors import NotConnected, PbxError, PbxRefused
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    LegId,
    Moment,
    NodeName,
    TrunkName,
    attempt_id,
)
from dialer_engine.ports.pbx import CallAgent, Originate

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
A = attempt_id(int(NOW.timestamp() * 1000), bytes(10))
G = LegId("g-01M83XJ8QM0000000000000002")
NUMBER = E164("+447700900123")
TRUNK = TrunkName("carrier-a")
SUCCESS = AmiMessage((("Response", "Success"),))


def error(words: str) -> AmiMessage:
    return AmiMessage((("Response", "Error"), ("Message", words)))


def event(name: str, **headers: str) -> AmiMessage:
    return AmiMessage((("Event", name), *headers.items()))


class Link:
    """Stands in for the link: keeps what is sent, answers as told; every action must be serialisable."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, FieldValue]] = []
        self.answers: dict[str, Callable[[Mapping[str, FieldValue]], Any]] = {}
        self.is_up = True
        self.resynchronised_at: list[int] = []

    async def send(
        self, action: Mapping[str, FieldValue], timeout: float = 5.0, **_: Any
    ) -> AmiMessage:
        serialise("1", action)
        self.sent.append(action)
        respond = self.answers.get(str(action["Action"]))
        answer = respond(action) if respond is not None else SUCCESS
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, AmiMessage)
        return answer

    def post(self, action: Mapping[str, FieldValue], timeout: float = 5.0) -> Awaitable[AmiMessage]:
        """Sent before it is awaited, as the link does it."""
        told: Future[AmiMessage] = asyncio.get_running_loop().create_future()
        serialise("1", action)
        self.sent.append(action)
        respond = self.answers.get(str(action["Action"]))
        told.set_result(respond(action) if respond is not None else SUCCESS)
        return told

    async def send_list(
        self, action: Mapping[str, FieldValue], timeout: float = 30.0, **_: Any
    ) -> AmiList:
        serialise("1", action)
        self.sent.append(action)
        answer = self.answers[str(action["Action"])](action)
        assert isinstance(answer, AmiList)
        return answer

    def resynchronised(self, gap: int) -> None:
        self.resynchronised_at.append(gap)


def made(**changes: Any) -> tuple[AsteriskNode, Link, list[ev.PbxEvent]]:
    """A node on a stand-in link, and what it tells."""
    config = AmiConfig(host="127.0.0.1", username="dialer", secret="hunter2", node="pbx-1")
    trunk = TrunkDial(TRUNK, "PJSIP/{number}@carrier-a", lambda number: number, **changes)
    node = AsteriskNode(config, {TRUNK: trunk}, agent_dial="PJSIP/{phone}")
    link, told = Link(), list[ev.PbxEvent]()
    node.link = link  # type: ignore[assignment]
    node._sink = lambda one, at: told.append(one)
    return node, link, told


def permit() -> Permit:
    facts = Facts(A, NUMBER, "Europe/London", 0, "2026-11-23")
    found = Gate(RuleSet()).decide(facts, NOW)
    assert isinstance(found, Permit)
    return found


def dial(**changes: Any) -> Originate:
    given: dict[str, Any] = {
        "permit": permit(), "attempt": A, "number": NUMBER, "trunk": TRUNK, "ring_timeout_s": 25.0,
        "recording": f"/rec/2026/11/23/{A}", "amd": False, "max_wait_s": 8.0, "asked_at": NOW,
    }  # fmt: skip
    return Originate(**(given | changes))


# -- commands, as docker/asterisk/pbx/extensions.conf wants them


async def test_a_call_without_an_agent_goes_to_its_message() -> None:
    node, link, _ = made()
    await node.originate(dial(message="ours/one&two"))
    await node.originate(dial(message=""))
    assert [one["Context"] for one in link.sent] == ["dialer-robot", "dialer-robot"]
    first, second = (one["Variable"] for one in link.sent)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["DE_MESSAGE"] == "ours/one&two"
    assert "DE_MESSAGE" not in second


async def test_a_debtor_is_dialled_as_the_contract_says() -> None:
    node, link, _ = made(caller_id="+442079460000")
    await node.originate(dial())
    assert link.sent == [{
        "Action": "Originate", "Channel": "PJSIP/+447700900123@carrier-a", "ChannelId": A,
        "Context": "dialer-outbound", "Exten": "s", "Priority": "1", "Async": "true", "Timeout": "25000",
        "CallerID": "+442079460000",
        "Variable": {
            "DE_ATTEMPT": A, "DE_REC": f"/rec/2026/11/23/{A}", "DE_AMD": "0", "DE_WAIT": "8",
            "CHANNEL(hangup_handler_push)": "dialer-ended,s,1",
        },
    }]  # fmt: skip


async def test_commas_of_a_variable_stay_in_their_value() -> None:
    """Else Asterisk would cut the hang-up handler at its first comma."""
    node, link, _ = made()
    await node.originate(dial())
    sent = serialise("1", link.sent[0]).decode()
    (line,) = [one for one in sent.splitlines() if "hangup_handler_push" in one]
    assert "dialer-ended,s,1" in line.replace("\\", "")
    assert '"' in line or "\\," in line


async def test_what_may_vary_in_a_call() -> None:
    node, link, _ = made()
    await node.originate(dial(amd=True, max_wait_s=0.2, recording="", ring_timeout_s=10.5))
    variables = link.sent[0]["Variable"]
    assert isinstance(variables, Mapping)
    assert (variables["DE_AMD"], variables["DE_WAIT"]) == ("1", "1")
    assert link.sent[0]["Timeout"] == "10500"
    assert "CallerID" not in link.sent[0]


async def test_a_trunk_that_is_not_this_node_s_is_refused_before_anything_is_sent() -> None:
    node, link, _ = made()
    with pytest.raises(PbxRefused, match="carrier-z"):
        await node.originate(dial(trunk=TrunkName("carrier-z")))
    assert link.sent == []
    node.set_trunks({})
    with pytest.raises(PbxRefused):
        await node.originate(dial())


async def test_no_number_is_in_an_error() -> None:
    node, link, _ = made()
    link.answers["Originate"] = lambda a: error("Extension does not exist.")
    with pytest.raises(PbxRefused) as caught:
        await node.originate(dial())
    assert "+44" not in str(caught.value)
    assert "7700900123" not in repr(dial())


@pytest.mark.parametrize(
    ("nailed", "context"), [(True, "dialer-agent"), (False, "dialer-agent-ring")]
)
async def test_an_agent_is_called_into_the_context_of_the_mode(nailed: bool, context: str) -> None:
    node, link, _ = made()
    await node.call_agent(CallAgent(AgentId("1001"), G, "agent-1001", nailed, 30.0))
    assert link.sent == [{
        "Action": "Originate", "Channel": "PJSIP/agent-1001", "ChannelId": G, "Context": context,
        "Exten": "s", "Priority": "1", "Async": "true", "Timeout": "30000", "Variable": {"DE_AGENT": "1001"},
    }]  # fmt: skip


async def test_logins_are_answered_by_redirects() -> None:
    node, link, _ = made()
    await node.accept_login("1795.22", AgentId("1001"))
    await node.deny_login("1795.23")
    assert [(a["Action"], a["Channel"], a.get("Context", a.get("Value"))) for a in link.sent] == [
        ("Setvar", "1795.22", "1001"),
        ("Redirect", "1795.22", "dialer-agent"),
        ("Redirect", "1795.23", "dialer-agent-denied"),
    ]


async def test_the_other_commands() -> None:
    node, link, _ = made()
    await node.bridge(A, G)
    await node.safe_harbour(A)
    await node.listen("boss", G, "whisper")
    await node.hang_up(A)
    bridge, harbour, listen, hangup = link.sent
    assert (bridge["Action"], bridge["Channel1"], bridge["Channel2"]) == ("Bridge", A, G)
    assert (harbour["Channel"], harbour["Context"]) == (A, "dialer-abandon")
    assert listen["Variable"] == {"DE_SPY": G, "DE_SPYMODE": "whisper"}
    assert (hangup["Action"], hangup["Channel"], hangup["Cause"]) == ("Hangup", A, "16")


async def test_a_bridge_between_legs_that_hold_leaves_at_once() -> None:
    node, link, _ = made()
    bridged = node.bridge(A, G)
    assert [action["Action"] for action in link.sent] == ["Bridge"]
    await bridged


async def test_what_is_gone_already_is_hung_up() -> None:
    node, link, _ = made()
    link.answers["Hangup"] = lambda a: error("No such channel")
    await node.hang_up(A)
    link.answers["Hangup"] = lambda a: error("Permission denied")
    with pytest.raises(PbxRefused, match="Permission"):
        await node.hang_up(A)


async def test_an_error_is_a_refusal_and_no_link_is_no_link() -> None:
    node, link, _ = made()
    link.answers["Bridge"] = lambda a: error("Channel1 does not exist")
    with pytest.raises(PbxRefused, match="Bridge: Channel1"):
        await node.bridge(A, G)
    link.answers["Redirect"] = lambda a: NotConnected("no link")
    with pytest.raises(NotConnected):
        await node.safe_harbour(A)


# -- a leg that comes from a talk


def holding(channel: str) -> AmiMessage:
    return event(
        "BridgeEnter", Uniqueid=channel, BridgeUniqueid="h", BridgeTechnology="holding_bridge"
    )


async def test_a_bridge_waits_until_both_legs_hold() -> None:
    node, link, _ = made()
    node._on_event(event("BridgeLeave", Uniqueid=G, BridgeUniqueid="talk"), 0.0)
    bridging = asyncio.ensure_future(node.bridge(A, G))  # noqa: TID251
    await asyncio.sleep(0.02)
    assert link.sent == []
    node._on_event(holding(G), 0.0)
    await bridging
    assert [action["Action"] for action in link.sent] == ["Bridge"]


def leaving(channel: str) -> AmiMessage:
    return event("BridgeLeave", Uniqueid=channel, BridgeUniqueid="talk")


async def test_a_bridge_leaves_in_the_turn_in_which_the_leg_holds() -> None:
    node, link, _ = made()
    node._on_event(leaving(A), 0.0)
    bridged = node.bridge(A, G)
    assert link.sent == []
    node._on_event(holding(A), 0.0)
    assert [action["Action"] for action in link.sent] == ["Bridge"]
    await bridged
    assert node._bridges == {}


@pytest.mark.parametrize("gone", [A, G])
async def test_a_bridge_of_a_leg_that_is_gone_never_leaves(gone: str) -> None:
    node, link, told = made()
    node._on_event(leaving(A), 0.0)
    bridged = node.bridge(A, G)
    node._on_event(event("Hangup", Uniqueid=gone, Cause="16"), 0.0)
    with pytest.raises(PbxRefused, match="gone"):
        await bridged
    node._on_event(holding(A), 0.0)
    assert link.sent == []
    assert len(told) == 1


async def test_another_agent_takes_the_place_of_one_whose_bridge_has_not_left() -> None:
    node, link, _ = made()
    node._on_event(leaving(A), 0.0)
    first, second = node.bridge(A, G), node.bridge(A, LegId("g-2"))
    with pytest.raises(PbxRefused, match="another agent"):
        await first
    node._on_event(holding(A), 0.0)
    await second
    assert [action["Channel2"] for action in link.sent] == ["g-2"]


async def test_a_bridge_that_has_not_left_gives_way_to_the_message_and_to_the_hang_up() -> None:
    for end in ("safe_harbour", "hang_up"):
        node, link, _ = made()
        node._on_event(leaving(A), 0.0)
        bridged = node.bridge(A, G)
        await getattr(node, end)(A)
        with pytest.raises(PbxRefused):
            await bridged
        node._on_event(holding(A), 0.0)
        assert "Bridge" not in [action["Action"] for action in link.sent]


async def test_a_bridge_does_not_outlive_its_link() -> None:
    node, link, _ = made()
    node._on_event(event("FullyBooted"), 0.0)
    node._on_event(leaving(A), 0.0)
    bridged = node.bridge(A, G)
    node._on_state(LinkStatus(LinkState.LOST, NotConnected("cut")))
    with pytest.raises(NotConnected):
        await bridged
    assert link.sent == []


async def test_a_bridge_that_nobody_waits_for_leaves_nothing_behind() -> None:
    node, _, _ = made()
    node._on_event(leaving(A), 0.0)
    bridging = asyncio.ensure_future(node.bridge(A, G))  # noqa: TID251
    await asyncio.sleep(0)
    node._on_event(holding(A), 0.0)
    bridging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bridging
    assert node._bridges == {}


async def test_a_bridge_that_leaves_in_the_last_moment_leaves_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found: when the wait ran out in the turn in which the leg held, it was sent twice."""
    monkeypatch.setattr("dialer_engine.ami.node._HOLD_S", 0.01)
    node, link, _ = made()
    node._on_event(leaving(A), 0.0)
    bridging = asyncio.ensure_future(node.bridge(A, G))  # noqa: TID251
    await asyncio.sleep(0)
    # The loop stands still until the wait is over, and reads the event in the turn of the alarm, before it.
    asyncio.get_running_loop().call_soon(node._on_event, holding(A), 0.0)
    time.sleep(0.02)  # noqa: ASYNC251
    await bridging
    assert [action["Action"] for action in link.sent] == ["Bridge"]


async def test_a_bridge_does_not_wait_for_ever() -> None:
    """The event that tells may have been lost."""
    node, link, _ = made()
    node._on_event(event("BridgeLeave", Uniqueid=G, BridgeUniqueid="talk"), 0.0)
    async with asyncio.timeout(10.0):
        await node.bridge(A, G)
    assert len(link.sent) == 1


# -- what is heard


async def test_a_node_is_up_when_it_is_fully_booted() -> None:
    node, _, told = made()
    assert not node.health().connected if hasattr(node.link, "status") else True
    node._on_event(event("FullyBooted"), asyncio.get_running_loop().time())
    assert told == [ev.NodeUp(NodeName("pbx-1"), "")]


async def test_a_lost_link_is_told_and_forgets_who_is_where() -> None:
    node, _, told = made()
    node._on_event(event("FullyBooted"), 0.0)
    node._on_event(event("BridgeLeave", Uniqueid=G, BridgeUniqueid="talk"), 0.0)
    node._on_state(LinkStatus(LinkState.LOST, NotConnected("cut")))
    assert told[1:] == [ev.NodeDown(NodeName("pbx-1"), "cut")]
    assert node._translator.away == set()
    node._on_state(LinkStatus(LinkState.WAITING, None, 1.0))
    assert len(told) == 2, "it is told once"


async def test_shed_events_are_told_and_the_link_is_released() -> None:
    node, link, told = made()
    node._on_desync(7)
    assert told == [ev.NodeDesynchronised(NodeName("pbx-1"))]
    assert link.resynchronised_at == [7]


async def test_an_event_has_the_time_at_which_it_was_received() -> None:
    node, _, _ = made()
    seen: list[Moment] = []
    node._sink = lambda one, at: seen.append(at)
    received = asyncio.get_running_loop().time() - 2.0
    node._on_event(event("Newstate", Uniqueid=A, ChannelState="5"), received)
    assert seen[0].mono == received
    assert abs((datetime.now(UTC) - seen[0].utc) - timedelta(seconds=2)) < timedelta(seconds=1)


async def test_a_failure_without_a_channel_is_told_after_a_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Hangup says more, and may be under way: it comes on another queue of Asterisk."""
    monkeypatch.setattr("dialer_engine.ami.node._REFUSAL_GRACE_S", 0.05)
    node, _, told = made()
    node._on_event(event("OriginateResponse", Uniqueid=A, Response="Failure", Reason="0"), 0.0)
    node._on_event(event("OriginateResponse", Uniqueid=G, Response="Failure", Reason="5"), 0.0)
    node._on_event(event("OriginateResponse", Uniqueid=A, Response="Success", Reason="4"), 0.0)
    assert told == []
    await asyncio.sleep(0.1)
    refused, ended = told
    assert isinstance(refused, ev.OriginateRefused)
    assert (refused.attempt, refused.trunk_fault) == (A, True)
    assert isinstance(ended, ev.LegEnded)
    assert ended.leg == G


@pytest.mark.parametrize(
    ("reason", "fault"), [("0", True), ("8", True), ("3", False), ("5", False)]
)
async def test_which_failures_blame_the_trunk(
    reason: str, fault: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer_engine.ami.node._REFUSAL_GRACE_S", 0.0)
    node, _, told = made()
    node._on_event(event("OriginateResponse", Uniqueid=A, Response="Failure", Reason=reason), 0.0)
    await asyncio.sleep(0.01)
    assert isinstance(told[0], ev.OriginateRefused)
    assert told[0].trunk_fault is fault


# -- questions


def listed(*items: AmiMessage, complete: bool = True, response: AmiMessage = SUCCESS) -> AmiList:
    return AmiList(response, items, event("CoreShowChannelsComplete") if complete else None)


def shown(channel: str) -> AmiMessage:
    return event("CoreShowChannel", Uniqueid=channel, ChannelState="6", Context="dialer-outbound",
                 Application="BridgeWait", Duration="00:00:01")  # fmt: skip


async def test_the_channels_that_live() -> None:
    node, link, _ = made()
    link.answers["CoreSettings"] = lambda a: AmiMessage(
        (("Response", "Success"), ("AsteriskVersion", "22.10.1"))
    )
    link.answers["CoreShowChannels"] = lambda a: listed(shown(A), shown("1795.1"))
    assert [one.id for one in await node.channels()] == [A]


@pytest.mark.parametrize(
    "answer",
    [listed(complete=False, response=error("Permission denied")), listed(shown(A), complete=False)],
    ids=["refused", "cut short"],
)
async def test_a_list_that_was_not_given_is_no_empty_list(answer: AmiList) -> None:
    """Recovery would take every living call for ended."""
    node, link, _ = made()
    link.answers["CoreShowChannels"] = lambda a: answer
    with pytest.raises(PbxError):
        await node.channels()


async def test_notes_of_ends_are_looked_for_in_their_buckets() -> None:
    node, link, _ = made()
    born = datetime.now(UTC) - timedelta(minutes=25)
    known = attempt_id(int(born.timestamp() * 1000), b"0123456789")
    other = attempt_id(int(born.timestamp() * 1000) + 1, b"0123456789")
    bucket = (born + timedelta(minutes=10)).strftime("%H%M")[:3]
    link.answers["Getvar"] = lambda a: AmiMessage(
        (("Response", "Success"), ("Value", str(born.timestamp() + 1500)))
    )

    def look(action: Mapping[str, FieldValue]) -> AmiList:
        assert action["Family"] == "dialer-ended"
        if action["Key"] != f"{bucket}/{known}":
            return AmiList(error("Database entry not found"))
        value = f"{born.timestamp() + 900}|Up|16|SIP 200 OK|1|{born.timestamp() + 600}"
        return AmiList(SUCCESS, (event("DBGetResponse", Val=value),), event("DBGetComplete"))

    link.answers["DBGet"] = look
    found = await node.endings([known, other])
    assert list(found) == [known]
    assert found[known].bridged
    assert found[known].ended_ago_s == pytest.approx(600, abs=1)
    asked = [action for action in link.sent if action["Action"] == "DBGet"]
    assert len(asked) <= 8
    await node.forget([known])
    assert await node.endings([]) == {}


def test_the_buckets_of_an_attempt_reach_from_its_birth_to_now_and_no_further_than_three_hours() -> (
    None
):
    now = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)

    def born(minutes: float) -> AttemptId:
        at = now - timedelta(minutes=minutes)
        return attempt_id(int(at.timestamp() * 1000), bytes(10))

    assert _buckets(born(0), now)[0] == "100"
    assert {"093", "094", "095", "100"} <= set(_buckets(born(34), now))
    old = _buckets(born(600), now)
    assert old[0] == "070"
    assert len(old) <= 20
    assert _buckets(AttemptId("a-not a ulid"), now)[0] == "070"


async def test_how_long_ago_living_calls_were_answered() -> None:
    node, link, _ = made()

    def variable(action: Mapping[str, FieldValue]) -> AmiMessage:
        if "Channel" not in action:
            return AmiMessage((("Response", "Success"), ("Value", "1795297361.5")))
        value = "1795297351.5" if action["Channel"] == A else ""
        return AmiMessage((("Response", "Success"), ("Value", value)))

    link.answers["Getvar"] = variable
    assert await node.answered_ago([A, AttemptId("a-other")]) == {A: 10.0}
    link.sent.clear()
    assert await node.answered_ago([]) == {}
    assert link.sent == []
