"""Pacing in a whole engine: what policies see and are told, what is kept, what is cancelled."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain import events as ev
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign, DialMode, Period
from dialer_engine.domain.errors import BadValue, StoreUnavailable
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import AttemptId, CampaignName
from dialer_engine.engine.account import Account, period_around, site_zone
from dialer_engine.engine.marks import MOST, Marks
from dialer_engine.engine.pace import CampaignPace
from dialer_engine.engine.paces import KEPT, about
from dialer_engine.pacing.guard import Guarded
from dialer_engine.pacing.snapshot import CallEnd, Decision, News, Snapshot
from tests.engine.house import CARRIER, LOANS, PBX, House, settings, virtual

CARDS = CampaignName("cards")
PREDICTIVE = DialMode.PREDICTIVE


class Spy:
    """Dials what it is told to, and keeps what it saw."""

    def __init__(self, *wanted: int) -> None:
        self.wanted = list(wanted)
        self.cancel: tuple[int, ...] = ()
        self.shots: list[Snapshot] = []
        self.news: list[News] = []

    def decide(self, snapshot: Snapshot) -> Decision:
        self.shots.append(snapshot)
        now = self.wanted.pop(0) if self.wanted else 0
        cancel, self.cancel = self.cancel, ()
        return Decision(now, "as told", {"wanted": now}, cancel)

    def learn(self, news: News) -> None:
        self.news.append(news)

    def memory(self) -> dict[str, object]:
        return {}

    @property
    def ends(self) -> list[tuple[CallEnd, float]]:
        return [
            (CallEnd(kind), round(float(after), 2))
            for one in self.news
            for kind, after in zip(one.call_end, one.call_ring_s, strict=True)
        ]


def pace(house: House, name: CampaignName = LOANS) -> CampaignPace:
    return house.engine.dialling.running[name].pace


def spy(house: House, *wanted: int, name: CampaignName = LOANS) -> Spy:
    found = Spy(*wanted)
    pace(house, name).pacers[PBX] = found
    return found


async def told_to(house: House, *wanted: int, agents: int) -> Spy:
    """A policy that wants this, from now on, with agents there and cases ready."""
    found = spy(house)
    await house.wait(0.6)
    await house.login(*house.agents(agents))
    found.wanted = list(wanted)
    return found


@virtual
async def test_a_predictive_campaign_dials_more_than_one_line_an_agent() -> None:
    house = House()
    await house.campaign(cases=60, mode=PREDICTIVE)
    async with house:
        await house.login(*house.agents(6))
        await house.wait(6.0)
        assert len(house.pbx.dialled) > 6
        pacer = pace(house).pacers[PBX]
        assert isinstance(pacer, Guarded)
        house.check()


@virtual
async def test_how_each_ringing_ended_is_told_once() -> None:
    house = House()
    await house.campaign(cases=20, amd=True)
    async with house:
        told = await told_to(house, 6, agents=2)
        a, b, c, d, e, _ = await house.dialled(6)
        await house.wait(3.0)
        house.pbx.answer(a, ev.Verdict.HUMAN)
        house.pbx.answer(b, None)
        house.pbx.end(c, 17, 486)
        house.pbx.end(d, 34, 503)
        house.engine.inbox.put(ev.HangupAsked(e, "pacing"))
        await house.wait(1.0)
        assert told.shots[-1].classifying == pytest.approx((0.9,), abs=0.3)
        house.pbx.relay(
            ev.CallClassified(b, ev.Verdict.MACHINE), house.clock.now(), house.engine.inbox.put
        )
        await house.wait(40.0)
        kinds = sorted(kind for kind, _ in told.ends)
        # The last one rang out; the refused one went out again over the same trunk, and rings out too.
        assert kinds.count(CallEnd.LIVE) == 1
        assert kinds.count(CallEnd.MACHINE) == 1
        assert kinds.count(CallEnd.BUSY) == 1
        assert kinds.count(CallEnd.CONGESTION) == 1
        assert kinds.count(CallEnd.CANCELLED) == 1
        assert kinds.count(CallEnd.NO_ANSWER) >= 1
        after = [seconds for kind, seconds in told.ends if kind is CallEnd.BUSY]
        assert after == pytest.approx([3.0], abs=0.1)
        listened = [value for one in told.news for value in one.amd_s]
        assert sorted(listened) == pytest.approx([0.0, 1.0], abs=0.05)


@virtual
async def test_talks_and_wrap_ups_are_told_and_seen_while_they_run() -> None:
    house = House()
    await house.campaign(cases=5, wrap_up_s=4.0)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        told = spy(house)
        await house.wait(10.0)
        assert told.shots[-1].talking == pytest.approx((10.0,), abs=0.3)
        assert (told.shots[-1].idle, told.shots[-1].staffed) == (0, 1)
        house.pbx.end(attempt)
        await house.wait(2.0)
        assert told.shots[-1].wrapping == pytest.approx((2.0,), abs=0.3)
        await house.wait(3.0)
        assert [v for one in told.news for v in one.talk_s] == pytest.approx([10.0], abs=0.1)
        assert [v for one in told.news for v in one.wrap_s] == pytest.approx([4.0], abs=0.1)


@virtual
async def test_who_will_not_take_another_call_is_not_at_work() -> None:
    house = House()
    await house.campaign(cases=5)
    async with house:
        await house.login(*house.agents(2))
        attempt = await house.talking()
        told = spy(house)
        busy = house.call_of(attempt).state.agent
        assert busy is not None
        house.engine.desk.pause(busy, "lunch")
        await house.tick()
        assert (len(told.shots[-1].talking), told.shots[-1].away) == (0, 1)
        house.pbx.end(attempt)
        await house.wait(0.6)
        assert sum(one.left for one in told.news) == 1
        other = next(str(a) for a in ("1001", "1002") if a != busy)
        house.engine.desk.logout(other)
        await house.wait(0.6)
        assert sum(one.left for one in told.news) == 2
        assert told.shots[-1].staffed == 0


@virtual
async def test_who_waited_and_hung_up_tells_how_patient_they_were() -> None:
    house = House()
    await house.campaign(cases=5, wait_limit_s=5.0)
    async with house:
        told = await told_to(house, 2, agents=1)
        one, two = await house.dialled(2)
        house.pbx.answer(one)
        house.pbx.answer(two)
        await house.wait(1.5)
        assert len(told.shots[-1].waiting) == 1
        house.pbx.end(two)
        await house.wait(0.5)
        assert [v for n in told.news for v in n.patience_s] == pytest.approx([1.5], abs=0.05)


@virtual
async def test_what_pacing_cancels_is_hung_up_and_counts_as_nothing_that_rang_out() -> None:
    house = House()
    await house.campaign(cases=5)
    async with house:
        told = await told_to(house, 2, agents=1)
        one, two = await house.dialled(2)
        await house.wait(1.0)
        told.cancel = (0,)
        await house.wait(1.0)
        assert house.outcome(one) is Outcome.CANCELLED
        assert house.phase(two) is CallPhase.DIALING
        case = house.store.cases[LOANS][house.store.attempts[one].draft.case_id]
        # As the strategy says: the same number, later.
        assert (case.reason, case.tries) == ("cancelled", 1)
        assert house.engine.stats.cancelled == 1


@virtual
async def test_a_break_cancels_the_line_that_was_dialled_for_that_agent() -> None:
    house = House()
    await house.campaign(cases=9)
    async with house:
        await house.login(*house.agents(3))
        first = await house.dialled(3)
        house.engine.desk.pause("1002", "lunch")
        await house.wait(0.6)
        assert len(house.flying) == 2
        house.engine.desk.logout("1001")
        house.engine.desk.logout("1003")
        await house.wait(0.6)
        assert house.flying == []
        assert {house.outcome(one) for one in first} == {Outcome.CANCELLED}


@virtual
async def test_live_answers_count_when_their_fate_is_known() -> None:
    house = House()
    await house.campaign(cases=9)
    async with house:
        await told_to(house, 3, agents=1)
        one, two, three = await house.dialled(3)
        house.pbx.answer(one)
        await house.settle()
        account = pace(house).account
        assert (account.live, account.abandoned) == (1, 0)
        house.pbx.answer(two)
        house.pbx.answer(three)
        await house.wait(1.0)
        house.pbx.end(three)
        await house.settle()
        assert (account.live, account.abandoned) == (2, 0)
        await house.wait(1.2)
        assert (account.live, account.abandoned) == (3, 1)
        await house.wait(30.0)
        house.pbx.end(one)
        await house.wait(1.0)
        assert (account.live, account.abandoned) == (3, 1)
        assert account.rate == pytest.approx(1 / 3)


@virtual
async def test_after_a_restart_the_period_and_what_was_learned_are_there() -> None:
    house = House()
    await house.campaign(cases=40, mode=PREDICTIVE)
    async with house:
        await house.login(*house.agents(2))
        for attempt in (await house.dialled(2))[:2]:
            house.pbx.answer(attempt)
        await house.wait(20.0)
        counted = pace(house).account.live, pace(house).account.abandoned
        for attempt in list(house.flying):
            house.pbx.end(attempt)
        await house.wait(61.0)
        kept = json.loads(house.store.memories[LOANS, "predictive"])
        assert kept["lists"][0] == "loans"
        assert set(kept["nodes"]) == {PBX}
        await house.die()
    second = House(store=house.store, pbx=house.pbx)
    async with second:
        account = pace(second).account
        assert account.live >= counted[0] >= 1
        assert pace(second).memory() is not None


@virtual
async def test_a_stopped_campaign_leaves_what_it_learned() -> None:
    house = House()
    await house.campaign(cases=9, mode=PREDICTIVE)
    async with house:
        await house.login(*house.agents(1))
        await house.wait(2.0)
        assert (LOANS, "predictive") not in house.store.memories
        await house.engine.leases.release(LOANS)
        assert (LOANS, "predictive") in house.store.memories
        assert LOANS not in house.engine.paces.running


@virtual
async def test_while_the_store_cannot_say_what_was_no_campaign_begins() -> None:
    house = House()
    await house.campaign(cases=9)
    house.store.down = "locked"
    with pytest.raises(StoreUnavailable):
        await house.engine.paces.recall(Campaign(LOANS))


@virtual
async def test_two_campaigns_share_their_agents_and_neither_counts_them_twice() -> None:
    house = House()
    await house.campaign(LOANS, cases=30)
    await house.campaign(CARDS, cases=30)
    async with house:
        await house.login(*house.agents(4))
        await house.wait(3.0)
        assert len(house.flying) == 4
        one, two = spy(house), spy(house, name=CARDS)
        await house.tick()
        await house.tick()
        for seen in (one.shots[-1], two.shots[-1]):
            assert (seen.idle, len(seen.ringing)) == (4, 4)
        marks = lists_of(one.shots[-1])
        names = pace(house).lists.names
        mine = sum(1 for call in house.engine.registry.calls.values() if call.campaign == LOANS)
        assert names[0] == LOANS
        assert marks.count(0) == mine


def lists_of(shot: Snapshot) -> list[int]:
    """The lists of the ringing calls."""
    assert shot.ringing_list is not None
    return [int(mark) for mark in shot.ringing_list]


@virtual
async def test_agents_without_the_skill_are_not_this_campaigns() -> None:
    house = House()
    await house.campaign(CARDS, cases=9, skill="cards")
    async with house:
        await house.login(*house.agents(3), house.agent("2001", skills=["cards"]))
        told = spy(house, name=CARDS)
        await house.tick()
        assert (told.shots[-1].idle, told.shots[-1].staffed) == (1, 1)


@virtual
async def test_calls_of_a_wider_campaign_count_by_the_share_of_its_agents() -> None:
    """Nine of ten agents of `loans` cannot take cards: of its ten calls one competes for the tenth."""
    house = House()
    await house.campaign(LOANS, cases=30)
    await house.campaign(CARDS, cases=9, skill="cards")
    async with house:
        told = spy(house, name=CARDS)
        await told_to(house, 10, agents=9)
        await house.login(house.agent("2001", skills=["cards"]))
        await house.wait(1.0)
        assert len(house.flying) == 10
        assert len(told.shots[-1].ringing) == 1


@virtual
async def test_others_calls_are_not_cancelled() -> None:
    house = House()
    await house.campaign(LOANS, cases=3)
    await house.campaign(CARDS, cases=3)
    async with house:
        told = spy(house, name=CARDS)
        await told_to(house, 2, agents=2)
        await house.dialled(2)
        told.cancel = (0, 1)
        await house.wait(1.0)
        assert len(house.flying) == 2


@virtual
async def test_a_campaign_changes_mode_and_targets_while_it_runs() -> None:
    house = House()
    campaign = await house.campaign(cases=60)
    async with house:
        await house.login(*house.agents(4))
        await house.dialled(4)
        dialling = house.engine.dialling
        until = dialling.running[LOANS].lease_until
        dialling.run(replace(campaign, mode=DialMode.RATIO, ratio=2.0), until)
        await house.wait(1.0)
        assert len(house.flying) == 8
        dialling.run(replace(campaign, mode=PREDICTIVE, target=0.01), until)
        await house.wait(1.0)
        learned = pace(house).pacers[PBX]
        assert isinstance(learned, Guarded)
        dialling.run(replace(campaign, mode=PREDICTIVE, target=0.05), until)
        assert pace(house).pacers[PBX] is not learned
        dialling.run(replace(campaign, mode=PREDICTIVE, target=0.05, wrap_up_s=3.0), until)
        same = pace(house).pacers[PBX]
        dialling.run(replace(campaign, mode=PREDICTIVE, target=0.05, wrap_up_s=4.0), until)
        assert pace(house).pacers[PBX] is same


@virtual
async def test_the_limit_of_the_site_holds_for_every_campaign() -> None:
    house = House(settings(max_ringing_per_agent=2.0))
    await house.campaign(cases=60, mode=DialMode.RATIO, ratio=5.0)
    async with house:
        await house.login(*house.agents(3))
        await house.wait(2.0)
        assert len(house.flying) == 6


class Broken(Spy):
    def decide(self, snapshot: Snapshot) -> Decision:
        raise ZeroDivisionError("on purpose")


@virtual
async def test_a_policy_that_fails_leaves_one_line_an_agent_and_begins_anew() -> None:
    house = House()
    await house.campaign(cases=30, mode=PREDICTIVE)
    async with house:
        await told_to(house, agents=3)
        pace(house).pacers[PBX] = Broken()
        await house.tick()
        await house.tick()
        assert pace(house).failures == 1
        assert len(house.flying) >= 3
        assert any("policy failed" in row.why for row in pace(house).decisions.ring)


@virtual
async def test_a_shadow_sees_the_same_and_dials_nothing() -> None:
    house = House()
    await house.campaign(cases=60)
    async with house:
        await house.login(*house.agents(5))
        pace(house).set_shadow(DialMode.RATIO, house.clock.now())
        house.engine.dialling.run(
            replace(house.engine.dialling.running[LOANS].campaign, ratio=3.0), 1e9
        )
        await house.wait(3.0)
        assert len(house.flying) == 5
        shadow = pace(house).shadow
        assert shadow is not None
        assert shadow.ticks >= 10
        assert shadow.more == shadow.ticks
        assert shadow.shadow_lines == 3 * shadow.live_lines
        pace(house).set_shadow(PREDICTIVE, house.clock.now())
        await house.wait(1.0)
        pace(house).set_shadow(None, None)
        # What it learned beside another mode is kept.
        learned = pace(house).memory()
        assert learned is not None
        assert list(learned["nodes"]) == [PBX]


@virtual
async def test_decisions_that_did_something_are_kept_in_the_store() -> None:
    house = House()
    await house.campaign(cases=30)
    async with house:
        await house.wait(3.0)
        await house.login(*house.agents(2))
        await house.wait(4.0)
        rows = house.store.decisions
        whys = [row.why for row in rows]
        assert whys[:2] == ["no PBX is connected", "no agent is available"]
        dialled = [row for row in rows if row.started]
        assert sum(row.started for row in dialled) == 2
        assert dialled[0].numbers["idle"] == 2
        # Twenty decisions of nobody there and of all lines in use are two or three rows.
        assert len(rows) <= 5
        assert len(pace(house).decisions.ring) >= 24
        last = pace(house).decisions.at(None)
        assert last is not None
        assert pace(house).decisions.at(last.at - timedelta(seconds=1)) is not last
        assert pace(house).decisions.at(rows[0].at - timedelta(hours=1)) is None


@virtual
async def test_why_nothing_may_be_dialled_is_a_decision_too() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        await house.login(*house.agents(1))
        house.engine.dialling.draining = True
        await house.wait(2.5)
        assert house.store.decisions[-1].why == "the daemon is stopping"


@virtual
async def test_old_decisions_are_forgotten() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        await house.wait(2.0)
        first = house.store.decisions[0]
        house.store.decisions[0] = replace(first, at=first.at - KEPT - timedelta(hours=2))
        kept = house.store.decisions[1:]
        await house.engine.paces.forget()
        assert house.store.decisions == kept


@virtual
async def test_decisions_wait_for_a_store_that_fails() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        await house.wait(2.0)
        before = len(house.store.decisions)
        house.store.down = "locked"
        await house.login(*house.agents(1))
        await house.wait(3.0)
        assert len(house.store.decisions) == before
        house.store.down = ""
        await house.wait(8.0)
        assert any("does not take writes" in row.why for row in house.store.decisions[before:])


# -- what was learned, as a document


def test_learned_moves_to_another_campaign_under_its_name() -> None:
    one = CampaignPace(Campaign(LOANS, mode=PREDICTIVE), Account())
    one.decide(PBX, Snapshot(0.0, 3))
    one.lists.of(CARDS)
    one.groups.of("loans:M2")
    found = json.loads(json.dumps(one.memory()))
    two = CampaignPace(Campaign(CampaignName("spring"), mode=PREDICTIVE), Account(), found)
    assert two.lists.names == ["spring", "cards"]
    assert two.groups.names == ["", "spring:M2"]
    assert two.decide(PBX, Snapshot(0.0, 3)).originate >= 1


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"format": 2, "nodes": {}},
        {"format": 1},
        {"format": 1, "nodes": {}},
        {"format": 1, "nodes": {"x": {"rings": 3}}},
    ],
)
def test_what_is_not_learned_is_refused(junk: dict[str, object]) -> None:
    one = CampaignPace(Campaign(LOANS, mode=PREDICTIVE), Account())
    with pytest.raises(BadValue):
        one.take_memory(junk)


def test_curves_of_what_was_learned() -> None:
    one = CampaignPace(Campaign(LOANS, mode=PREDICTIVE), Account())
    one.decide(PBX, Snapshot(0.0, 3))
    found = one.curves()[PBX]
    kinds = [curve.kind for curve in found]
    assert kinds[0] == "answered"
    assert {"talk", "wrap"} <= set(kinds)
    for curve in found:
        assert len(curve.xs) == len(curve.ys) > 10
        assert all(0.0 <= y <= 1.0 for y in curve.ys)


# -- the accounting period


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_periods_follow_the_calendar_of_the_site() -> None:
    zone = site_zone("Asia/Shanghai")
    now = moment("2026-11-22T23:30:00+08:00")  # a Sunday
    day, week, month = (period_around(now, p, zone) for p in Period)
    assert day == (moment("2026-11-22T00:00:00+08:00"), moment("2026-11-23T00:00:00+08:00"))
    assert week == (moment("2026-11-16T00:00:00+08:00"), moment("2026-11-23T00:00:00+08:00"))
    assert month == (moment("2026-11-01T00:00:00+08:00"), moment("2026-12-01T00:00:00+08:00"))
    assert site_zone("") is UTC
    assert site_zone("Nowhere/Atall") is UTC


def test_the_day_of_a_change_of_clock_is_as_long_as_it_is() -> None:
    begin, end = period_around(
        moment("2026-10-25T12:00:00+00:00"), Period.DAY, site_zone("Europe/London")
    )
    assert end - begin == timedelta(hours=25)


def test_the_period_ends_with_the_window_of_its_last_day() -> None:
    account = Account(Period.DAY, site_zone("Asia/Shanghai"))
    account.begin(moment("2026-11-22T10:00:00+08:00"))
    assert account.left_s(moment("2026-11-22T19:00:00+08:00")) == 3600.0
    # After the window nobody is dialled any more: what is left is the day.
    assert account.left_s(moment("2026-11-22T21:00:00+08:00")) == 3 * 3600.0
    week = Account(Period.WEEK, site_zone("Asia/Shanghai"))
    week.begin(moment("2026-11-21T10:00:00+08:00"))
    assert week.left_s(moment("2026-11-21T20:00:00+08:00")) == 24 * 3600.0


def test_a_new_period_begins_with_nothing() -> None:
    account = Account(Period.DAY, UTC)
    account.begin(moment("2026-11-22T10:00:00+00:00"), 100, 4)
    account.count(abandoned=False, now=moment("2026-11-22T23:59:59+00:00"))
    assert (account.live, account.abandoned) == (101, 4)
    account.count(abandoned=True, now=moment("2026-11-23T00:00:00+00:00"))
    assert (account.live, account.abandoned) == (1, 1)


@virtual
async def test_another_period_is_counted_anew() -> None:
    house = House()
    campaign = await house.campaign(cases=9)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        house.pbx.end(attempt)
        await house.wait(1.0)
        pace(house).account.live = 50
        until = house.engine.dialling.running[LOANS].lease_until
        house.engine.dialling.run(replace(campaign, period=Period.MONTH), until)
        await house.wait(0.1)
        account = pace(house).account
        assert (account.period, account.live) == (Period.MONTH, 1)


# -- marks and stages


def test_marks_keep_their_numbers_and_are_bounded() -> None:
    marks = Marks(["loans"])
    assert [marks.of(name) for name in ("loans", "cards", "loans")] == [0, 1, 0]
    many = [marks.of(f"list-{i}") for i in range(100)]
    assert max(many) == MOST - 1
    assert many[-1] == 0
    assert Marks(marks.names).names == marks.names


@virtual
async def test_talks_are_filed_by_campaign_and_stage() -> None:
    house = House(
        settings(rules=RuleSet(default_zone="Europe/London"), trunks=(TrunkLimits(CARRIER, PBX, 9, 9.0),))
    )  # fmt: skip
    await house.campaign(cases=2)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        call = house.call_of(AttemptId(attempt))
        assert call.screen is not None
        assert house.agent_of("1001").about == about(call)
        stages = [about_days(house, attempt, days) for days in (0, 1, 30, 31, 89, 400)]
        assert stages == [f"loans:M{n}" for n in (0, 1, 1, 2, 3, 7)]


def about_days(house: House, attempt: AttemptId, days: int) -> str:
    call = house.call_of(attempt)
    assert call.screen is not None
    call.screen = replace(call.screen, days_past_due=days)
    return about(call)
