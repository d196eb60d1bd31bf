"""Which recordings are to be looked at, and what was found."""

from __future__ import annotations

from dialer_engine.domain.outcome import Outcome
from dialer_engine.ports.store import ExpectedRecording, RecordingRow
from dialer_engine.store import SqlStore
from tests.store.building import LOANS, NOW, at, case, draft, end, fill


async def test_answered_attempts_wait_until_there_is_a_row(store: SqlStore) -> None:
    await fill(store, [case(index) for index in range(1, 5)])
    talk, busy, gone, still_up = (draft(index, index) for index in range(1, 5))
    await store.begin_attempts([talk, busy, gone, still_up])
    await store.end_attempts(
        [
            end(talk.id, Outcome.COMPLETED, agent="1001", answered=5, bridged=6, ended=66),
            end(busy.id, Outcome.BUSY),
            end(gone.id, Outcome.ABANDONED, answered=5, ended=9.5),
        ],
        [],
    )
    first, second = await store.expected_recordings(10)
    assert first == ExpectedRecording(talk.id, LOANS, NOW, at(5), at(6), at(66), 61.0, 60.0)
    assert (second.attempt, second.bridged_at, second.answered_s) == (gone.id, None, 4.5)
    assert await store.expected_recordings(1) == [first]
    await store.save_recordings([RecordingRow(talk.id, "2026/11/23/x.wav", "verified")])
    assert await store.expected_recordings(10) == [second]


async def test_a_later_look_replaces_the_row(store: SqlStore) -> None:
    await fill(store, [case(1)])
    mine = draft(1, 1)
    await store.begin_attempts([mine])
    await store.end_attempts([end(mine.id, Outcome.COMPLETED, answered=1, bridged=2)], [])
    await store.save_recordings([RecordingRow(mine.id, "x.wav", "missing", problems=("no file",))])
    found = RecordingRow(
        mine.id, "x.wav", "verified", 29.0, 28.0, 464_000, "ab" * 32, (), checked_at=at(60)
    )
    await store.save_recordings([found])
    await store.save_recordings([])
    call = await store.call(mine.id)
    assert call["recording"] == {
        "path": "x.wav", "status": "verified", "duration_s": 29.0, "talk_s": 28.0,
        "size_bytes": 464_000, "sha256": "ab" * 32, "problems": [], "checked_at": at(60),
    }  # fmt: skip
