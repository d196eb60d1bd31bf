"""The pacing tick: how many, for whom, with whose permission, and what stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain import events as ev
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import CampaignState, DialMode
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import CampaignName, TrunkName
from dialer_engine.ports.pbx import Originate
from dialer_engine.ports.recordings import DiskState
from dialer_engine.sim.clock import VirtualClock, run
from dialer_engine.sim.pbx import Fate, Meets
from dialer_engine.strategy.retry import RetryRule, Then
from tests.engine.house import CARRIER, LOANS, OTHER_CARRIER, PBX, House, settings, virtual

CARDS = CampaignName("cards")


def trunk(name: TrunkName = CARRIER, **changes: object) -> TrunkLimits:
    given: dict[str, object] = {"max_channels": 30, "max_cps": 50.0} | changes
    return TrunkLimits(name, PBX, **given)  # type: ignore[arg-type]


@virtual
async def test_one_call_for_each_agent_and_no_more() -> None:
    house = House()
    await house.campaign(cases=50)
    async with house:
        await house.login(*house.agents(4))
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 4
        house.check()


@virtual
async def test_a_ratio_dials_more() -> None:
    house = House()
    await house.campaign(cases=50, mode=DialMode.RATIO, ratio=1.5)
    async with house:
        await house.login(*house.agents(4))
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 6


@virtual
async def test_nobody_logged_in_means_nobody_dialled() -> None:
    house = House()
    house.agents(4)
    await house.campaign(cases=50)
    async with house:
        await house.wait(5.0)
        assert not house.pbx.dialled
        assert house.engine.dialling.running[LOANS].why == "no agent is available"


@virtual
async def test_an_attempt_is_committed_before_it_is_dialled() -> None:
    house = House()
    await house.campaign(cases=5)
    house.store.delays_s["begin_attempts"] = 0.4
    async with house:
        await house.login(*house.agents(3))
        await house.wait(3.0)
        attempts = [one.attempt for one in house.pbx.dialled]
        assert len(attempts) == 3
        for attempt in attempts:
            begun = house.transcript.index(f"begin {attempt}")
            assert begun < house.transcript.index(f"originate {attempt}")


@virtual
async def test_the_next_tick_counts_what_is_still_being_committed() -> None:
    house = House()
    await house.campaign(cases=20)
    house.store.delays_s["begin_attempts"] = 2.0
    async with house:
        await house.login(*house.agents(3))
        await house.wait(1.0)
        assert [house.phase(a) for a in house.flying] == [CallPhase.PLANNED] * 3
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 3


def drain(house: House) -> None:
    house.engine.dialling.draining = True


def pause(house: House) -> None:
    running = house.engine.dialling.running[LOANS]
    house.engine.dialling.run(running.campaign.with_state(CampaignState.PAUSED), 0.0)


def lock_store(house: House) -> None:
    house.store.down = "locked"


def fill_disk(house: House) -> None:
    house.recordings.state = DiskState.FULL


def break_folder(house: House) -> None:
    house.recordings.broken = "cannot make the folder"


def lose_lease(house: House) -> None:
    house.engine.dialling.running[LOANS].lease_until = 0.0


def lose_pbx(house: House) -> None:
    house.pbx.lose_link()


OBSTACLES: list[tuple[Callable[[House], None], str]] = [
    (drain, "the daemon is stopping"),
    (pause, "the campaign is paused"),
    (lock_store, "the store does not take writes: locked"),
    (fill_disk, "the disk of the recordings is full"),
    (break_folder, "recordings cannot be written: cannot make the folder"),
    (lose_lease, "the lease of the campaign has run out"),
    (lose_pbx, "no PBX is connected"),
]


@pytest.mark.parametrize(("put", "why"), OBSTACLES, ids=[put.__name__ for put, _ in OBSTACLES])
def test_each_obstacle_stops_dialling_and_says_why(put: Callable[[House], None], why: str) -> None:
    async def main() -> None:
        house = House()
        await house.campaign(cases=50)
        async with house:
            agents = house.agents(2)
            put(house)
            await house.wait(1.2)  # the keeper looks at the disk each second
            await house.login(*agents)
            await house.wait(1.5)
            assert not house.pbx.dialled
            assert house.engine.dialling.running[LOANS].why == why
            house.check()

    run(VirtualClock(), main())


@pytest.mark.parametrize(
    "put", [drain, pause, fill_disk, lose_lease, lose_pbx], ids=lambda put: put.__name__
)
def test_an_obstacle_that_comes_during_the_commit_stops_the_call_too(
    put: Callable[[House], None],
) -> None:
    async def main() -> None:
        house = House()
        await house.campaign(cases=5)
        house.store.delays_s["begin_attempts"] = 2.0
        async with house:
            await house.login(*house.agents(2))
            await house.wait(1.0)
            planned = house.flying
            assert len(planned) == 2
            put(house)
            house.engine.dialling.disk = house.recordings.state
            await house.wait(3.0)
            assert not house.pbx.dialled
            assert [house.outcome(a) for a in planned] == [Outcome.CANCELLED] * 2
            house.check()

    run(VirtualClock(), main())


@virtual
async def test_a_node_whose_recovery_is_under_way_is_not_dialled_by_an_old_commit() -> None:
    house = House()
    await house.campaign(cases=5)
    house.store.delays_s["begin_attempts"] = 2.0
    async with house:
        await house.login(*house.agents(2))
        await house.wait(1.0)
        assert len(house.flying) == 2
        house.pbx.script("channels", Meets(before_s=5.0))
        house.pbx.desynchronise()
        await house.wait(3.0)
        assert not house.pbx.dialled


@virtual
async def test_a_nearly_full_disk_gives_calls_to_half_of_the_people() -> None:
    house = House()
    house.recordings.state = DiskState.SLOW
    await house.campaign(cases=50)
    async with house:
        await house.wait(1.2)
        await house.login(*house.agents(6))
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 3
        for one in list(house.pbx.dialled):
            house.pbx.answer(one.attempt)
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 3
        house.recordings.state = DiskState.OK
        await house.wait(3.0)
        assert len(house.pbx.dialled) == 6


@virtual
async def test_never_more_than_the_trunk_has_room_for() -> None:
    house = House(settings(trunks=(trunk(max_channels=2),)))
    await house.campaign(cases=50)
    async with house:
        await house.login(*house.agents(6))
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 2
        house.check()
        house.pbx.end(house.pbx.dialled[0].attempt, 17, 486)
        await house.wait(2.0)
        assert len(house.pbx.dialled) == 3


@virtual
async def test_never_faster_than_the_trunk_may_be_called() -> None:
    house = House(settings(trunks=(trunk(max_cps=2.0),)))
    await house.campaign(cases=50)
    async with house:
        await house.login(*house.agents(20))
        at = house.clock.mono
        await house.wait(4.0)
        spent = house.clock.mono - at
        assert 6 <= len(house.pbx.dialled) <= 2.0 * spent + 2.0


@virtual
async def test_what_the_transaction_refuses_is_not_dialled() -> None:
    house = House()
    await house.campaign(cases=1)
    other = await house.campaign(CARDS)
    async with house:
        # The same number in another campaign: only one of them may fly.
        number = next(iter(house.store.cases[LOANS].values())).numbers[0][0]
        twin = house.store.add_case(other.name, [number], house.clock.now().utc)
        house.store.cases[CARDS][twin].id = twin
        await house.engine.leases.take(other)
        await house.login(*house.agents(2))
        await house.wait(5.0)
        assert len(house.pbx.dialled) == 1
        assert house.engine.stats.denied["in_flight"] == 1
        house.check()


@virtual
async def test_the_law_s_no_postpones_the_case_to_the_day_it_names() -> None:
    rules = RuleSet(default_zone="Europe/London", daily_cap=1)
    house = House(settings(rules=rules))
    await house.campaign()
    house.case(zone="Asia/Shanghai")  # 18:00 there: allowed
    house.case(zone="Asia/Tokyo")  # 19:00
    house.case(zone="Australia/Sydney")  # 21:00: too late
    house.case(zone=None)
    house.case(zone="Mars/Olympus")
    async with house:
        await house.login(*house.agents(5))
        await house.wait(3.0)
        assert len(house.pbx.dialled) == 3
        assert dict(house.engine.stats.denied) == {"outside_window": 1, "zone_unknown": 1}
        cases = list(house.store.cases[LOANS].values())
        # 8:00 in Sydney on the 24th, in summer time.
        assert cases[2].due_at == datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
        assert cases[2].reason == "outside_window"
        later = cases[4].due_at
        assert later is not None
        assert 3590 < (later - house.clock.now().utc).total_seconds() <= 3600
        house.check()


@virtual
async def test_why_names_the_last_no_when_nothing_was_dialled() -> None:
    house = House()
    await house.campaign()
    house.case(zone="Australia/Sydney")
    async with house:
        await house.login(*house.agents(1))
        await house.wait(0.7)
        why = house.engine.dialling.running[LOANS].why
        assert "outside 08:00-20:00 at the debtor (Australia/Sydney)" in why
    empty = House()
    await empty.campaign()
    async with empty:
        await empty.login(*empty.agents(1))
        await empty.wait(0.7)
        assert empty.engine.dialling.running[LOANS].why == "no case is due"


@virtual
async def test_campaigns_that_share_agents_never_exceed_one_call_each() -> None:
    house = House()
    await house.campaign(cases=50)
    await house.campaign(CARDS, cases=50)
    async with house:
        await house.login(*house.agents(5))
        for _ in range(20):
            await house.wait(0.5)
            assert len(house.flying) <= 5
            house.check()
        assert len(house.pbx.dialled) == 5
        assert {house.call_of(a).campaign for a in house.flying} <= {LOANS, CARDS}


@virtual
async def test_campaigns_take_turns() -> None:
    house = House()
    await house.campaign(cases=50)
    await house.campaign(CARDS, cases=50)
    async with house:
        await house.login(*house.agents(1))
        seen = []
        for _ in range(6):
            attempt = (await house.dialled())[0]
            seen.append(house.call_of(attempt).campaign)
            await house.wait(0.25)
            house.pbx.end(attempt, 17, 486)
        assert {LOANS, CARDS} == set(seen)


@virtual
async def test_a_failed_trunk_hands_the_case_to_another_one_first() -> None:
    house = House(settings(trunks=(trunk(), trunk(OTHER_CARRIER, priority=1))))
    await house.campaign(cases=10)
    async with house:
        await house.login(*house.agents(1))
        first = (await house.dialled())[0]
        case = house.call_of(first).candidate.case_id
        house.pbx.end(first, 34, 503)
        second = (await house.dialled())[0]
        assert house.call_of(second).candidate.case_id == case
        assert house.call_of(second).trunk == OTHER_CARRIER
        assert house.outcome(first) is Outcome.CONGESTION
        assert house.engine.stats.failovers == 1
        await house.wait(1.0)
        house.pbx.end(second, 34, 503)
        third = (await house.dialled())[0]
        # Both have failed: it is the retry table's turn.
        assert house.call_of(third).candidate.case_id != case
        assert house.store.cases[LOANS][case].tries == 1
        house.check()


@virtual
@pytest.mark.parametrize("late_s", [0.0, 0.1, 0.2, 0.24])
async def test_a_failure_just_before_a_tick_goes_to_the_other_trunk_all_the_same(
    late_s: float,
) -> None:
    """The outcome is written before the next attempt, or the store would refuse that as one too many."""
    house = House(settings(trunks=(trunk(), trunk(OTHER_CARRIER, priority=1))))
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        first = (await house.dialled())[0]
        await house.tick()
        await house.wait(late_s)
        house.pbx.end(first, 34, 503)
        second = (await house.dialled())[0]
        assert house.call_of(second).trunk == OTHER_CARRIER
        assert house.outcome(first) is Outcome.CONGESTION
        assert "in_flight" not in house.engine.stats.denied
        house.check()


@virtual
async def test_a_case_that_waits_for_its_other_trunk_holds_nobody_up() -> None:
    limits = (trunk(), trunk(OTHER_CARRIER, priority=1, max_channels=0))
    house = House(settings(trunks=limits))
    await house.campaign(cases=10)
    async with house:
        await house.login(*house.agents(2))
        first, _ = await house.dialled(2)
        case = house.call_of(first).candidate.case_id
        house.pbx.end(first, 34, 503)
        third = (await house.dialled())[0]
        assert house.call_of(third).candidate.case_id != case


@virtual
async def test_a_case_does_not_wait_for_ever_for_a_trunk_that_is_gone() -> None:
    house = House(settings(trunks=(trunk(), trunk(OTHER_CARRIER, priority=1, max_channels=0))))
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        first = (await house.dialled())[0]
        house.pbx.end(first, 34, 503)
        await house.wait(1.0)
        assert not house.flying
        house.engine.trunks.replace([trunk()])
        second = (await house.dialled())[0]
        assert house.call_of(second).trunk == CARRIER


@virtual
async def test_a_store_that_fails_at_the_commit_undoes_everything() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        await house.wait(1.5)
        house.store.down = "locked"
        await house.login(*house.agents(3))
        await house.wait(3.0)
        assert not house.pbx.dialled
        assert not house.flying
        assert "locked" in house.engine.dialling.running[LOANS].why
        house.check()
        house.store.down = ""
        await house.wait(10.0)
        assert len(house.pbx.dialled) == 3
        assert sorted(c.candidate.case_id for c in house.engine.registry.calls.values()) == [
            1,
            2,
            3,
        ]
        house.check()


@virtual
async def test_a_commit_that_fails_by_another_fault_undoes_everything_too() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        real, faults = house.store.begin_attempts, 2

        async def faulty(drafts: object) -> dict[object, str]:
            nonlocal faults
            if faults:
                faults -= 1
                raise KeyError("on purpose")
            return await real(drafts)  # type: ignore[arg-type,return-value]

        house.store.begin_attempts = faulty  # type: ignore[method-assign,assignment]
        await house.login(*house.agents(3))
        await house.wait(3.0)
        assert len(house.pbx.dialled) == 3
        house.check()


@virtual
async def test_who_is_cancelled_while_being_committed_is_not_dialled() -> None:
    for down in ("", "locked"):
        house = House()
        await house.campaign(cases=1)
        house.store.delays_s["begin_attempts"] = 2.0
        async with house:
            await house.login(*house.agents(1))
            await house.wait(1.0)
            planned = house.flying[0]
            house.engine.inbox.put(ev.HangupAsked(planned, "operator"))
            house.store.down = down
            await house.wait(1.8)
            house.check()
            house.engine.dialling.draining = True
            house.store.down = ""
            await house.wait(20.0)
            assert not house.pbx.dialled
            house.check_books()


@virtual
async def test_a_permit_that_ran_out_during_the_commit_is_not_used() -> None:
    rules = RuleSet(default_zone="Europe/London", permit_ttl_s=1.0)
    house = House(settings(rules=rules))
    await house.campaign(cases=1)
    house.store.delays_s["begin_attempts"] = 2.0
    async with house:
        await house.login(*house.agents(1))
        await house.wait(4.0)
        assert not house.pbx.dialled
        assert [one.end.outcome for one in house.store.attempts.values() if one.end] == [
            Outcome.FAILED
        ]
        house.check()


@virtual
async def test_a_refusing_pbx_settles_the_attempt_and_frees_the_trunk() -> None:
    house = House()
    await house.campaign(cases=1)
    house.pbx.script("originate", Fate.REFUSED)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        await house.wait(1.0)
        assert house.outcome(attempt) is Outcome.FAILED
        house.check_books()


@virtual
async def test_an_unknown_originate_is_never_sent_again() -> None:
    house = House(settings(sweep_s=10.0))
    await house.campaign(cases=1)
    house.pbx.script("originate", Fate.LOST)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        await house.wait(1.0)
        assert house.phase(attempt) is CallPhase.DIALING
        await house.wait(30.0)
        assert house.transcript.count(f"originate {attempt}") == 1
        assert house.outcome(attempt) is Outcome.LOST
        house.check_books()


@virtual
async def test_the_daily_cap_holds_across_retries_and_restarts_of_the_queue() -> None:
    rules = RuleSet(default_zone="Europe/London", daily_cap=2)
    table = replace(settings().strategies["default"], rules=_at_once(), max_tries=50)
    house = House(settings(rules=rules, strategies={"default": table}))
    await house.campaign(cases=1)

    def busy(command: Originate) -> None:
        house.clock.later(0.1, lambda: house.pbx.end(command.attempt, 17, 486))

    house.pbx.on_originate = busy
    async with house:
        await house.login(*house.agents(1))
        await house.wait(60.0)
        assert len(house.pbx.dialled) == 2
        case = next(iter(house.store.cases[LOANS].values()))
        assert case.reason == "daily_cap"
        assert case.due_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def _at_once() -> dict[Outcome, RetryRule]:
    return dict.fromkeys(Outcome, RetryRule(Then.SAME_NUMBER, 0.0))


@virtual
async def test_the_screen_is_there_before_the_answer() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = (await house.dialled())[0]
        house.pbx.answer(attempt)
        await house.settle()
        shown = house.feed.of("agent/1001", event="call")
        assert [one["reference"] for one in shown] == ["CASE-1"]


@virtual
async def test_the_ceiling_of_lines_for_each_agent_holds() -> None:
    house = House(settings(max_ringing_per_agent=2.0))
    await house.campaign(cases=50, mode=DialMode.RATIO, ratio=5.0)
    async with house:
        await house.login(*house.agents(3))
        await house.wait(3.0)
        assert len(house.pbx.dialled) == 6
