"""What goes to the store: in groups, in order, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, CaseNext
from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AgentId, AttemptId, CaseId, attempt_id
from dialer_engine.engine.ledger import Ledger
from dialer_engine.ports.store import AgentEventRow, DispositionRow
from dialer_engine.sim.clock import MONDAY_AT_TEN
from dialer_engine.sim.store import MemoryStore
from tests.engine.house import CARRIER, LOANS, PBX, number, virtual

NOW = MONDAY_AT_TEN


def an_id(index: int) -> AttemptId:
    return attempt_id(1, index.to_bytes(10, "big"))


def draft(index: int) -> AttemptDraft:
    return AttemptDraft(
        an_id(index), LOANS, CaseId(index), number(index), PBX, CARRIER, NOW, "2026-11-23", 3, {}
    )


def end(index: int, outcome: Outcome = Outcome.BUSY) -> AttemptEnd:
    return AttemptEnd(
        an_id(index), outcome, "", 17, 486, None, None, NOW, None, None, None, NOW, None, None
    )


def after(index: int) -> CaseNext:
    return CaseNext(LOANS, CaseId(index), None, "busy", 1)


def ok(ledger: Ledger) -> bool:
    """It changes behind the type checker's back."""
    return ledger.ok


@asynccontextmanager
async def written(store: MemoryStore) -> AsyncIterator[Ledger]:
    ledger = Ledger(store)
    writer = asyncio.get_running_loop().create_task(ledger.write())
    try:
        yield ledger
    finally:
        assert not writer.done(), "the writer died"
        writer.cancel()


@virtual
async def test_what_comes_together_is_written_together() -> None:
    store = MemoryStore()
    async with written(store) as ledger:
        await ledger.begin([draft(i) for i in range(20)])
        for i in range(20):
            ledger.end(end(i), after(i))
        assert ledger.pending == 20
        await ledger.flushed()
    assert store.asked["end_attempts"] == 1
    assert ledger.written == 40
    assert not store.open_ones()


@virtual
async def test_what_comes_while_it_writes_gathers_for_the_next_time() -> None:
    store = MemoryStore()
    store.delays_s = {"end_attempts": 0.02}
    async with written(store) as ledger:
        await ledger.begin([draft(i) for i in range(100)])
        # Twenty calls a second end, for five seconds.
        for i in range(100):
            ledger.end(end(i), after(i))
            await asyncio.sleep(0.05)
        await ledger.flushed()
    assert not store.open_ones()
    assert store.asked["end_attempts"] <= 25


@virtual
async def test_more_than_a_batch_is_not_waited_for() -> None:
    store = MemoryStore()
    loop = asyncio.get_running_loop()
    async with written(store) as ledger:
        await ledger.begin([draft(i) for i in range(1200)])
        began = loop.time()
        for i in range(1200):
            ledger.end(end(i), None)
        await ledger.flushed()
        assert loop.time() - began < 0.3
    assert store.asked["end_attempts"] == 3


@virtual
async def test_a_store_that_fails_gets_the_same_rows_again_in_the_same_order() -> None:
    store = MemoryStore()
    told: list[bool] = []
    async with written(store) as ledger:
        ledger.on_change = lambda ok, detail: told.append(ok)
        await ledger.begin([draft(1), draft(2), draft(3)])
        store.down = "locked"
        for i in (1, 2, 3):
            ledger.end(end(i), after(i))
        ledger.agent_event(AgentEventRow(AgentId("1001"), "login", NOW))
        ledger.agent_event(AgentEventRow(AgentId("1001"), "logout", NOW))
        ledger.postpone(CaseNext(LOANS, CaseId(9), NOW, "outside_window", 0))
        ledger.disposition(DispositionRow(an_id(1), AgentId("1001"), "promise", NOW, "dtmf"))
        await asyncio.sleep(20.0)
        assert not ok(ledger)
        assert ledger.detail == "locked"
        assert ledger.pending == 7
        assert store.asked["end_attempts"] > 3
        store.down = ""
        await ledger.flushed()
    assert ok(ledger)
    assert told == [False, True]
    assert [line for line in store.transcript if line.startswith("end")] == [
        f"end {an_id(i)} busy" for i in (1, 2, 3)
    ]
    assert [row.kind for row in store.events] == ["login", "logout"]
    assert len(store.dispositions) == 1
    assert all(len(one.ends) == 1 for one in store.attempts.values())


@virtual
async def test_retries_become_slower_up_to_a_limit() -> None:
    store = MemoryStore()
    async with written(store) as ledger:
        store.down = "locked"
        ledger.end(end(1), None)
        await asyncio.sleep(2.0)
        first = store.asked["end_attempts"]
        await asyncio.sleep(58.0)
        later = store.asked["end_attempts"] - first
        store.down = ""
        await ledger.flushed()
    assert 3 <= first <= 6
    assert 10 <= later <= 16


@virtual
async def test_a_failed_commit_is_told_and_probed_until_a_write_succeeds() -> None:
    store, probed = MemoryStore(), 0

    async def probe() -> None:
        nonlocal probed
        probed += 1
        await store.alarm("probe", "", NOW)

    async with written(store) as ledger:
        ledger.probe = probe
        store.down = "disk full"
        with pytest.raises(StoreUnavailable):
            await ledger.begin([draft(1)])
        assert not ok(ledger)
        await asyncio.sleep(10.0)
        assert not ok(ledger)
        store.down = ""
        await asyncio.sleep(10.0)
        assert ok(ledger)
    assert probed > 2


@virtual
async def test_what_comes_while_the_store_is_probed_is_written_too() -> None:
    store = MemoryStore()
    async with written(store) as ledger:

        async def probe() -> None:
            ledger.end(end(1), None)
            await asyncio.sleep(0.1)

        store.down = "locked"
        with pytest.raises(StoreUnavailable):
            await ledger.begin([draft(1)])
        store.down = ""
        ledger.probe = probe
        await asyncio.sleep(10.0)
        assert ok(ledger)
        assert ledger.pending == 0
        await asyncio.wait_for(ledger.flushed(), 1.0)


@virtual
async def test_an_outcome_is_not_written_before_the_attempt_that_it_ends() -> None:
    store = MemoryStore()
    store.delays_s = {"begin_attempts": 2.0}
    async with written(store) as ledger:
        committing = asyncio.get_running_loop().create_task(ledger.begin([draft(1)]))
        await asyncio.sleep(0.1)
        ledger.end(end(1, Outcome.CANCELLED), None)
        await committing
        await ledger.flushed()
    assert store.attempts[an_id(1)].end is not None


@virtual
async def test_a_fault_of_the_store_s_own_code_stops_dialling_and_loses_nothing() -> None:
    store, faults = MemoryStore(), 2
    real = store.end_attempts

    async def faulty(ends: object, nexts: object) -> None:
        nonlocal faults
        if faults:
            faults -= 1
            raise KeyError("on purpose")
        await real(ends, nexts)  # type: ignore[arg-type]

    store.end_attempts = faulty  # type: ignore[method-assign]
    async with written(store) as ledger:
        await ledger.begin([draft(1)])
        ledger.end(end(1), None)
        await asyncio.sleep(0.3)
        assert not ok(ledger)
        await ledger.flushed()
        assert ok(ledger)
    assert store.attempts[an_id(1)].end is not None


@virtual
async def test_refused_attempts_come_back_with_the_reason() -> None:
    store = MemoryStore()
    async with written(store) as ledger:
        await ledger.begin([draft(1)])
        same_number = AttemptDraft(
            an_id(2), LOANS, CaseId(2), number(1), PBX, CARRIER, NOW, "2026-11-23", 3, {}
        )
        assert await ledger.begin([same_number]) == {an_id(2): "in_flight"}
    assert ledger.written == 1
