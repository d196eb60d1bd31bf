"""What is written when something ends."""

from __future__ import annotations

import pytest

from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import Breaker, TrunkLimits
from dialer_engine.domain.units import AttemptId
from dialer_engine.sim.pbx import Fate
from tests.engine.house import CARRIER, LOANS, PBX, House, settings, virtual


async def end_of(house: House, how: str) -> AttemptId:
    """One call that ends in this way."""
    attempt = house.flying[0] if house.flying else (await house.dialled())[0]
    if how in ("completed", "hung_up_early", "abandoned"):
        if how != "completed":
            house.engine.desk.pause("1001", "lunch")
        house.pbx.answer(attempt)
        await house.wait(8.0 if how == "abandoned" else 1.0)
    house.pbx.end(attempt, *{"busy": (17, 486), "congestion": (34, 503)}.get(how, (16, None)))
    await house.wait(1.0)
    return attempt


@pytest.mark.parametrize("how", ["completed", "hung_up_early", "abandoned", "busy", "congestion"])
def test_one_outcome_to_the_store_the_figures_and_the_feed(how: str) -> None:
    @virtual
    async def main() -> None:
        house = House()
        await house.campaign(cases=1)
        async with house:
            await house.login(*house.agents(1))
            attempt = await end_of(house, how)
            assert house.outcome(attempt) is Outcome(how)
            figures = house.engine.dialling.running[LOANS].figures
            assert dict(figures.outcomes) == {how: 1}
            assert figures.attempts == 1
            assert figures.live == (how in ("completed", "hung_up_early", "abandoned"))
            assert figures.bridged == (how == "completed")
            assert figures.abandoned == (how == "abandoned")
            told = house.feed.of("calls", event="outcome")
            assert [message["outcome"] for message in told] == [how]
            house.check_books()

    main()


@virtual
async def test_the_record_of_a_talk_has_its_times() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        house.pbx.ring(attempt)
        await house.wait(4.0)
        house.pbx.answer(attempt)
        await house.wait(60.0)
        house.pbx.end(attempt)
        await house.wait(1.0)
        end = house.store.attempts[attempt].end
        assert end is not None
        assert end.agent == "1001"
        assert end.originated_at is not None
        assert end.ringing_at is not None
        assert end.answered_at is not None
        assert (end.answered_at - end.ringing_at).total_seconds() == pytest.approx(4.0, abs=0.01)
        assert end.talk_s == pytest.approx(60.0, abs=0.01)
        assert end.answer_to_bridge_s == pytest.approx(0.0, abs=0.01)
        assert not end.recovered
        assert house.agent_of("1001").talks == 1
        assert house.agent_of("1001").talk_s == pytest.approx(60.0, abs=0.01)


@virtual
async def test_an_agent_s_day_is_written_in_order() -> None:
    house = House()
    await house.campaign(cases=1, wrap_up_s=5.0)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        house.pbx.end(attempt)
        await house.wait(6.0)
        house.engine.desk.pause("1001", "lunch")
        house.engine.desk.resume("1001")
        house.engine.desk.logout("1001")
        await house.wait(1.0)
        kinds = [(row.kind, row.reason) for row in house.store.events]
        assert kinds == [
            ("login", ""), ("idle", ""), ("reserved", ""), ("talk", ""), ("wrap_up", ""), ("idle", ""),
            ("break", "lunch"), ("ready", ""), ("logout", ""),
        ]  # fmt: skip
        assert {row.attempt for row in house.store.events if row.kind in ("talk", "wrap_up")} == {
            attempt
        }


@virtual
async def test_the_retry_table_says_what_follows() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        await end_of(house, "busy")
        case = next(iter(house.store.cases[LOANS].values()))
        assert (case.tries, case.reason) == (1, "busy")
        assert case.due_at is not None
        assert 3590 < (case.due_at - house.clock.now().utc).total_seconds() <= 3600


@virtual
async def test_a_trunk_that_fails_is_shut_and_told() -> None:
    limits = TrunkLimits(CARRIER, PBX, 30, 50.0, breaker_window=3, breaker_pause_s=20.0)
    house = House(settings(trunks=(limits,)))
    await house.campaign(cases=20)
    async with house:
        await house.login(*house.agents(1))
        for _ in range(3):
            await end_of(house, "congestion")
        trunk = next(iter(house.engine.trunks))
        assert trunk.breaker is Breaker.OPEN
        assert house.feed.of("alarms", event="breaker", trunk=CARRIER, breaker="open")
        dialled = len(house.pbx.dialled)
        await house.wait(15.0)
        assert len(house.pbx.dialled) == dialled
        await house.wait(10.0)
        assert len(house.pbx.dialled) == dialled + 1
        house.pbx.end(house.flying[0], 17, 486)
        await house.wait(2.0)
        assert len(house.pbx.dialled) == dialled + 2
        assert house.feed.of("alarms", event="breaker", breaker="closed")
        house.check()


@virtual
async def test_a_phone_that_nobody_takes_adds_no_rows() -> None:
    """Else a dead phone would fill the store, and the memory while the store fails."""
    house = House()
    async with house:
        agent = house.agents(1)[0]
        house.pbx.script("call_agent", *[Fate.REFUSED] * 20)
        house.engine.desk.login(agent)
        await house.wait(120.0)
        assert [row.kind for row in house.store.events] == ["login"]
