"""Actions over the link: sent once or not at all, and every wait has an end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialer_engine.ami import action_tag
from dialer_engine.ami.link import AmiLink
from dialer_engine.ami.wire import FieldValue
from dialer_engine.domain.errors import (
    ActionTimeout,
    AnswerTooLarge,
    BadValue,
    InjectionRefused,
    LinkCongested,
    LinkLost,
    NotConnected,
    PbxUnknown,
)
from tests.ami.conftest import PATIENCE, QUICK, linked, until
from tests.ami.misbehaving import Pbx, block, event

PING: dict[str, FieldValue] = {"Action": "Ping"}
ORIGINATE: dict[str, FieldValue] = {"Action": "Originate", "Channel": "PJSIP/x", "Async": True}


async def test_an_action_gets_its_response() -> None:
    async with linked(Pbx.obey) as (link, _, _):
        answer = await link.send(PING)

    assert (answer.is_success, answer.get("message")) == (True, "Pong")
    assert link.stats.actions_answered == link.stats.actions_sent == 3


async def test_what_is_posted_has_left_before_anybody_waits_for_its_answer() -> None:
    async with linked(Pbx.obey) as (link, _, _):
        sent = link.stats.actions_sent
        answer = link.post(PING)
        assert (link.stats.actions_sent, link.pending) == (sent + 1, 1)
        assert (await answer).is_success
        assert link.pending == 0


async def test_what_cannot_be_posted_is_told_to_who_waits() -> None:
    link = AmiLink(QUICK, on_event=lambda message, received: None)
    with pytest.raises(NotConnected):
        await link.post(PING)
    with pytest.raises(InjectionRefused):
        await link.post({**PING, "CallerID": "x\r\nAction: Command"})
    assert link.stats.actions_refused_here == 2


async def test_an_error_is_an_answer() -> None:
    async def refuse(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.answer(await pbx.read(), "Error", Message="No such channel")
        await pbx.silence()

    async with linked(refuse) as (link, _, _):
        answer = await link.send({"Action": "Hangup", "Channel": "a-1"})

    assert (answer.is_success, answer.get("Message")) == (False, "No such channel")


async def test_answers_are_matched_in_any_order() -> None:
    async def backwards(pbx: Pbx) -> None:
        await pbx.let_in()
        for action in reversed([await pbx.read() for _ in range(20)]):
            await pbx.answer(action, Message=action["number"][0])
        await pbx.silence()

    async with linked(backwards) as (link, _, _):
        sends = [link.send({"Action": "Test", "Number": number}) for number in range(20)]
        answers = await asyncio.gather(*sends)

    assert [int(answer.get("Message")) for answer in answers] == list(range(20))


async def test_duplicate_headers_kill_nothing() -> None:
    async def twice(pbx: Pbx) -> None:
        await pbx.let_in()
        action_id = (await pbx.read())["actionid"][0]
        await pbx.send(
            event("Hangup", Cause=16).replace(b"\r\n\r\n", b"\r\nEvent: Newstate\r\n\r\n")
            + block(("Response", "Success"), ("ActionID", action_id), ("ActionID", action_id))
        )
        await pbx.serve()

    async with linked(twice) as (link, server, told):
        assert (await link.send(PING)).is_success
        assert (await link.send(PING)).is_success

    assert told.events[0].all("Event") == ("Hangup", "Newstate")
    assert server.connections == 1


# -- nothing is sent twice ---------------------------------------------------------------------


async def test_an_originate_cut_by_a_reconnect_is_unknown_and_never_sent_again() -> None:
    async def cut_on_originate(pbx: Pbx) -> None:
        await pbx.let_in()
        while (await pbx.read())["action"] != ["Originate"]:
            pass
        pbx.cut()

    async with linked(cut_on_originate, Pbx.obey) as (link, server, _):
        with pytest.raises(LinkLost):
            await link.send(ORIGINATE)
        await link.wait_up(PATIENCE)
        # Whatever waited to be sent again would come before this.
        await link.send(PING)

        assert len(server.named("Originate")) == 1
        assert server.connections == 2
        assert link.stats.actions_lost == 1


async def test_nothing_is_queued_while_there_is_no_link() -> None:
    async def cut_at_once(pbx: Pbx) -> None:
        await pbx.let_in()
        pbx.cut()

    slow = replace(QUICK, reconnect_first=0.2, reconnect_cap=0.2)
    async with linked(cut_at_once, Pbx.obey, config=slow) as (link, server, _):
        await until(lambda: not link.is_up)
        with pytest.raises(NotConnected):
            await link.send(ORIGINATE)
        with pytest.raises(NotConnected):
            await link.send_list({"Action": "CoreShowChannels"})
        await link.wait_up(PATIENCE)
        await link.send(PING)

        assert server.named("Originate") == server.named("CoreShowChannels") == []
        assert link.stats.actions_refused_here == 2


async def test_not_connected_before_start_and_after_close() -> None:
    link = AmiLink(QUICK, on_event=lambda message, received: None)
    with pytest.raises(NotConnected):
        await link.send(PING)
    await link.close()
    link.start()
    with pytest.raises(NotConnected):
        await link.wait_up(PATIENCE)


async def test_an_injection_is_refused_and_nothing_arrives() -> None:
    async with linked(Pbx.obey) as (link, server, _):
        with pytest.raises(InjectionRefused):
            await link.send({**PING, "CallerID": "x\r\n\r\nAction: Command\r\nCommand: core stop"})
        with pytest.raises(InjectionRefused):
            await link.send({**PING, "Variable": {"DE_NAME": "x\nAction: Originate"}})
        with pytest.raises(BadValue):
            await link.send(PING, tag="a\r\nAction: Originate")
        await link.send(PING)

        assert len(server.named("Ping")) == 1
        assert [action["action"] for action in server.actions[-1:]] == [["Ping"]]
        assert link.stats.actions_refused_here == 3


async def test_action_ids_are_unique_over_reconnects_and_restarts() -> None:
    async def once(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.answer(await pbx.read())
        pbx.cut()

    ids: list[str] = []
    for _ in range(2):
        async with linked(once, Pbx.obey) as (link, server, _):
            await link.send(PING)
            await until(lambda: not link.is_up)
            await link.wait_up(PATIENCE)
            await link.send(PING)
        ids += [
            action["actionid"][0] for action in server.actions if action["action"] != ["Logoff"]
        ]

    assert len(set(ids)) == len(ids) == 12


async def test_a_tag_comes_back_with_events() -> None:
    async def originate(pbx: Pbx) -> None:
        await pbx.let_in()
        action = await pbx.read()
        # Asterisk starts the originating thread before it answers: the event can be first.
        await pbx.send(
            event("OriginateResponse", ActionID=action["actionid"][0], Response="Failure")
        )
        await pbx.answer(action, Message="Originate successfully queued")
        await pbx.silence()

    async with linked(originate) as (link, _, told):
        answer = await link.send(ORIGINATE, tag="a-01JD0000000000000000000000")
        await until(lambda: told.events)

    assert answer.get("Message") == "Originate successfully queued"
    assert action_tag(told.events[0].action_id) == "a-01JD0000000000000000000000"


# -- every wait has an end ---------------------------------------------------------------------


async def test_an_action_without_an_answer_is_unknown_and_its_late_answer_is_dropped() -> None:
    async def late(pbx: Pbx) -> None:
        await pbx.let_in()
        slow = await pbx.read()
        fast = await pbx.read()
        await pbx.answer(slow, Message="late")
        await pbx.answer(fast, Message="Pong")
        await pbx.silence()

    async with linked(late) as (link, _, told):
        with pytest.raises(ActionTimeout) as caught:
            await link.send(ORIGINATE, timeout=0.05)
        assert isinstance(caught.value, PbxUnknown)
        assert link.pending == 0
        assert (await link.send(PING)).get("Message") == "Pong"

        assert link.stats.actions_timed_out == link.stats.late_answers == 1
        assert link.is_up
        assert told.events == []


async def test_cancelled_actions_do_not_leak() -> None:
    async def late(pbx: Pbx) -> None:
        await pbx.let_in()
        actions = [await pbx.read() for _ in range(500)]
        for action in actions:
            await pbx.answer(action)
        await pbx.serve()

    async with linked(late) as (link, server, _):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(link.send(PING)) for _ in range(499)]
            await until(lambda: link.pending == 499)
            for task in tasks:
                task.cancel()
        assert link.pending == 0
        assert link.stats.actions_cancelled == 499

        await link.send(PING)
        await link.send(PING)
        assert link.stats.late_answers == 499
        assert len(server.named("Ping")) == 501


async def test_an_error_that_meets_a_cancellation_is_not_left_unseen() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: complaints.append(context)
    )
    gate = asyncio.Event()

    async def cut_when_told(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.read()
        await gate.wait()
        pbx.cut()

    async with linked(cut_when_told, Pbx.obey) as (link, server, _), asyncio.TaskGroup() as group:
        task = group.create_task(link.send(PING))
        await until(lambda: server.named("Ping"))
        gate.set()
        while link.pending:
            await asyncio.sleep(0)
        task.cancel()

    assert complaints == []


async def test_congestion_refuses_before_sending() -> None:
    async def silent(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.silence()

    async with linked(silent, config=replace(QUICK, max_pending=2)) as (link, server, _):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(link.send(ORIGINATE)) for _ in range(2)]
            await until(lambda: link.pending == 2)
            with pytest.raises(LinkCongested):
                await link.send(ORIGINATE)
            await until(lambda: len(server.named("Originate")) == 2)
            for task in tasks:
                task.cancel()

        assert len(server.named("Originate")) == 2


async def test_a_peer_that_reads_nothing_does_not_fill_our_memory() -> None:
    async def deaf(pbx: Pbx) -> None:
        await pbx.let_in()
        pbx.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    limit = 100_000
    config = replace(QUICK, max_write_buffer=limit, max_pending=10**6)
    padded: dict[str, FieldValue] = {"Action": "Test", "Data": "x" * 1000}
    async with linked(deaf, config=config) as (link, _, _):
        tasks: list[asyncio.Task[object]] = []
        async with asyncio.TaskGroup() as group:
            # The kernel's own buffers take some megabytes first.
            while not any(task.done() for task in tasks[-100:]) and len(tasks) < 50_000:
                tasks += [group.create_task(_outcome(link, padded)) for _ in range(100)]
                await asyncio.sleep(0)
            transport = link._manager.protocol.transport  # type: ignore[union-attr]
            assert limit < transport.get_write_buffer_size() < limit + 2 * len(padded["Data"])  # type: ignore[arg-type, union-attr]
            refused = [task for task in tasks if task.done()]
            assert refused
            assert all(isinstance(task.result(), LinkCongested) for task in refused)
            await link.close()


async def _outcome(link: AmiLink, action: dict[str, FieldValue]) -> object:
    try:
        return await link.send(action, timeout=PATIENCE)
    except (LinkCongested, LinkLost) as error:
        return error


async def test_an_enormous_answer_is_an_error_and_the_link_stays() -> None:
    async def enormous(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.answer(await pbx.read(), Output="x" * 300_000)
        await pbx.serve()

    async with linked(enormous, config=replace(QUICK, max_message=100_000)) as (link, server, _):
        with pytest.raises(AnswerTooLarge):
            await link.send({"Action": "Command", "Command": "core show channels"})
        assert (await link.send(PING)).is_success
        assert (link.stats.oversized, server.connections) == (1, 1)
