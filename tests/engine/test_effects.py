"""What a PBX answers, and what the machines hear of it. Nothing that may have happened is sent again."""

from __future__ import annotations

import pytest

from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.errors import BadValue, InjectionRefused
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AttemptId
from dialer_engine.ports.pbx import CallAgent, Originate
from dialer_engine.sim.pbx import Fate
from tests.engine.house import House, settings, virtual


async def ringing(house: House) -> AttemptId:
    await house.login(*house.agents(1))
    return (await house.dialled())[0]


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.UNSENT])
def test_a_refused_or_unsent_originate_ends_the_attempt(fate: Fate) -> None:
    @virtual
    async def main() -> None:
        house = House()
        await house.campaign(cases=1)
        house.pbx.script("originate", fate)
        async with house:
            attempt = await ringing(house)
            await house.wait(0.5)
            assert house.outcome(attempt) is Outcome.FAILED
            assert house.engine.stats.refused_by_pbx == 1
            house.check_books()

    main()


@virtual
async def test_an_originate_that_may_have_happened_is_waited_for() -> None:
    house = House()
    await house.campaign(cases=1)
    house.pbx.script("originate", Fate.DONE_UNTOLD)
    async with house:
        attempt = await ringing(house)
        assert house.engine.stats.unknown == 1
        house.pbx.answer(attempt)
        await house.settle()
        assert house.phase(attempt) is CallPhase.TALKING


@pytest.mark.parametrize("error", [InjectionRefused("a line break"), BadValue("a long line")])
def test_a_value_that_may_not_be_sent_was_not_sent(error: Exception) -> None:
    @virtual
    async def main() -> None:
        house = House()
        await house.campaign(cases=1)

        async def refuse(command: Originate) -> None:
            house.pbx.dialled.append(command)
            raise error

        house.pbx.originate = refuse  # type: ignore[method-assign]
        async with house:
            attempt = await ringing(house)
            await house.wait(0.5)
            assert house.outcome(attempt) is Outcome.FAILED
            house.check_books()

    main()


@virtual
async def test_a_phone_number_that_may_not_be_sent_was_not_called() -> None:
    house = House()

    async def refuse(command: CallAgent) -> None:
        raise InjectionRefused("a line break")

    house.pbx.call_agent = refuse  # type: ignore[method-assign]
    async with house:
        await house.login(*house.agents(1))
        assert house.line("1001") is Line.OFF
        house.check()


@virtual
async def test_a_bridge_that_may_have_happened_is_not_tried_again() -> None:
    house = House()
    await house.campaign(cases=1)
    house.pbx.script("bridge", Fate.LOST)
    async with house:
        attempt = await ringing(house)
        house.pbx.answer(attempt)
        await house.wait(2.5)
        assert house.phase(attempt) is CallPhase.CONNECTING
        assert sum(line.startswith("bridge") for line in house.transcript) == 1
        # Then the debtor is not left in silence, and the agent is free.
        await house.wait(1.0)
        assert house.phase(attempt) is CallPhase.SAFE_HARBOUR
        assert house.line("1001") is Line.IDLE
        house.check()


@virtual
async def test_a_message_that_cannot_be_played_ends_in_a_hang_up() -> None:
    house = House()
    await house.campaign(cases=1)
    house.pbx.script("safe_harbour", Fate.REFUSED)
    async with house:
        attempt = await ringing(house)
        house.engine.desk.pause("1001", "lunch")
        house.pbx.answer(attempt)
        await house.wait(3.0)
        assert house.transcript[-1].startswith(("end", "hang_up"))
        assert f"hang_up {attempt}" in house.transcript
        await house.wait(1.0)
        assert house.outcome(attempt) is Outcome.ABANDONED


@virtual
async def test_a_phone_that_cannot_be_called_is_called_back_slower_and_slower() -> None:
    house = House()
    house.pbx.script("call_agent", *[Fate.REFUSED] * 6)
    async with house:
        await house.login(*house.agents(1))
        assert house.line("1001") is Line.OFF
        await house.wait(6.5)
        assert house.transcript.count("call_agent 1001") == 3
        await house.wait(60.0)
        assert house.line("1001") is Line.IDLE


@virtual
async def test_a_ringing_phone_that_fails_at_once_is_not_rung_in_a_circle() -> None:
    house = House()
    await house.campaign(cases=1)
    house.pbx.script("call_agent", *[Fate.UNSENT] * 1000)
    async with house:
        house.agents(1, mode=AgentMode.RING)
        house.engine.desk.login("1001")
        attempt = (await house.dialled())[0]
        house.pbx.answer(attempt)
        await house.wait(3.0)
        assert house.transcript.count("call_agent 1001") == 1
        assert house.phase(attempt) is CallPhase.SAFE_HARBOUR


@virtual
async def test_no_name_and_no_number_on_the_common_topics() -> None:
    house = House(settings())
    await house.campaign(cases=3)
    async with house:
        await house.login(*house.agents(2))
        await house.talking()
        await house.wait(3.0)
        for topic, message in house.feed.messages:
            if not topic.startswith("agent/"):
                assert "+44" not in str(message)
                assert "reference" not in message
        assert house.feed.of("agent/1001", event="call")
