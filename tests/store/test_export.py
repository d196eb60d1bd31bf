"""Rows out of the store: masked unless it is asked for, and complete."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import AgentId, CampaignName
from dialer_engine.ports.store import DispositionRow, RecordingRow
from dialer_engine.store import Form, SqlStore, export_attempts, export_cases, import_cases
from dialer_engine.store.numbers import masked
from tests.store.building import CARDS, LOANS, NOW, at, case, draft, end, fill, number


def table(path: Path) -> list[dict[str, str]]:
    """The rows of an exported CSV."""
    with path.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


async def test_attempts_with_what_belongs_to_them(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [case(1), case(2)])
    talk, still_open = draft(1, 1), draft(2, 2)
    await store.begin_attempts([talk, still_open])
    done = end(talk.id, Outcome.COMPLETED, agent="1001", answered=1, bridged=2, ended=32)
    await store.end_attempts([done], [])
    await store.save_recordings([RecordingRow(talk.id, "x", "verified")])
    for code in ("refused", "promise"):
        await store.disposition(DispositionRow(talk.id, AgentId("1001"), code, NOW, "cli"))
    path = tmp_path / "attempts.csv"
    assert await export_attempts(store, path) == 2
    first, second = table(path)
    assert (first["id"], first["campaign"], first["reference"]) == (talk.id, "loans", "C1")
    assert (first["outcome"], first["talk_s"], first["agent"]) == ("completed", "30.0", "1001")
    assert (first["recording"], first["disposition"]) == ("verified", "promise")
    assert first["answered_at"] == at(1).isoformat()
    assert first["number"] == masked(number(1))
    assert (second["outcome"], second["recovered"]) == ("", "no")
    assert number(1) not in path.read_text(encoding="utf-8-sig")
    assert path.stat().st_mode & 0o777 == 0o600
    assert await export_attempts(store, path, reveal=True) == 2
    assert table(path)[0]["number"] == number(1)


async def test_the_span_and_the_campaign_cut(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [case(1)])
    await fill(store, [case(2)], campaign=CARDS)
    await store.begin_attempts([draft(1, 1), draft(2, 2, campaign=CARDS)])
    path = tmp_path / "attempts.csv"
    assert await export_attempts(store, path, campaign=CARDS) == 1
    assert await export_attempts(store, path, since=at(1)) == 0
    assert await export_attempts(store, path, since=NOW, until=at(1)) == 2
    with pytest.raises(NotFound):
        await export_attempts(store, path, campaign=CampaignName("nobody"))


async def test_pages_lose_and_double_nothing(store: SqlStore, tmp_path: Path) -> None:
    count = 2_100
    await fill(store, [case(index % 1000, numbers=1) for index in range(1000)])
    drafts = [draft(index, index) for index in range(count)]
    for first in range(0, count, 700):
        await store.begin_attempts(drafts[first : first + 700])
    seen: list[int] = []
    path = tmp_path / "attempts.jsonl"
    assert await export_attempts(store, path, form=Form.JSONL, on_progress=seen.append) == count
    assert seen == [1000, 2000, 2100]
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == [d.id for d in drafts]


async def test_cases_hide_the_person_unless_revealed(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [case(1, numbers=2)])
    path = tmp_path / "cases.jsonl"
    assert await export_cases(store, path, campaign=LOANS, form=Form.JSONL) == 1
    (hidden,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert "name" not in hidden
    assert hidden["numbers"] == [masked(number(10)), masked(number(11))]
    assert (hidden["reference"], hidden["tries"], hidden["due_at"]) == ("C1", 0, NOW.isoformat())
    await export_cases(store, path, form=Form.JSONL, reveal=True)
    (shown,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (shown["name"], shown["numbers"]) == ("Debtor 1", [number(10), number(11)])


async def test_what_is_revealed_can_be_imported_again(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    rows = "ref,name,numbers,balance,dpd,priority\nA1,王,07700900001;07700900002,12.50,3,4\n"
    source = tmp_path / "in.csv"
    source.write_text(rows, encoding="utf-8")
    await import_cases(store, source, campaign=None, region="GB")
    out = tmp_path / "out.csv"
    await export_cases(store, out, reveal=True)
    again = await import_cases(store, out, campaign=LOANS, region="GB")
    assert (again.unchanged, again.new, again.updated, again.rejected) == (1, 0, 0, 0)


async def test_a_spreadsheet_finds_no_formula(store: SqlStore, tmp_path: Path) -> None:
    bad = Case("=1+1", '=HYPERLINK("x")', (Number(number(1)),), skill="+cmd")
    await fill(store, [bad])
    path = tmp_path / "cases.csv"
    await export_cases(store, path, reveal=True)
    (row,) = table(path)
    assert (row["reference"], row["name"], row["skill"]) == ("'=1+1", '\'=HYPERLINK("x")', "'+cmd")
    assert row["numbers"] == number(1)


async def test_a_file_that_cannot_be_written_is_told(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="No such file"):
        await export_cases(store, tmp_path / "none" / "cases.csv")


async def test_a_failed_export_leaves_the_old_file(store: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "attempts.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(NotFound):
        await export_attempts(store, path, campaign=CampaignName("nobody"))
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.glob("*.part")) == []
