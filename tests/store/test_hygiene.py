"""What calls teach about numbers, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AgentId, AttemptId, CaseId
from dialer_engine.ports.store import DispositionRow
from dialer_engine.store import SqlStore
from tests.store.building import LOANS, NOW, at, case, draft_for, due, end, fill, follow, number


async def call(
    store: SqlStore,
    case_id: int,
    outcome: Outcome,
    *,
    rank: int = 0,
    again: bool = True,
    minute: int = 0,
) -> AttemptId:
    """One call of the case's turn; rank: the next turn that the strategy wants."""
    (one,) = [c for c in await due(store, now=at(86400)) if c.case_id == case_id]
    made = draft_for(one, cap=99)
    assert await store.begin_attempts([made]) == {}
    talk = {"answered": 5.0, "bridged": 6.0} if outcome is Outcome.COMPLETED else {}
    done = end(made.id, outcome, agent="1001" if talk else None, **talk)
    done = replace(done, ended_at=done.ended_at + timedelta(minutes=minute))
    following = follow(case_id, NOW if again else None, tries=one.tries + 1, rank=rank)
    if not again:
        following = replace(following, reason=outcome.value)
    await store.end_attempts([done], [following])
    return made.id


async def numbers_of(store: SqlStore, reference: str) -> list[str]:
    """What may be dialled, by the file of the case."""
    file = await store.case_file(reference, NOW, reveal=True)
    return [c["value"] for c in file["contacts"] if c["dialled"]]


async def word(store: SqlStore, attempt: AttemptId, code: str) -> None:
    await store.disposition(DispositionRow(attempt, AgentId("1001"), code, NOW, "screen", ""))


async def test_a_number_that_is_empty_twice_makes_way_for_the_next(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=3)])
    await call(store, 1, Outcome.INVALID_NUMBER)
    assert await numbers_of(store, "C1") == [number(10), number(11), number(12)]
    await call(store, 1, Outcome.INVALID_NUMBER, rank=1)
    assert await numbers_of(store, "C1") == [number(11), number(12)]
    # The strategy wanted the second number next: it is that one, not the third.
    assert [c.number for c in await due(store)] == [number(11)]
    (told,) = [e for e in (await store.case_file("C1", NOW))["record"] if e["kind"] == "number"]
    assert told["data"]["state"] == "empty"
    assert (told["data"]["in_a_row"], told["data"]["calls"]) == (2, 2)


async def test_an_answer_between_clears_the_count(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2)])
    for outcome in (Outcome.INVALID_NUMBER, Outcome.HUNG_UP_EARLY, Outcome.INVALID_NUMBER):
        await call(store, 1, outcome)
    assert len(await numbers_of(store, "C1")) == 2


async def test_our_own_fault_teaches_nothing(store: SqlStore) -> None:
    await fill(store, [case(1)])
    for _ in range(4):
        await call(store, 1, Outcome.CONGESTION)
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].numbers == 1


async def test_no_number_left_sets_the_case_aside_in_every_campaign_and_every_case(
    store: SqlStore,
) -> None:
    shared = Case("C2", "Other", (Number(number(1)), Number(number(2))))
    await fill(store, [case(1), shared])
    await call(store, 1, Outcome.OUT_OF_SERVICE)
    await call(store, 1, Outcome.OUT_OF_SERVICE)
    await call(store, 1, Outcome.OUT_OF_SERVICE)
    assert [c.reference for c in await due(store)] == ["C2"]
    assert await numbers_of(store, "C2") == [number(2)]
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].numbers == 0
    assert await reason(store, 1) == "no_number"


async def reason(store: SqlStore, case_id: int) -> str:
    (row,) = [r for r in await store.case_campaigns(CaseId(case_id)) if r["campaign"] == LOANS]
    return str(row["reason"])


async def test_an_import_does_not_bring_it_back_and_a_reset_does(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2)])
    await call(store, 1, Outcome.INVALID_NUMBER)
    await call(store, 1, Outcome.INVALID_NUMBER)
    await store.import_batch(LOANS, [replace(case(1, numbers=2), priority=5)], NOW)
    assert await numbers_of(store, "C1") == [number(11)]
    (bad,) = [n for n in await store.case_numbers("C1") if not n["dialled"]]
    assert (bad["state"], bad["why"]["in_a_row"]) == ("empty", 2)
    assert await store.reset_number("C1", bad["id"], NOW, by="me") == 1
    assert await numbers_of(store, "C1") == [number(10), number(11)]
    await call(store, 1, Outcome.INVALID_NUMBER)
    assert len(await numbers_of(store, "C1")) == 2


async def test_a_reset_makes_a_case_without_numbers_due_again(store: SqlStore) -> None:
    await fill(store, [case(1)])
    await call(store, 1, Outcome.INVALID_NUMBER)
    await call(store, 1, Outcome.INVALID_NUMBER)
    assert await due(store) == []
    (bad,) = await store.case_numbers("C1")
    await store.reset_number("C1", bad["id"], NOW, by="me")
    assert [c.number for c in await due(store)] == [number(1)]


async def test_a_wrong_person_is_wrong_for_this_debtor_only(store: SqlStore) -> None:
    both = Number(number(7)), Number(number(8))
    await fill(
        store,
        [
            Case("C1", "Kit", both, id_number="ID-1"),
            Case("C2", "Kit", both, id_number="ID-1"),
            Case("C3", "Ash", both, id_number="ID-3"),
        ],
    )
    attempt = await call(store, 1, Outcome.COMPLETED, again=False)
    await word(store, attempt, "wrong_person")
    listed = [await numbers_of(store, ref) for ref in ("C1", "C2", "C3")]
    assert listed == [[number(8)], [number(8)], [number(7), number(8)]]
    # The talk had ended the case; somebody else's does not.
    assert [c.number for c in await due(store) if c.case_id == 1] == [number(8)]


async def test_the_word_may_come_before_the_outcome(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2)])
    (one,) = await due(store)
    made = draft_for(one)
    await store.begin_attempts([made])
    await word(store, made.id, "wrong_person")
    done = end(made.id, Outcome.COMPLETED, agent="1001", answered=5.0, bridged=6.0)
    following = replace(follow(1, None, tries=1), reason="completed")
    await store.end_attempts([done], [following])
    assert [c.number for c in await due(store, now=at(60))] == [number(11)]


async def test_the_newest_word_counts(store: SqlStore) -> None:
    await fill(store, [case(1, numbers=2)])
    attempt = await call(store, 1, Outcome.COMPLETED, again=False)
    await word(store, attempt, "wrong_person")
    await word(store, attempt, "promise")
    assert await numbers_of(store, "C1") == [number(10), number(11)]
    assert await due(store) == []


async def test_the_only_number_is_wrong(store: SqlStore) -> None:
    await fill(store, [case(1)])
    attempt = await call(store, 1, Outcome.COMPLETED, again=False)
    await word(store, attempt, "wrong_person")
    assert await due(store) == []
    assert await reason(store, 1) == "no_number"


async def test_the_best_hour_is_a_fact(store: SqlStore) -> None:
    await fill(store, [case(1)])
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].best_hour is None
    await call(store, 1, Outcome.HUNG_UP_EARLY)
    # NOW is a Monday at 10:00 in London.
    assert (await store.case_facts([CaseId(1)], NOW))[CaseId(1)].best_hour == 10
    saturday = NOW + timedelta(days=5)
    assert (await store.case_facts([CaseId(1)], saturday))[CaseId(1)].best_hour is None


async def test_an_outcome_that_is_written_again_is_learned_once(store: SqlStore) -> None:
    await fill(store, [case(1)])
    (one,) = await due(store)
    made = draft_for(one)
    await store.begin_attempts([made])
    done, after = end(made.id, Outcome.INVALID_NUMBER), follow(1, NOW)
    await store.end_attempts([done], [after])
    await store.end_attempts([done], [after])
    (known,) = await store.case_numbers("C1")
    assert (known["calls"], known["dialled"]) == (1, True)
