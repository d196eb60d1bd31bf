"""No sequence of events, restarts, clock changes and two daemons exceeds a cap.

Two stores on one database stand for two daemons. Each asks the gate with a history that may be old by
then, and commits what it permits. What was let through is counted here again, from nothing but times and
outcomes.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer_engine.compliance.counting import counter, unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.gate import Gate, Permit, RuleSet
from dialer_engine.compliance.rules import CountSpec, Event, Kind, Rule, Source, Span, Status, Unit
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.reservation import OPEN, Claim
from dialer_engine.domain.units import AttemptId, CaseId, NodeName, TrunkName
from dialer_engine.store import SqlStore, compliance, evidence
from tests.store.building import LOANS, NOW, fresh_id, number

LONDON = ZoneInfo("Europe/London")
HOUSE = RuleSet(
    window_start=datetime.min.time(),
    window_end=datetime.max.time().replace(microsecond=0),
    daily_cap=1000,
    guard_s=0,
)
OURS = Source("test", Status.ENGINEERING)


def rule(id: str, unit: Unit, event: Event, span: Span, limit: int, length: int = 0) -> Rule:
    return Rule(id, 1, "", Kind.CAP, CountSpec(unit, event, span, limit, length), OURS)


ATTEMPTS_A_DAY = rule("a_day", Unit.NUMBER, Event.ATTEMPT, Span.DAY, 4)
IN_AN_HOUR = rule("in_an_hour", Unit.PERSON, Event.ATTEMPT, Span.ROLLING_S, 3, 3600)
TALKS = rule("talks", Unit.PERSON, Event.CONVERSATION, Span.DAY, 1)
WEEK = rule("week", Unit.PERSON, Event.ATTEMPT, Span.ROLLING_DAYS, 6, 7)
BOOK = RuleBook("test", (ATTEMPTS_A_DAY, IN_AN_HOUR, TALKS, WEEK))
GATE = Gate(HOUSE, BOOK)
OUTCOMES = [
    Outcome.NO_ANSWER, Outcome.COMPLETED, Outcome.BUSY, Outcome.MACHINE, Outcome.LOST, Outcome.CONGESTION,
]  # fmt: skip


@dataclass
class World:
    """What happened. through: attempts that were let through, in their order."""

    stores: list[SqlStore]
    clock: list[datetime]
    through: dict[AttemptId, tuple[datetime, int, int]] = field(default_factory=dict)
    open_ones: list[AttemptId] = field(default_factory=list)
    outcomes: dict[AttemptId, Outcome] = field(default_factory=dict)
    stale: dict[int, compliance.History] = field(default_factory=dict)
    cases: int = 0

    async def facts(self, who: int, person: int, telephone: int, fresh: bool) -> Facts:
        """With a history that was read just now, or the last one that this daemon has."""
        keys = {
            "number": unit_key("number", str(telephone)),
            "person": unit_key("person", str(person)),
        }
        if fresh or who not in self.stale:
            since = dict.fromkeys(keys.values(), self.clock[who] - timedelta(days=9))
            read = self.stores[who].database.read
            self.stale[who] = await read(compliance.history, since)
        history = {key: tuple(self.stale[who].get(key, ())) for key in keys.values()}
        zone, now = "Europe/London", self.clock[who]
        day = now.astimezone(LONDON).date().isoformat()
        return Facts(
            AttemptId("?"), number(telephone), zone, 0, day, Subject(), keys=keys, history=history
        )

    async def dial(self, who: int, wanted: Sequence[tuple[int, int]], fresh: bool) -> None:
        """Ask for each, commit what was permitted in one batch."""
        drafts = [d for d in [await self._draft(who, *one, fresh) for one in wanted] if d]
        refused = await self.stores[who].begin_attempts([draft for draft, _ in drafts])
        for draft, place in drafts:
            if draft.id not in refused:
                self.through[draft.id] = (draft.planned_at, *place)
                self.open_ones.append(draft.id)

    async def _draft(
        self, who: int, person: int, telephone: int, fresh: bool
    ) -> tuple[AttemptDraft, tuple[int, int]] | None:
        told = replace(await self.facts(who, person, telephone, fresh), attempt=fresh_id())
        permit = GATE.decide(told, self.clock[who])
        if not isinstance(permit, Permit):
            return None
        self.cases += 1
        draft = AttemptDraft(
            told.attempt, LOANS, CaseId(self.cases), told.number, NodeName("pbx1"), TrunkName("t"),
            self.clock[who], permit.local_day, permit.daily_cap, permit.evidence,
            reservation=permit.reservation,
        )  # fmt: skip
        return draft, (person, telephone)

    async def end(self, who: int, outcome: Outcome, sent: bool = True) -> None:
        """The oldest open attempt ends. Not sent: it never left, or the trunk refused it at once, and its
        tokens come back. Congestion that comes later may have rung: it counts.
        """
        if not self.open_ones:
            return
        attempt = self.open_ones.pop(0)
        at = self.through[attempt][0]
        answered = at if outcome in (Outcome.COMPLETED, Outcome.MACHINE) else None
        end = AttemptEnd(
            attempt, outcome, "", 16, None, None, None, at if sent else None, None, answered, None,
            at + timedelta(seconds=20), None, None,
        )  # fmt: skip
        if outcome is Outcome.CONGESTION:
            seconds = 20 if sent else 1
            over = at + timedelta(seconds=seconds)
            end = replace(end, cause=34, sip=503, originated_at=at, ended_at=over)
        await self.stores[who].end_attempts([end], [])
        # Once more, with another word: the first one counts.
        await self.stores[1 - who].end_attempts([replace(end, outcome=Outcome.NO_ANSWER)], [])
        if sent:
            self.outcomes[attempt] = outcome
        else:
            del self.through[attempt]

    def check(self) -> None:
        """Count again."""
        persons: dict[int, list[datetime]] = defaultdict(list)
        numbers: dict[tuple[int, object], int] = defaultdict(int)
        talks: dict[tuple[int, object], int] = defaultdict(int)
        for attempt, (at, person, telephone) in self.through.items():
            day = at.astimezone(LONDON).date()
            persons[person].append(at)
            numbers[telephone, day] += 1
            talked = self.outcomes.get(attempt) in (Outcome.COMPLETED, Outcome.LOST)
            talks[person, day] += talked
        assert max(numbers.values(), default=0) <= 4
        assert max(talks.values(), default=0) <= 1
        for times in persons.values():
            for last in times:
                hour = [one for one in times if last - timedelta(hours=1) < one <= last]
                assert len(hour) <= 3
                end = last.astimezone(LONDON).date()
                week = [one for one in times if 0 <= (end - one.astimezone(LONDON).date()).days < 7]
                assert len(week) <= 6


async def open_world(url: str) -> World:
    stores = [SqlStore(url, synchronous="OFF") for _ in range(2)]
    for one in stores:
        await one.open()
    await stores[0].save_campaign(Campaign(LOANS))
    return World(stores, [NOW, NOW])


places = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=4)
steps = st.one_of(
    st.tuples(st.just("dial"), st.integers(0, 1), places, st.booleans()),
    st.tuples(st.just("both"), places, places, st.booleans()),
    st.tuples(st.just("end"), st.integers(0, 1), st.sampled_from(OUTCOMES), st.booleans()),
    # Forwards, backwards, over midnight, over the change of clock, in one daemon only.
    st.tuples(
        st.just("clock"),
        st.integers(0, 1),
        st.sampled_from([1, 60, 1800, 3600, 40_000, 86_400, -60, -3600, -86_400, 500_000]),
        st.just(None),
    ),
    st.tuples(st.just("restart"), st.integers(0, 1), st.just(None), st.just(None)),
)


async def play(url: str, script: Sequence[tuple[object, ...]]) -> World:
    world = await open_world(url)
    try:
        for step in script:
            await _step(world, url, step)
            world.check()
        count, _, faults = await world.stores[0].database.read(evidence.verify)
        assert (faults, count >= len(world.through)) == ([], True)
    finally:
        for one in world.stores:
            await one.close()
    return world


async def _step(world: World, url: str, step: tuple[object, ...]) -> None:
    match step:
        case ("dial", int(who), list(wanted), bool(fresh)):
            await world.dial(who, wanted, fresh)
        case ("both", list(first), list(second), bool(fresh)):
            await asyncio.gather(world.dial(0, first, fresh), world.dial(1, second, fresh))
        case ("end", int(who), Outcome() as outcome, bool(sent)):
            unsent = not sent and outcome in (Outcome.NO_ANSWER, Outcome.CONGESTION)
            await world.end(who, outcome, sent=not unsent)
        case ("clock", int(who), int(seconds), _):
            world.clock[who] += timedelta(seconds=seconds)
        case ("restart", int(who), _, _):
            await world.stores[who].close()
            world.stores[who] = SqlStore(url, synchronous="OFF")
            await world.stores[who].open()
            world.stale.pop(who, None)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=st.lists(steps, min_size=4, max_size=25))
def test_no_sequence_exceeds_a_cap(sqlite_template: Path, script: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for file in sqlite_template.parent.glob(f"{sqlite_template.stem}*"):
            shutil.copy(file, folder)
        asyncio.run(play(f"sqlite:///{folder}/{sqlite_template.name}", script))


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(4))
async def test_no_sequence_of_two_daemons_on_postgres_exceeds_a_cap(
    postgres_url: str, seed: int
) -> None:
    """Connections that really run at the same time, with histories that are old."""
    draw = random.Random(seed)
    script: list[tuple[object, ...]] = []
    for _ in range(25):
        wanted = [[(draw.randrange(5), draw.randrange(8)) for _ in range(4)] for _ in range(2)]
        script.append(("both", *wanted, draw.random() < 0.3))
        script += [
            ("end", draw.randrange(2), draw.choice(OUTCOMES), draw.random() < 0.8) for _ in range(3)
        ]
        script.append(("clock", draw.randrange(2), draw.choice([60, 1200, 30_000, -3600]), None))
    world = await play(postgres_url, script)
    assert len(world.through) > 10


async def test_two_daemons_never_both_take_the_last_token(url: str) -> None:
    """Both were told yes; the transaction says no to one of them, with the rule."""
    world = await open_world(url)
    try:
        for _ in range(30):
            world.clock = [world.clock[0] + timedelta(days=8)] * 2
            world.stale.clear()
            for _ in range(2):
                await world.dial(0, [(0, 0)], True)
                await world.end(0, Outcome.NO_ANSWER)
            before = len(world.through)
            # Different numbers of one person: only the cap of the person is in the way.
            await asyncio.gather(world.dial(0, [(0, 1)], True), world.dial(1, [(0, 2)], True))
            assert len(world.through) == before + 1
            while world.open_ones:
                await world.end(1, Outcome.NO_ANSWER)
            world.check()
    finally:
        for one in world.stores:
            await one.close()


claims = st.builds(
    CountSpec,
    unit=st.just(Unit.PERSON),
    event=st.sampled_from(list(Event)),
    span=st.just(Span.LIFETIME),
    limit=st.just(1),
    channels=st.frozensets(st.sampled_from(["voice", "voice_bot", "voice_notice", "sms"])),
    exclude=st.frozensets(st.sampled_from(["direct_prior_consent", "attorney_or_creditor"])),
)


@given(claims, st.integers(0, 2**19 - 1))
def test_the_database_counts_as_the_gate_does(spec: CountSpec, flags: int) -> None:
    made = counter(spec)
    claim = Claim("r", "u", 1, None, made.all_of, made.any_of, made.none_of, made.open_is)
    assert claim.counts(NOW, flags) is made.counts(flags)
    assert OPEN == 1
