"""Actions that answer with a list: gathered whole, ended always, bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer_engine.ami.wire import FieldValue
from dialer_engine.domain.errors import ActionTimeout, AnswerTooLarge, LinkLost
from tests.ami.conftest import PATIENCE, QUICK, linked
from tests.ami.misbehaving import Pbx, event

PING: dict[str, FieldValue] = {"Action": "Ping"}
LIST: dict[str, FieldValue] = {"Action": "CoreShowChannels"}


async def _send_list(pbx: Pbx, count: int, *, end: str = "Complete") -> None:
    action = await pbx.read()
    action_id = action["actionid"][0]
    await pbx.answer(action, EventList="start", Message="Channels will follow")
    for number in range(count):
        await pbx.send(event("CoreShowChannel", ActionID=action_id, Uniqueid=f"a-{number}"))
        await pbx.send(event("Hangup", Uniqueid=f"b-{number}"))
    if end:
        await pbx.send(event("CoreShowChannelsComplete", ActionID=action_id, EventList=end))


async def test_a_list_is_gathered_and_other_events_pass_by() -> None:
    async def channels(pbx: Pbx) -> None:
        await pbx.let_in()
        await _send_list(pbx, 30)
        await pbx.silence()

    async with linked(channels) as (link, _, told):
        answer = await link.send_list(LIST)

    assert [item.get("Uniqueid") for item in answer.items] == [f"a-{n}" for n in range(30)]
    assert answer.complete is not None
    assert answer.response.is_success
    assert [event.get("Uniqueid") for event in told.events] == [f"b-{n}" for n in range(30)]


async def test_a_list_that_the_pbx_gives_up_is_not_complete() -> None:
    async def cancelled(pbx: Pbx) -> None:
        await pbx.let_in()
        await _send_list(pbx, 2, end="cancelled")
        await pbx.silence()

    async with linked(cancelled) as (link, _, _):
        answer = await link.send_list(LIST)

    assert len(answer.items) == 2
    assert answer.complete is None


async def test_a_list_cut_by_a_lost_link_ends() -> None:
    async def cut_list(pbx: Pbx) -> None:
        await pbx.let_in()
        await _send_list(pbx, 5, end="")
        await pbx.send(b"Event: CoreShowCh")
        pbx.cut()

    async with linked(cut_list, Pbx.obey) as (link, _, _):
        with pytest.raises(LinkLost):
            await link.send_list(LIST)
        await link.wait_up(PATIENCE)
        assert (await link.send(PING)).is_success


async def test_items_of_a_list_that_timed_out_are_dropped() -> None:
    async def unended(pbx: Pbx) -> None:
        await pbx.let_in()
        await _send_list(pbx, 5, end="")
        action = await pbx.read()
        await pbx.send(event("CoreShowChannel", ActionID=pbx.server.actions[-2]["actionid"][0]))
        await pbx.answer(action)
        await pbx.silence()

    async with linked(unended) as (link, _, told):
        with pytest.raises(ActionTimeout):
            await link.send_list(LIST, timeout=0.3)
        await link.send(PING)

        assert link.stats.late_answers == 1
        assert {event.event for event in told.events} == {"Hangup"}


@pytest.mark.parametrize(
    ("response", "message"),
    [("Error", "No such command"), ("Success", "This is no list")],
)
async def test_an_answer_without_items_ends_the_wait(response: str, message: str) -> None:
    async def no_list(pbx: Pbx) -> None:
        await pbx.let_in()
        await pbx.answer(await pbx.read(), response, Message=message)
        await pbx.silence()

    async with linked(no_list) as (link, _, _):
        answer = await link.send_list(LIST)

    assert answer.response.get("Message") == message
    assert (answer.items, answer.complete) == ((), None)


async def test_a_list_without_end_is_bounded() -> None:
    async def endless(pbx: Pbx) -> None:
        await pbx.let_in()
        await _send_list(pbx, 50, end="")
        await pbx.serve()

    async with linked(endless, config=replace(QUICK, max_list_items=10)) as (link, _, _):
        with pytest.raises(AnswerTooLarge):
            await link.send_list(LIST)
        assert link.pending == 0
        assert (await link.send(PING)).is_success
