"""After a restart, a lost link or lost events: the registry agrees with the PBX, and nothing is told twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.events import Presence
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import AgentId, AttemptId, LegId, NodeName, attempt_id
from dialer_engine.sim.pbx import Channel, Fate, Meets
from tests.engine.house import CARRIER, LOANS, OTHER_CARRIER, PBX, House, settings, virtual


async def reborn(house: House, **changes: object) -> House:
    """Another daemon on the same store and PBX, after `kill -9` of this one; not started yet."""
    next_one = House(settings(**changes), store=house.store, pbx=house.pbx)
    next_one.transcript = house.transcript
    return next_one


async def with_calls(
    count: int, talks: int = 0, **changes: object
) -> tuple[House, list[AttemptId]]:
    """A house with so many calls and agents; the first `talks` calls are talks, the others ring."""
    house = House(settings(**changes))
    await house.campaign(cases=count)
    await house.engine.start()
    await house.settle()
    await house.login(*house.agents(count))
    flying = await house.dialled(count)
    for attempt in flying[:talks]:
        house.pbx.answer(attempt)
        await house.settle()
    await house.wait(6.0)
    return house, flying


# -- restarts


@virtual
async def test_a_talk_goes_on_with_the_same_agent_and_leg() -> None:
    house, (attempt,) = await with_calls(1, talks=1)
    leg = house.agent_of("1001").state.leg
    await house.die()
    after = await reborn(house)
    async with after:
        assert after.phase(attempt) is CallPhase.TALKING
        assert after.line("1001") is Line.IN_CALL
        assert after.agent_of("1001").state.leg == leg
        assert after.engine.stats.recovered == 1
        after.check()
        house.pbx.end(attempt)
        await after.wait(1.0)
        assert after.outcome(attempt) is Outcome.COMPLETED
        end = house.store.attempts[attempt].end
        assert end is not None
        assert end.recovered
        assert end.agent == "1001"
        after.engine.dialling.draining = True
        after.check_books()


@virtual
async def test_who_waits_gets_an_agent_or_the_message() -> None:
    house, (attempt,) = await with_calls(1)
    await house.die()
    house.pbx.answer(attempt)
    after = await reborn(house)
    async with after:
        # The agent is taken over in the same breath, so the debtor is not left waiting.
        await after.wait(0.5)
        assert after.phase(attempt) is CallPhase.TALKING
        after.check()


@virtual
async def test_who_waits_for_nobody_hears_the_message() -> None:
    house, (attempt,) = await with_calls(1)
    house.engine.desk.pause("1001", "lunch")
    await house.wait(0.21)  # written, and no decision since, which would cancel the call
    await house.die()
    house.pbx.answer(attempt)
    after = await reborn(house)
    async with after:
        assert after.phase(attempt) is CallPhase.WAITING
        await after.wait(3.0)
        assert f"safe_harbour {attempt}" in house.transcript
        await after.wait(6.0)
        assert after.outcome(attempt) is Outcome.ABANDONED
        after.check_books()


@virtual
async def test_what_rings_rings_on_and_is_answered() -> None:
    house, (attempt,) = await with_calls(1)
    await house.die()
    after = await reborn(house)
    async with after:
        assert after.phase(attempt) is CallPhase.RINGING
        house.pbx.answer(attempt)
        await after.settle()
        assert after.phase(attempt) is CallPhase.TALKING


@virtual
async def test_who_hears_the_message_already_is_not_bridged_into_it() -> None:
    house, (attempt,) = await with_calls(1)
    await house.die()
    house.pbx.answer(attempt)
    house.pbx._play(attempt)
    after = await reborn(house)
    async with after:
        assert after.phase(attempt) is CallPhase.SAFE_HARBOUR
        assert not [line for line in house.transcript if line.startswith("bridge")]
        await after.wait(6.0)
        assert after.outcome(attempt) is Outcome.ABANDONED


@virtual
async def test_a_detector_that_still_listens_is_waited_for() -> None:
    house, (attempt,) = await with_calls(1)
    await house.die()
    house.pbx.answer(attempt, None)
    after = await reborn(house)
    async with after:
        assert after.phase(attempt) is CallPhase.ANSWERED
        house.pbx.answer(attempt, ev.Verdict.HUMAN)
        await after.settle()
        assert after.phase(attempt) is CallPhase.TALKING


@virtual
async def test_ends_that_nobody_saw_are_settled_from_the_pbx_s_notes() -> None:
    house, (talk, busy, picked_up, gone) = await with_calls(4, talks=1)
    await house.die()
    house.pbx.answer(picked_up)
    await house.wait(2.0)
    house.pbx.end(talk)
    house.pbx.end(busy, 17, 486)
    house.pbx.end(picked_up)
    house.pbx.end(gone)
    del house.pbx.notes[gone]
    await house.wait(3.0)
    after = await reborn(house)
    async with after:
        after.engine.dialling.draining = True
        await after.wait(1.0)
        assert [after.outcome(a) for a in (talk, busy, picked_up, gone)] == [
            Outcome.COMPLETED, Outcome.BUSY, Outcome.ABANDONED, Outcome.LOST,
        ]  # fmt: skip
        ended = house.store.attempts[talk].end
        assert ended is not None
        # It ended three seconds before anybody asked.
        assert abs((house.clock.now().utc - ended.ended_at) - timedelta(seconds=4)).seconds < 1
        assert after.line("1001") is Line.IDLE
        after.check_books()


@virtual
async def test_a_try_is_counted_once_however_its_end_was_learnt() -> None:
    house, (attempt,) = await with_calls(1)
    await house.die()
    house.pbx.end(attempt, 17, 486)
    after = await reborn(house)
    async with after:
        await after.wait(1.0)
        case = next(iter(house.store.cases[LOANS].values()))
        assert case.tries == 1


@virtual
async def test_a_trunk_s_fault_of_an_earlier_life_is_not_failed_over_without_a_number() -> None:
    limits = (TrunkLimits(CARRIER, PBX, 9, 50.0), TrunkLimits(OTHER_CARRIER, PBX, 9, 50.0, 1))
    house, (attempt,) = await with_calls(1, trunks=limits)
    number = house.pbx.dialled[0].number
    await house.die()
    house.pbx.end(attempt, 34, 503)
    after = await reborn(house, trunks=limits)
    async with after:
        await after.wait(6.0)
        assert after.outcome(attempt) is Outcome.CONGESTION
        assert [one.number for one in house.pbx.dialled] == [number, number]
        after.check()


@virtual
async def test_agents_are_back_without_touching_their_phones() -> None:
    house = House()
    await house.campaign()
    async with house:
        await house.login(*house.agents(3))
        house.agent("1004", mode=AgentMode.RING)
        house.engine.desk.login("1004")
        house.engine.desk.pause("1002", "lunch")
        house.engine.desk.logout("1003")
        await house.wait(1.0)
        legs = {name: house.agent_of(name).state.leg for name in ("1001", "1002")}
        await house.die()
        called = house.transcript.count("call_agent 1001")
        after = await reborn(house)
        async with after:
            for name, leg in legs.items():
                assert after.line(name) is Line.IDLE
                assert after.agent_of(name).state.leg == leg
            assert after.agent_of("1002").state.presence is Presence.BREAK
            assert after.agent_of("1002").state.break_reason == "lunch"
            assert not after.agent_of("1003").state.is_working
            assert after.line("1004") is Line.IDLE
            assert house.transcript.count("call_agent 1001") == called
            after.check()


@virtual
async def test_a_break_survives_two_restarts() -> None:
    house = House()
    async with house:
        await house.login(*house.agents(1))
        house.engine.desk.pause("1001", "lunch")
        await house.wait(1.0)
        await house.die()
    first = await reborn(house)
    async with first:
        await first.wait(1.0)
        await first.die()
    second = await reborn(house)
    async with second:
        state = second.agent_of("1001").state
        assert (state.presence, state.break_reason) == (Presence.BREAK, "lunch")


@virtual
async def test_a_leg_that_dialled_in_is_taken_over_too() -> None:
    house = House()
    house.agents(1)
    async with house:
        house.pbx.dial_in("1795297351.22", "1001", "4711")
        await house.wait(1.0)
        assert house.agent_of("1001").state.leg == "1795297351.22"
        await house.die()
        after = await reborn(house)
        async with after:
            assert after.line("1001") is Line.IDLE
            assert after.agent_of("1001").state.leg == "1795297351.22"
            assert "call_agent 1001" not in house.transcript


@virtual
async def test_who_logged_in_before_the_pbx_was_asked_keeps_the_leg_that_is_up() -> None:
    house = House()
    async with house:
        await house.login(*house.agents(1))
        leg = house.agent_of("1001").state.leg
        await house.wait(1.0)
        await house.die()
    after = await reborn(house)
    house.pbx.script("channels", Meets(before_s=3.0))
    house.pbx.legs_come_up = False
    async with after:
        after.engine.desk.login("1001")
        await after.wait(5.0)
        assert after.agent_of("1001").state.leg == leg
        assert after.line("1001") is Line.IDLE
        after.check()


@virtual
async def test_nothing_is_dialled_before_recovery_is_done() -> None:
    house = House()
    await house.campaign(cases=5)
    house.pbx.script("channels", Fate.REFUSED, Meets(Fate.LOST, before_s=2.0), Meets(before_s=3.0))
    async with house:
        await house.login(*house.agents(2))
        for _ in range(12):
            await house.wait(0.5)
            if house.pbx.dialled:
                break
            assert PBX not in house.engine.dialling.ready
        assert house.transcript.count("channels") == 3
        await house.wait(2.0)
        assert len(house.pbx.dialled) == 2
        begun = [i for i, line in enumerate(house.transcript) if line.startswith("originate")]
        asked = [i for i, line in enumerate(house.transcript) if line == "channels"]
        assert min(begun) > asked[2]


# -- links


@virtual
async def test_an_answer_missed_while_the_link_was_away_is_made_good() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        house.pbx.lose_link()
        house.pbx.answer(attempt)
        await house.wait(0.2)
        house.pbx.restore_link()
        await house.wait(0.2)
        assert house.phase(attempt) is CallPhase.TALKING
        house.check()


@virtual
async def test_a_bridge_missed_while_the_link_was_away_is_made_good() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        house.pbx.script("bridge", Meets(Fate.DONE_UNTOLD, after_s=0.3))
        house.pbx.muted = True
        house.engine.inbox.put(ev.CallClassified(attempt, ev.Verdict.HUMAN))
        house.pbx.living[attempt].up_at = house.clock.now()
        await house.settle()
        house.pbx.lose_link()
        house.pbx.muted = False
        await house.wait(0.5)
        assert house.phase(attempt) is CallPhase.CONNECTING
        house.pbx.restore_link()
        await house.settle()
        assert house.phase(attempt) is CallPhase.TALKING
        assert house.transcript.count(f"bridge {attempt} {house.agent_of('1001').state.leg}") == 1
        house.check()


@virtual
async def test_an_end_missed_while_the_link_was_away_is_made_good() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        await house.wait(6.0)
        house.pbx.lose_link()
        house.pbx.end(attempt)
        await house.wait(1.0)
        house.pbx.restore_link()
        await house.wait(1.0)
        assert house.outcome(attempt) is Outcome.COMPLETED
        assert house.line("1001") is Line.IDLE
        house.check_books()


@virtual
async def test_a_dropped_leg_missed_while_the_link_was_away_is_called_back() -> None:
    house = House()
    async with house:
        await house.login(*house.agents(1))
        leg = house.agent_of("1001").state.leg
        await house.wait(6.0)
        house.pbx.lose_link()
        assert leg is not None
        house.pbx.end(leg)
        await house.wait(1.0)
        house.pbx.restore_link()
        await house.wait(3.0)
        assert house.line("1001") is Line.IDLE
        assert house.agent_of("1001").state.leg not in (None, leg)
        house.check()


@virtual
async def test_a_second_change_of_the_link_during_recovery_is_not_lost() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        house.pbx.script("channels", Meets(after_s=2.0))
        house.pbx.desynchronise()
        await house.wait(0.5)
        house.pbx.lose_link()
        house.pbx.answer(attempt)
        await house.wait(0.5)
        house.pbx.restore_link()
        await house.wait(1.1)
        assert house.transcript.count("channels") >= 3, "the first answer is older than the break"
        assert house.phase(attempt) is CallPhase.TALKING
        assert PBX in house.engine.dialling.ready


@virtual
async def test_a_link_lost_during_recovery_is_not_ready() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        await house.login(*house.agents(1))
        house.pbx.script("channels", Meets(after_s=2.0))
        house.pbx.desynchronise()
        await house.wait(0.5)
        house.pbx.lose_link()
        dialled = len(house.pbx.dialled)
        await house.wait(5.0)
        assert PBX not in house.engine.dialling.ready
        assert len(house.pbx.dialled) == dialled
        house.pbx.restore_link()
        await house.wait(0.1)
        assert PBX in house.engine.dialling.ready


@virtual
async def test_a_fault_of_our_own_keeps_the_node_shut_and_is_tried_again() -> None:
    house = House()
    faults = 2
    real = house.pbx.endings

    async def faulty(attempts: list[AttemptId]) -> object:
        nonlocal faults
        if faults:
            faults -= 1
            raise KeyError("on purpose")
        return await real(attempts)

    house.pbx.endings = faulty  # type: ignore[method-assign,assignment]
    async with house:
        assert PBX not in house.engine.dialling.ready
        await house.wait(3.0)
        assert PBX in house.engine.dialling.ready


@virtual
async def test_what_changed_after_the_question_is_left_alone() -> None:
    """The list says 'in a talk with 1001'; meanwhile 1001 vanished and 1002 is being connected."""
    house = House(settings(sweep_s=20.0))
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        await house.wait(6.0)
        house.pbx.script("channels", Meets(after_s=1.0))
        house.pbx.desynchronise()
        await house.wait(0.5)
        await house.login(house.agent("1002"))
        house.pbx.script("bridge", Meets(before_s=1.0))
        leg = house.agent_of("1001").state.leg
        assert leg is not None
        house.pbx.end(leg)
        await house.wait(0.6)
        assert house.phase(attempt) is CallPhase.CONNECTING
        await house.wait(1.0)
        assert house.phase(attempt) is CallPhase.TALKING
        assert house.line("1002") is Line.IN_CALL
        assert f"hang_up {attempt}" not in house.transcript
        house.check()


@virtual
async def test_a_hang_up_that_got_lost_is_made_good() -> None:
    house = House(settings(sweep_s=10.0))
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        house.pbx.script("hang_up", Fate.LOST)
        house.engine.inbox.put(ev.HangupAsked(attempt, "operator"))
        await house.wait(1.0)
        assert house.phase(attempt) is CallPhase.HANGING_UP
        await house.wait(20.0)
        assert house.outcome(attempt) is Outcome.COMPLETED
        house.check_books()


# -- what nobody knows


@virtual
async def test_strangers_are_ended_and_young_or_open_ones_are_not() -> None:
    house = House(settings(sweep_s=10.0))
    async with house:
        old = attempt_id(1, b"0123456789")
        house.pbx.living[old] = Channel(old, house.clock.now())
        house.pbx.living["g-of-somebody"] = Channel("g-of-somebody", house.clock.now())
        await house.wait(8.0)
        young = attempt_id(2, b"0123456789")
        house.pbx.living[young] = Channel(young, house.clock.now())
        await house.wait(4.0)
        assert f"hang_up {old}" in house.transcript
        assert f"hang_up {young}" not in house.transcript
        assert "hang_up g-of-somebody" not in house.transcript


@virtual
async def test_a_stranger_that_cannot_be_ended_does_not_keep_the_node_shut() -> None:
    house = House()
    old = attempt_id(1, b"0123456789")
    house.pbx.living[old] = Channel(old, house.clock.now())
    await house.wait(10.0)
    house.pbx.script("hang_up", Fate.REFUSED)
    async with house:
        await house.wait(0.5)
        assert f"hang_up {old}" in house.transcript
        assert PBX in house.engine.dialling.ready


@virtual
async def test_attempts_that_end_while_the_store_is_asked_are_no_orphans() -> None:
    house = House(settings(sweep_s=5.0))
    await house.campaign(cases=5)
    house.store.delays_s["open_attempts"] = 1.0
    async with house:
        await house.login(*house.agents(1))
        await house.wait(0.1)
        for _ in range(4):
            attempt = (await house.dialled())[0]
            await house.wait(5.2)
            house.pbx.end(attempt, 17, 486)
        house.engine.dialling.draining = True
        await house.wait(20.0)
        assert house.engine.stats.recovered == 0
        house.check_books()


@virtual
async def test_an_open_attempt_that_nobody_knows_is_found_by_the_sweep() -> None:
    house = House(settings(sweep_s=5.0))
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        call = house.engine.registry.calls.pop(attempt)
        house.engine.timers.clear()
        next(iter(house.engine.trunks)).give_back()
        del house.pbx.living[attempt]
        assert call is not None
        await house.wait(20.0)
        assert house.outcome(attempt) is Outcome.LOST
        house.check_books()


@virtual
async def test_orphans_of_a_node_that_is_gone_are_told() -> None:
    house, _ = await with_calls(2, talks=2)
    await house.die()
    for one in house.store.attempts.values():
        object.__setattr__(one.draft, "node", NodeName("pbx-gone"))
    after = await reborn(house)
    async with after:
        await after.wait(1.0)
        assert after.engine.recovery.unreachable() == {NodeName("pbx-gone"): 2}


@virtual
async def test_a_leg_in_a_talk_of_two_books_stays_with_its_first_call() -> None:
    """The registry knows the agent in one call, the PBX shows them in the orphan's: nobody in two."""
    house = House()
    await house.campaign(cases=2)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        leg = house.agent_of("1001").state.leg
        assert leg is not None
        orphan = await _orphan(house, leg)
        house.engine.recovery._orphans[orphan] = (await house.store.open_attempts())[-1]
        house.pbx.desynchronise()
        await house.wait(0.5)
        assert house.agent_of("1001").state.attempt == attempt
        assert house.call_of(attempt).state.agent == AgentId("1001")


async def _orphan(house: House, leg: LegId) -> AttemptId:
    draft = next(iter(house.store.attempts.values())).draft
    orphan = attempt_id(3, b"0123456789")
    other = replace(
        draft, id=orphan, case_id=type(draft.case_id)(2), number=type(draft.number)("+447700900999")
    )
    await house.store.begin_attempts([other])
    now = house.clock.now()
    house.pbx.living[orphan] = Channel(orphan, now, up_at=now, partner=leg)
    return orphan
