"""The life of a link: greeting, login, Ping, back-off, TLS, and a close that closes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dialer_engine.ami import AmiConfig, AmiTls, Auth, LinkState
from dialer_engine.ami.link import AmiLink
from dialer_engine.domain.errors import (
    ActionTimeout,
    LinkLost,
    LoginRefused,
    NotConnected,
    TlsRefused,
    WrongPeer,
)
from tests.ami.conftest import PATIENCE, QUICK, Certificates, linked, until
from tests.ami.misbehaving import BANNER, SECRET, Misbehaving, Pbx, event

PING = {"Action": "Ping"}
PLAIN = replace(QUICK, auth=Auth.PLAIN)


# -- login -------------------------------------------------------------------------------------


async def test_md5_login_never_shows_the_secret() -> None:
    async with linked(Pbx.obey) as (link, server, told):
        pass

    assert [action["action"][0] for action in server.actions] == ["Challenge", "Login", "Logoff"]
    assert SECRET not in str(server.actions)
    assert told.states() == [LinkState.CONNECTING, LinkState.UP, LinkState.CLOSED]
    assert link.stats.connects == 1


async def test_plain_login() -> None:
    async with linked(Pbx.obey, config=PLAIN) as (_, server, _):
        assert server.named("Login")[0]["secret"] == [SECRET]


@pytest.mark.parametrize("config", [QUICK, PLAIN])
async def test_a_wrong_secret_is_refused_slowly_and_in_words(
    config: AmiConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(config, secret="hunter2", refused_retry=600.0)
    async with linked(Pbx.obey, up=False, config=wrong) as (link, server, told):
        with pytest.raises(LoginRefused, match="secret"):
            await link.wait_up(PATIENCE)
        with pytest.raises(NotConnected):
            await link.send(PING)

        refused = told.statuses[-1]
        assert refused.state is LinkState.REFUSED
        assert isinstance(refused.reason, LoginRefused)
        assert refused.retry_in is not None
        assert 300.0 <= refused.retry_in <= 600.0
        assert server.connections == link.stats.logins_refused == 1

    logged = capsys.readouterr()
    assert "AMI link refused" in logged.out + logged.err
    assert "hunter2" not in logged.out + logged.err + str(refused.reason) + repr(wrong)


async def test_a_secret_made_right_is_found_by_the_slow_retry() -> None:
    async def refuse(pbx: Pbx) -> None:
        await pbx.send(BANNER)
        await pbx.answer(await pbx.read(), "Error", Message="Authentication failed")

    async with linked(refuse, Pbx.obey, up=False) as (link, _, told):
        await until(lambda: link.is_up)

    assert told.states()[:3] == [LinkState.CONNECTING, LinkState.REFUSED, LinkState.CONNECTING]


@pytest.mark.parametrize("message", ["Login Already In Use", "Asterisk is shutting down"])
async def test_a_refusal_that_passes_is_tried_again_quickly(message: str) -> None:
    async def busy(pbx: Pbx) -> None:
        await pbx.send(BANNER)
        await pbx.answer(await pbx.read(), "Error", Message=message)

    async with linked(busy, Pbx.obey, config=replace(QUICK, refused_retry=600.0)) as (_, _, told):
        assert LinkState.REFUSED not in told.states()


# -- greeting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "greeting",
    [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"\xff\xfe\0\0", b"Asterisk Call Manager/2.10.6\r\n"],
)
async def test_another_peer_is_refused(greeting: bytes) -> None:
    async def greet(pbx: Pbx) -> None:
        await pbx.send(greeting)
        await pbx.silence()

    async with linked(greet, up=False) as (link, server, _):
        with pytest.raises(WrongPeer):
            await link.wait_up(PATIENCE)
        assert server.actions == []


async def _never_greets(pbx: Pbx) -> None:
    await pbx.silence()


async def _never_lets_in(pbx: Pbx) -> None:
    await pbx.send(BANNER)
    await pbx.silence()


@pytest.mark.parametrize("script", [_never_greets, _never_lets_in])
async def test_a_peer_that_does_not_let_us_in_is_left(
    script: Callable[[Pbx], Awaitable[None]],
) -> None:
    config = replace(QUICK, login_timeout=0.2)
    async with linked(script, Pbx.obey, config=config) as (link, _, told):
        await link.send(PING)

    waiting = told.statuses[1]
    assert waiting.state is LinkState.WAITING
    assert isinstance(waiting.reason, ActionTimeout)
    assert link.stats.connect_failures == 1


async def test_a_slow_login_is_waited_for() -> None:
    async def slow(pbx: Pbx) -> None:
        await asyncio.sleep(0.1)
        await pbx.send(BANNER[:5])
        await asyncio.sleep(0.1)
        await pbx.send(BANNER[5:])
        action = await pbx.read()
        await asyncio.sleep(0.2)
        await pbx.answer(action, Challenge="1")
        action = await pbx.read()
        await asyncio.sleep(0.2)
        await pbx.answer(action)
        await pbx.serve()

    async with linked(slow) as (_, server, _):
        assert server.connections == 1


# -- half-open and lost ------------------------------------------------------------------------


async def test_a_half_open_link_is_found_and_its_actions_end() -> None:
    async def half_open(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.silence()

    config = replace(QUICK, ping_interval=0.1, ping_deadline=0.1)
    async with linked(half_open, Pbx.obey, config=config) as (link, server, told):
        with pytest.raises(LinkLost):
            await link.send({"Action": "Originate"}, timeout=PATIENCE)
        assert not link.is_up
        await link.wait_up(PATIENCE)

        assert link.stats.half_open == link.stats.links_lost == 1
        assert link.stats.pongs_missed == 1
        assert len(server.named("Originate")) == 1
        assert told.states()[:5] == [
            LinkState.CONNECTING,
            LinkState.UP,
            LinkState.LOST,
            LinkState.WAITING,
            LinkState.CONNECTING,
        ]


async def test_a_pbx_that_talks_but_does_not_answer_gets_more_tries() -> None:
    async def chatty(pbx: Pbx) -> None:
        await pbx.let_in()
        while True:
            await pbx.send(event("Hangup"))
            await asyncio.sleep(0.01)

    config = replace(QUICK, ping_interval=0.05, ping_deadline=0.2, missed_pongs=3)
    async with linked(chatty, Pbx.obey, config=config) as (link, _, _):
        await until(lambda: link.stats.half_open)
        assert link.stats.pongs_missed == 3


async def test_pings_keep_a_quiet_link() -> None:
    config = replace(QUICK, ping_interval=0.02)
    async with linked(Pbx.obey, config=config) as (link, server, _):
        await until(lambda: len(server.named("Ping")) >= 5)
        assert (server.connections, link.stats.pongs_missed) == (1, 0)


async def test_a_cut_in_the_middle_of_a_message_loses_that_message_only() -> None:
    async def cut(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send(event("Hangup", Number=1) + event("Hangup", Number=2)[:-3])
        pbx.writer.close()

    async def more(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.send(event("Hangup", Number=3))
        await pbx.serve()

    async with linked(cut, more) as (link, _, told):
        await until(lambda: len(told.events) == 2)

    assert [message.get("Number") for message in told.events] == ["1", "3"]
    assert link.stats.garbage == 0


async def test_a_pbx_that_is_not_there_yet_is_found_when_it_comes() -> None:
    server = Misbehaving(Pbx.obey)
    async with server:
        port = server.port
    link = AmiLink(replace(QUICK, port=port), on_event=lambda message, received: None)
    link.start()
    try:
        await until(lambda: link.stats.connect_failures >= 2)
        with pytest.raises(NotConnected):
            await link.wait_up(0.01)
        server.port = port
        async with server:
            await link.wait_up(PATIENCE)
            await link.close()
    finally:
        await link.close()


# -- close -------------------------------------------------------------------------------------


async def _cut_after_login(pbx: Pbx) -> None:
    await pbx.let_in()
    pbx.cut()


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (_cut_after_login, LinkState.WAITING),
        (_never_greets, LinkState.CONNECTING),
        (_never_lets_in, LinkState.CONNECTING),
    ],
)
async def test_close_closes_whatever_the_link_is_doing(
    script: Callable[[Pbx], Awaitable[None]], state: LinkState
) -> None:
    config = replace(QUICK, reconnect_first=0.05, reconnect_cap=0.05)
    async with linked(script, up=False, config=config) as (link, server, told):
        await until(lambda: server.connections and link.status.state is state)
        await link.close()
        connections = server.connections
        await asyncio.sleep(0.2)

        assert server.connections == connections
        assert told.states()[-1] is LinkState.CLOSED
        assert link.status.state is LinkState.CLOSED
        link.start()
        assert link.status.state is LinkState.CLOSED


async def test_close_ends_what_is_under_way_and_logs_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def silent(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.silence()

    async with linked(silent) as (link, server, _):
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_lost(link))
            await until(lambda: server.named("Ping"))
            await asyncio.gather(link.close(), link.close())
            assert await sending
        await until(lambda: server.named("Logoff"))

    # What we did ourselves is no loss.
    assert "lost" not in capsys.readouterr().out
    assert link.stats.links_lost == 0


async def _lost(link: AmiLink) -> bool:
    with pytest.raises(LinkLost):
        await link.send(PING)
    return True


async def test_a_state_handler_that_raises_does_not_stop_the_link() -> None:
    def broken(status: object) -> None:
        raise RuntimeError

    async with Misbehaving(Pbx.obey) as server:
        link = AmiLink(
            replace(QUICK, port=server.port),
            on_event=lambda message, received: None,
            on_state=broken,
        )
        link.start()
        await link.wait_up(PATIENCE)
        await link.close()

    assert link.stats.handler_errors == 3


# -- TLS ---------------------------------------------------------------------------------------


async def test_tls_with_a_good_certificate(certificates: Certificates) -> None:
    tls = AmiTls(ca_file=certificates.ca)
    async with linked(Pbx.obey, config=replace(PLAIN, tls=tls), tls=certificates.context()) as (
        link,
        _,
        _,
    ):
        assert (await link.send(PING)).is_success


async def test_tls_under_another_server_name(certificates: Certificates) -> None:
    tls = AmiTls(ca_file=certificates.ca, server_name="pbx.example")
    async with linked(Pbx.obey, config=replace(QUICK, tls=tls), tls=certificates.context()):
        pass


@pytest.mark.parametrize("case", ["other authority", "other name", "system authorities", "no file"])
async def test_tls_that_does_not_hold_sends_nothing(certificates: Certificates, case: str) -> None:
    tls = {
        "other authority": AmiTls(ca_file=certificates.other_ca),
        "other name": AmiTls(ca_file=certificates.ca, server_name="pbx.invalid"),
        "system authorities": AmiTls(),
        "no file": AmiTls(ca_file=Path("/nonexistent/ca.pem")),
    }[case]
    config = replace(PLAIN, tls=tls)
    async with linked(Pbx.obey, up=False, config=config, tls=certificates.context()) as (
        link,
        server,
        _,
    ):
        with pytest.raises(TlsRefused):
            await link.wait_up(PATIENCE)
        assert server.actions == []


async def test_tls_unverified_is_a_choice(certificates: Certificates) -> None:
    tls = AmiTls(verify=False)
    async with linked(Pbx.obey, config=replace(QUICK, tls=tls), tls=certificates.context()):
        pass


async def test_a_plain_port_behind_tls_is_refused_in_words() -> None:
    async def plain(pbx: Pbx) -> None:
        await pbx.send(BANNER)
        await asyncio.Event().wait()

    async with linked(plain, up=False, config=replace(QUICK, tls=AmiTls())) as (link, _, _):
        with pytest.raises(TlsRefused, match="TLS port"):
            await link.wait_up(PATIENCE)


async def test_a_peer_that_hangs_up_in_the_handshake_is_tried_again(
    certificates: Certificates,
) -> None:
    async def hang_up(pbx: Pbx) -> None:
        await pbx.reader.read(1)
        pbx.writer.close()

    config = replace(QUICK, tls=AmiTls(ca_file=certificates.ca))
    async with linked(hang_up, up=False, config=config) as (link, server, told):
        await until(lambda: server.connections >= 2)
        assert LinkState.REFUSED not in told.states()
        assert not link.is_up
