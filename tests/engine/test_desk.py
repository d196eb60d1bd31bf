"""What people do: PINs, keys, breaks, dispositions."""

from __future__ import annotations

from typing import Any

import pytest

from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.errors import BadValue, Conflict, NotFound
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import AgentId
from dialer_engine.sim.pbx import Fate, Meets
from tests.engine.house import PIN, House, settings, virtual

CHANNEL = "1795297351.22"


async def in_talk(**changes: Any) -> House:
    """1001 in a talk."""
    house = House(settings(**changes))
    await house.campaign(cases=5, wrap_up_s=30.0)
    await house.engine.start()
    await house.settle()
    await house.login(*house.agents(1))
    await house.talking()
    return house


@virtual
async def test_login_calls_the_phone_and_logout_ends_it() -> None:
    house = House()
    async with house:
        await house.login(*house.agents(1))
        assert house.line("1001") is Line.IDLE
        leg = house.agent_of("1001").state.leg
        house.engine.desk.logout("1001")
        await house.settle()
        assert house.line("1001") is Line.OFF
        assert f"hang_up {leg}" in house.transcript
        house.check()


@virtual
async def test_what_cannot_be_is_said_in_words() -> None:
    house = House()
    async with house:
        house.agents(1)
        desk = house.engine.desk
        with pytest.raises(NotFound, match="agents list"):
            desk.login("4242")
        for ask in (desk.logout, desk.resume, desk.end_wrap_up):
            with pytest.raises(Conflict, match="not logged in"):
                ask("1001")
        await house.login(AgentId("1001"))
        with pytest.raises(BadValue, match="lunch"):
            desk.pause("1001", "siesta")
        with pytest.raises(Conflict, match="not in wrap-up but idle"):
            desk.end_wrap_up("1001")
        with pytest.raises(BadValue, match="promise"):
            desk.dispose("1001", "unheard-of", "", None, "api")
        with pytest.raises(Conflict, match="no call yet"):
            desk.dispose("1001", "promise", "", None, "api")


@virtual
async def test_a_break_takes_effect_after_the_talk() -> None:
    house = await in_talk()
    house.engine.desk.pause("1001", "lunch")
    assert house.line("1001") is Line.IN_CALL
    house.pbx.end(house.flying[0])
    await house.settle()
    house.engine.desk.end_wrap_up("1001")
    await house.wait(2.0)
    assert house.line("1001") is Line.IDLE
    assert not house.agent_of("1001").state.is_available
    assert not house.flying
    house.engine.desk.resume("1001")
    await house.wait(2.0)
    assert len(house.flying) == 1
    await house.engine.stop()


# -- the phone


@virtual
async def test_the_right_pin_makes_the_caller_s_leg_the_agent_s() -> None:
    house = House()
    house.agents(1)
    async with house:
        house.pbx.dial_in(CHANNEL, "1001", PIN)
        await house.wait(1.0)
        assert house.transcript[-1] == "accept_login 1001"
        assert house.line("1001") is Line.IDLE
        assert house.agent_of("1001").state.leg == CHANNEL
        house.pbx.end(CHANNEL)
        await house.wait(3.0)
        # A nailed leg that dropped is called back.
        assert "call_agent 1001" in house.transcript
        house.check()


@virtual
async def test_a_caller_is_nobody_s_agent_before_the_leg_holds() -> None:
    """Or a waiting debtor would be bridged to a leg that is still in the login's dialplan."""
    house = House()
    await house.campaign(cases=1)
    house.agents(2)
    async with house:
        await house.login(AgentId("1002"))
        attempt = (await house.dialled())[0]
        house.engine.desk.pause("1002", "lunch")
        house.pbx.script("accept_login", Meets(before_s=0.5))
        house.pbx.dial_in(CHANNEL, "1001", PIN)
        await house.wait(0.2)
        house.pbx.answer(attempt)
        await house.wait(0.2)
        assert not house.agent_of("1001").state.is_available
        assert not [line for line in house.transcript if line.startswith("bridge")]
        await house.wait(0.5)
        assert house.transcript[-1] == f"bridge {attempt} {CHANNEL}"
        house.check()


@virtual
async def test_a_login_whose_redirect_fails_leaves_nobody_at_work() -> None:
    house = House()
    house.agents(1)
    house.pbx.script("accept_login", Fate.REFUSED)
    async with house:
        house.pbx.dial_in(CHANNEL, "1001", PIN)
        await house.wait(1.0)
        assert not house.agent_of("1001").state.is_working
        assert not house.engine.registry.legs
        house.check()


@virtual
async def test_who_hangs_up_during_the_login_is_not_at_work() -> None:
    house = House()
    house.agents(1)
    house.pbx.script("accept_login", Meets(before_s=0.5))
    async with house:
        house.pbx.dial_in(CHANNEL, "1001", PIN)
        await house.wait(0.3)
        house.pbx.end(CHANNEL)
        await house.wait(2.0)
        assert not house.agent_of("1001").state.is_working
        assert not house.engine.registry.legs


@virtual
async def test_a_login_of_who_is_being_called_takes_the_leg_that_dialled_in() -> None:
    house = House()
    house.agents(1)
    house.pbx.legs_come_up = False
    async with house:
        house.engine.desk.login("1001")
        await house.settle()
        assert house.line("1001") is Line.CALLING
        house.pbx.dial_in(CHANNEL, "1001", PIN)
        await house.wait(1.0)
        assert house.line("1001") is Line.IDLE
        assert house.agent_of("1001").state.leg == CHANNEL
        house.check()


@virtual
async def test_ring_mode_needs_the_phone_free() -> None:
    house = House()
    house.agents(1, mode=AgentMode.RING)
    async with house:
        house.pbx.dial_in(CHANNEL, "1001", PIN)
        await house.wait(1.0)
        assert house.agent_of("1001").state.is_available
        assert house.agent_of("1001").state.leg is None
        assert house.transcript[-1] == f"hang_up {CHANNEL}"


@pytest.mark.parametrize(
    ("agent", "pin"), [("1001", "0000"), ("1001", ""), ("4242", PIN), ("", "")]
)
def test_anything_else_is_denied(agent: str, pin: str) -> None:
    @virtual
    async def main() -> None:
        house = House()
        house.agents(1)
        async with house:
            house.pbx.dial_in(CHANNEL, agent, pin)
            await house.wait(1.0)
            assert house.transcript[-1] == f"deny_login {CHANNEL}"
            assert not house.agent_of("1001").state.is_working

    main()


@virtual
async def test_too_many_wrong_pins_shut_the_door_for_a_while() -> None:
    house = House(settings(max_pin_failures=3, pin_lock_s=60.0))
    house.agents(2)
    async with house:
        for i in range(3):
            house.pbx.dial_in(f"1.{i}", "1001", "0000")
            await house.wait(1.0)
        house.pbx.dial_in("1.8", "1001", PIN)
        await house.wait(1.0)
        assert house.transcript[-1] == "deny_login 1.8"
        # Others are not shut out with them.
        house.pbx.dial_in("1.9", "1002", PIN)
        await house.wait(1.0)
        assert house.transcript[-1] == "accept_login 1002"
        await house.wait(61.0)
        house.pbx.dial_in("1.10", "1001", PIN)
        await house.wait(1.0)
        assert house.transcript[-1] == "accept_login 1001"


@virtual
async def test_guesses_at_the_same_moment_count_each() -> None:
    house = House(settings(max_pin_failures=3))
    house.agents(1)
    async with house:
        for i in range(20):
            house.pbx.dial_in(f"1.{i}", "1001", "0000")
        house.pbx.dial_in("1.99", "1001", PIN)
        await house.wait(1.0)
        assert house.transcript.count("accept_login 1001") == 0
        assert sum(line.startswith("deny") for line in house.transcript) == 21


@virtual
async def test_a_pin_never_shows() -> None:
    event = ev.PinEntered(House().pbx.name, CHANNEL, "1001", PIN)
    assert PIN not in repr(event)


# -- keys


@virtual
async def test_keys_count_in_wrap_up_only() -> None:
    house = await in_talk()
    attempt, leg = house.flying[0], house.agent_of("1001").state.leg
    assert leg is not None
    house.pbx.key(leg, "1")
    await house.settle()
    assert house.line("1001") is Line.IN_CALL
    house.pbx.end(attempt)
    await house.settle()
    house.pbx.key(leg, "7")
    await house.settle()
    assert house.line("1001") is Line.WRAP_UP
    house.pbx.key(leg, "1")
    await house.wait(0.3)
    assert house.line("1001") is not Line.WRAP_UP
    assert [(row.attempt, row.code, row.via) for row in house.store.dispositions] == [
        (attempt, "promise", "dtmf")
    ]
    house.pbx.key(leg, "2")
    await house.wait(0.3)
    assert len(house.store.dispositions) == 1
    await house.engine.stop()


@virtual
async def test_the_hash_key_ends_wrap_up_without_a_word() -> None:
    house = await in_talk()
    leg = house.agent_of("1001").state.leg
    house.pbx.end(house.flying[0])
    await house.settle()
    assert leg is not None
    house.pbx.key(leg, "#")
    await house.settle()
    assert house.line("1001") is Line.IDLE
    assert not house.store.dispositions
    await house.engine.stop()


@virtual
async def test_a_disposition_is_of_the_present_talk_else_of_the_last() -> None:
    house = await in_talk()
    attempt = house.flying[0]
    assert house.engine.desk.dispose("1001", "promise", "will pay", None, "api") == attempt
    house.pbx.end(attempt)
    await house.settle()
    house.engine.desk.end_wrap_up("1001")
    await house.settle()
    assert house.engine.desk.dispose("1001", "refused", "", None, "api") == attempt
    await house.wait(1.0)
    assert [row.code for row in house.store.dispositions] == ["promise", "refused"]
    told = house.feed.of("agents", event="disposition")
    assert all("note" not in message for message in told)
    assert house.agent_of("1001").state.presence is Presence.READY
    await house.engine.stop()
