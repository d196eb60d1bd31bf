"""A recorded day: from the books of an engine, to a file without personal data, and again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from dialer_engine.app import pacing_record as app
from dialer_engine.app import pacing_replay
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.sim.engine_day import EngineDay, campaign_for, engine_day
from dialer_engine.sim.floor import Break, steady_day
from dialer_engine.sim.replay import Record

T0 = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = replace(steady_day(4, 0.3), length_s=1800.0, breaks=(Break(600.0, 240.0, 60.0),))
CAMPAIGN = campaign_for(DAY, DialMode.PROGRESSIVE)
HEAD = {"day": "2026-11-23", "zone": "Etc/UTC", "start": "", "start_hour": 9.0}


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def books() -> EngineDay:
    return engine_day(DAY, 1, CAMPAIGN)


def record_of(books: EngineDay) -> Record:
    ends = [one.end for one in books.store.attempts.values() if one.end is not None]
    rows = [asdict(end) | {"outcome": end.outcome.value} for end in ends]
    events = sorted(
        ((one.agent, one.kind, one.at, one.attempt) for one in books.store.events),
        key=lambda e: e[0],
    )
    return app.build(rows, events, books.begin - timedelta(hours=1), books.end)


def written(record: Record, file: Path) -> Path:
    file.write_text("\n".join(app.lines(record, CAMPAIGN, HEAD)) + "\n", encoding="utf-8")
    return file


def test_the_file_is_read_back(books: EngineDay, tmp_path: Path) -> None:
    record = record_of(books)
    head, again = app.read(written(record, tmp_path / "day.jsonl"))
    assert head["campaign"] == CAMPAIGN.name
    assert again.settings["mode"] == "progressive"
    assert len(again.calls) == len(record.calls) == len(books.store.attempts)
    assert [len(spans) for spans in again.spans] == [2, 2, 2, 2]
    assert {call.end for call in again.calls} >= {CallEnd.LIVE, CallEnd.MACHINE, CallEnd.NO_ANSWER}
    talks = [call for call in again.calls if call.talk_s is not None]
    assert talks
    assert sum(call.wrap_s is not None for call in talks) >= len(talks) - 4


def test_nothing_personal_is_in_it(books: EngineDay, tmp_path: Path) -> None:
    text = written(record_of(books), tmp_path / "day.jsonl").read_text(encoding="utf-8")
    for attempt in books.store.attempts.values():
        for secret in (attempt.draft.id, attempt.draft.number, f"CASE-{attempt.draft.case_id}"):
            assert secret not in text
    keys = {
        key for line in text.splitlines()[1:] for one in json.loads(line).values() for key in one
    }
    assert keys == {"at", "end", "ring_s", "talk_s", "wrap_s", "n", "spans"}


def test_the_same_policy_makes_the_same_day(books: EngineDay, tmp_path: Path) -> None:
    file = written(record_of(books), tmp_path / "day.jsonl")
    found = pacing_replay.replay(file, {}, seeds=2)
    was, row = found["recorded"], found["rows"][0]
    assert row["policy"] == "progressive"
    assert row["attempts"]["mean"] == pytest.approx(was["attempts"], rel=0.05)
    assert row["utilization"]["mean"] == pytest.approx(was["utilization"], abs=0.03)
    assert row["abandonment"]["mean"] == was["abandonment"] == 0.0


def test_another_policy_makes_more_of_the_same_people(books: EngineDay, tmp_path: Path) -> None:
    file = written(record_of(books), tmp_path / "day.jsonl")
    found = pacing_replay.replay(file, {"ratio": 3.0}, ["progressive", "ratio"], seeds=2)
    one, three = found["rows"]
    assert three["utilization"]["mean"] > one["utilization"]["mean"]
    assert three["drawn"]["mean"] > 0
    assert found["settings"]["ratio"] == 3.0


def row(seconds: float, outcome: str, **more: Any) -> dict[str, Any]:
    sent = T0 + timedelta(seconds=seconds)
    ended = sent + timedelta(seconds=5)
    base = {"id": f"a-{seconds}", "originated_at": sent, "answered_at": None, "ended_at": ended, "outcome": outcome,
            "talk_s": None, "waited_s": None}  # fmt: skip
    return base | more


def event(
    seconds: float, kind: str, attempt: str | None = None
) -> tuple[str, str, datetime, str | None]:
    return ("1001", kind, T0 + timedelta(seconds=seconds), attempt)


def test_what_each_row_becomes() -> None:
    rows = [
        row(10, "hung_up_early", answered_at=T0 + timedelta(seconds=13), waited_s=0.7),
        row(0, "completed", answered_at=T0 + timedelta(seconds=4), talk_s=30.0),
        row(40, "cancelled"),
        row(50, "congestion"),
        {**row(60, "lost"), "originated_at": None},
    ]
    events = [
        event(-60, "login"), event(-59, "idle"), event(4, "talk", "a-0"), event(34, "wrap_up", "a-0"),
        event(36, "break"), event(41, "idle"), event(45, "ready"),
    ]  # fmt: skip
    record = app.build(rows, events, T0 - timedelta(hours=1), T0 + timedelta(hours=1))
    ends = [(call.end, call.ring_s) for call in record.calls]
    assert ends == [
        (CallEnd.LIVE, 4.0), (CallEnd.LIVE, 3.0), (CallEnd.CANCELLED, 5.0), (CallEnd.CONGESTION, 5.0),
    ]  # fmt: skip
    assert (record.calls[0].talk_s, record.calls[0].wrap_s) == (30.0, 7.0)
    assert record.calls[1].patience_s == 0.7
    # The break was asked for in the wrap-up and began after it; it was too short to count.
    assert list(record.spans[0]) == [(0.0, 51.0)]


def test_a_day_without_anything_is_refused() -> None:
    with pytest.raises(BadValue, match="nothing was dialled"):
        app.build([], [], T0, T0)
    with pytest.raises(BadValue, match="no agent"):
        app.build([row(0, "busy")], [], T0 - timedelta(hours=1), T0 + timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "export-day"),
        ('{"format": "other"}', "export-day"),
        ("{", "line 1 is not JSON"),
        ("[]", "line 1 is not an object"),
        ('{"format": "dialer-pacing-day", "version": 1}', "length_s"),
        (
            '{"format": "dialer-pacing-day", "version": 1, "length_s": 9}\n{"call": {"at": 1}}',
            "line 2",
        ),
        ('{"format": "dialer-pacing-day", "version": 1, "length_s": 9}', "no agents"),
    ],
)
def test_a_file_that_is_wrong_says_where(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadValue, match=why):
        app.read(file)
