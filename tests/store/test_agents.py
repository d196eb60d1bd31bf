"""Agents, their day as it is written, and what they say of their talks."""

from __future__ import annotations

from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import AgentId, AttemptId
from dialer_engine.ports.store import AgentAtWork, AgentEventRow, AgentRow, DispositionRow
from dialer_engine.store import SqlStore
from tests.store.building import NOW, at, case, draft, fill

ANN, BOB = AgentId("1001"), AgentId("1002")


def event(agent: AgentId, kind: str, seconds: float, reason: str = "") -> AgentEventRow:
    """An event so many seconds after NOW."""
    return AgentEventRow(agent, kind, at(seconds), reason)


async def test_an_agent_comes_back_as_saved_last(store: SqlStore) -> None:
    first = AgentRow(ANN, "Ann", "agent-1001", "$argon2id$x", frozenset({"english", "legal"}))
    await store.save_agent(first)
    assert await store.agents() == [first]
    second = AgentRow(ANN, "Anne", "agent-1", "$argon2id$y", frozenset(), AgentMode.RING, "pbx2")
    await store.save_agent(second)
    await store.save_agent(AgentRow(BOB))
    assert await store.agents() == [second, AgentRow(BOB)]


async def test_who_is_at_work_and_since_when(store: SqlStore) -> None:
    await store.agent_events([event(ANN, "login", 0), event(BOB, "login", 1)])
    await store.agent_events([event(ANN, "break", 2, "lunch"), event(BOB, "talk", 3)])
    assert await store.agents_at_work() == [
        AgentAtWork(ANN, Presence.BREAK, "lunch", at(2)),
        AgentAtWork(BOB, Presence.READY, "", at(1)),
    ]
    await store.agent_events([event(ANN, "ready", 4), event(BOB, "logout", 5)])
    assert await store.agents_at_work() == [AgentAtWork(ANN, Presence.READY, "", at(4))]


async def test_the_last_word_in_one_batch_counts(store: SqlStore) -> None:
    await store.agent_events(
        [event(ANN, "login", 0), event(ANN, "break", 0), event(ANN, "ready", 0)]
    )
    (found,) = await store.agents_at_work()
    assert found.presence is Presence.READY
    await store.agent_events([])


async def test_dispositions_are_kept_newest_first(store: SqlStore) -> None:
    await fill(store, [case(1)])
    mine = draft(1, 1)
    await store.begin_attempts([mine])
    await store.disposition(DispositionRow(mine.id, ANN, "promise", NOW, "dtmf"))
    await store.disposition(DispositionRow(mine.id, ANN, "refused", at(9), "cli", "changed mind"))
    call = await store.call(mine.id)
    assert [said["code"] for said in call["dispositions"]] == ["refused", "promise"]
    assert call["dispositions"][0] == {
        "code": "refused", "agent_id": ANN, "at": at(9), "via": "cli", "note": "changed mind",
    }  # fmt: skip


async def test_the_attempt_of_a_talk_is_kept(store: SqlStore) -> None:
    talk = AgentEventRow(ANN, "talk", NOW, attempt=AttemptId("a-1"))
    await store.agent_events([event(ANN, "login", 0), talk])
    report = await store.report(None, None, at(10))
    assert report.agents[0]["talk_s"] == 10.0
