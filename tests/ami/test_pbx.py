"""The link against a real Asterisk: what the misbehaving server cannot prove."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dialer_engine.ami import AmiConfig, AmiTls, Auth, LinkState, action_tag
from dialer_engine.ami.link import AmiLink
from dialer_engine.ami.wire import MAX_LINE_BYTES, FieldValue
from dialer_engine.domain.errors import LinkLost, LoginRefused
from tests.ami.conftest import PATIENCE, QUICK, Certificates, Told, until
from tools.lab.errors import BackendMissing
from tools.lab.lab import Lab
from tools.lab.mix import number_for as number_that

pytestmark = pytest.mark.pbx

PING: dict[str, FieldValue] = {"Action": "Ping"}
# Everything that Asterisk treats as special on its way into a variable, and two scripts.
AWKWARD = "a,B=2;\"q\" 's' (p) [b] {c} \\ \\, $x %0A & | 空号 café 🙂 "


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    try:
        laboratory = Lab(agents=1)
    except BackendMissing as error:
        pytest.skip(str(error))
    with laboratory:
        yield laboratory


def config_of(lab: Lab) -> AmiConfig:
    return replace(
        QUICK, host=lab.ami_host, port=lab.ami_port, username=lab.ami_user, secret=lab.ami_secret
    )


@asynccontextmanager
async def linked_to(config: AmiConfig) -> AsyncIterator[tuple[AmiLink, Told]]:
    told = Told()
    link = AmiLink(config, on_event=told.on_event, on_state=told.on_state, on_desync=told.on_desync)
    link.start()
    try:
        await link.wait_up(PATIENCE)
        yield link, told
    finally:
        await link.close()


def originate(lab: Lab, kind: str, attempt: str, **variables: str) -> dict[str, FieldValue]:
    return {
        "Action": "Originate",
        "Channel": f"PJSIP/{number_that(kind)}@carrier-a",
        "ChannelId": attempt,
        "Context": "dialer-outbound",
        "Exten": "s",
        "Priority": 1,
        "Timeout": 30000,
        "Async": True,
        "Variable": {
            "DE_ATTEMPT": attempt,
            "DE_REC": str(lab.recordings_dir / attempt),
            "DE_AMD": "0",
            "DE_WAIT": "5",
            **variables,
        },
    }


@pytest.mark.parametrize("auth", list(Auth))
async def test_login_ping_and_lists(lab: Lab, auth: Auth) -> None:
    async with linked_to(replace(config_of(lab), auth=auth)) as (link, told):
        assert (await link.send(PING)).get("Ping") == "Pong"
        channels = await link.send_list({"Action": "CoreShowChannels"})
        assert channels.complete is not None
        assert int(channels.complete.get("ListItems")) == len(channels.items)
        trunks = await link.send_list({"Action": "PJSIPShowRegistrationsOutbound"})
        assert "carrier-b" in [item.get("ObjectName") for item in trunks.items]
        refused = await link.send({"Action": "Command", "Command": "core show uptime"})
        assert (refused.is_success, refused.get("Message")) == (False, "Permission denied")
        await until(lambda: "FullyBooted" in told.order)

    assert told.order[:3] == ["connecting", "up", "FullyBooted"]
    assert link.stats.garbage == link.stats.late_answers == 0


async def test_a_wrong_secret(lab: Lab) -> None:
    link = AmiLink(replace(config_of(lab), secret="wrong"), on_event=lambda message, received: None)
    link.start()
    try:
        with pytest.raises(LoginRefused):
            await link.wait_up(PATIENCE)
    finally:
        await link.close()


async def test_a_call_that_is_refused_tells_its_story(lab: Lab) -> None:
    async with linked_to(config_of(lab)) as (link, told):
        answer = await link.send(originate(lab, "busy", "a-busy"), tag="a-busy")
        assert answer.is_success
        await until(lambda: {"OriginateResponse", "Hangup"} <= set(told.order))

    response = next(m for m in told.events if m.event == "OriginateResponse")
    hangup = next(m for m in told.events if m.event == "Hangup")
    assert action_tag(response.action_id) == "a-busy"
    assert (response.get("Response"), response.get("Uniqueid")) == ("Failure", "a-busy")
    assert (hangup.get("Uniqueid"), hangup.get("TechCause")) == ("a-busy", "486")


async def test_variables_arrive_as_they_were_given(lab: Lab) -> None:
    # The longest line that Asterisk takes: 'Variable: ' + 'DE_LONG=' + value.
    long = "x" * (MAX_LINE_BYTES - len("Variable: DE_LONG="))
    async with linked_to(config_of(lab)) as (link, told):
        action = originate(
            lab,
            "long_talk",
            "a-vars",
            DE_NOTE=AWKWARD,
            DE_LONG=long,
            DE_EMPTY="",
            **{"CHANNEL(hangup_handler_push)": "dialer-ended,s,1"},
        )
        assert (await link.send(action)).is_success
        await until(lambda: "UserEvent" in told.order)

        async def value_of(name: str) -> str:
            answer = await link.send({"Action": "Getvar", "Channel": "a-vars", "Variable": name})
            return answer.get("Value")

        assert await value_of("DE_ATTEMPT") == "a-vars"
        assert await value_of("DE_NOTE") == AWKWARD
        assert await value_of("DE_LONG") == long
        assert await value_of("B") == ""
        assert (await link.send({"Action": "Hangup", "Channel": "a-vars"})).is_success
        await until(lambda: "Hangup" in told.order)

        # The hang-up handler ran: its context and its arguments came through their commas.
        rows = await link.send_list({"Action": "DBGetTree", "Family": "dialer-ended"})
        assert any("a-vars" in item.get("Key") for item in rows.items)


async def test_a_line_above_the_limit_would_be_refused_by_asterisk(lab: Lab) -> None:
    # Proves the limit that wire.py keeps: one byte more, written by hand.
    reader, writer = await asyncio.open_connection(lab.ami_host, lab.ami_port)
    try:
        for length, said in (
            (MAX_LINE_BYTES, "Permission denied"),
            (MAX_LINE_BYTES + 1, "too long"),
        ):
            padding = "x" * (length - len("Data: "))
            writer.write(f"Action: Ping\r\nActionID: 1\r\nData: {padding}\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            assert said in answer.decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_killed_pbx_makes_what_was_asked_unknown_and_comes_back(lab: Lab) -> None:
    async with linked_to(config_of(lab)) as (link, told):
        await until(lambda: "FullyBooted" in told.order)
        lab.kill_pbx()
        with pytest.raises(LinkLost):
            await link.send({"Action": "Originate", "Channel": "PJSIP/none"}, timeout=PATIENCE)
        assert not link.is_up
        await asyncio.to_thread(lab.start_pbx)
        await link.wait_up(PATIENCE)
        await until(lambda: told.order.count("FullyBooted") == 2)
        assert (await link.send(PING)).is_success

    assert told.states()[:3] == [LinkState.CONNECTING, LinkState.UP, LinkState.LOST]


async def test_tls(lab: Lab, certificates: Certificates) -> None:
    keys = lab.run_dir / "pbx" / "keys"
    keys.mkdir()
    pem = keys / "pbx.pem"
    pem.write_bytes(certificates.server.read_bytes() + certificates.key.read_bytes())
    port = _free_port()
    general = lab.site.etc("pbx") / "site.d" / "manager-general.conf"
    with general.open("a", encoding="utf-8") as file:
        file.write(f"\ntlsenable = yes\ntlsbindaddr = {lab.ami_host}:{port}\ntlscertfile = {pem}\n")
    await asyncio.to_thread(lab.command, "pbx", "manager reload")

    tls = AmiTls(ca_file=certificates.ca, server_name="pbx.example")
    async with linked_to(replace(config_of(lab), port=port, tls=tls, auth=Auth.PLAIN)) as (link, _):
        assert (await link.send(PING)).is_success


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
