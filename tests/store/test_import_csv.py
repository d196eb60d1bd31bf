"""An import is idempotent, takes what is good, and says what is not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import AttemptId, CampaignName
from dialer_engine.store import ImportSummary, SqlStore, import_cases, load_mapping, parse_mapping
from tests.store.building import CARDS, LOANS, NOW, at, due, fill, follow, number, write_csv

_HEADER = ["案件编号", "姓名", "手机", "电话2", "欠款", "优先级"]


def row(index: int, **change: str) -> list[str]:
    """Case R<index> on number(index)."""
    cells = {"ref": f"R{index}", "name": "王", "mobile": f"07700900{index:03d}"}
    cells |= {"phone": "", "balance": "1,000.00", "priority": "0"} | change
    return list(cells.values())


async def run(
    store: SqlStore, path: Path, campaign: CampaignName | None = LOANS, **more: object
) -> ImportSummary:
    """Import as British, due at once."""
    options = {"region": "GB", "currency": "CNY", "due_at": NOW} | more
    return await import_cases(store, path, campaign=campaign, **options)  # type: ignore[arg-type]


def counts(found: ImportSummary) -> tuple[int, int, int, int]:
    """New, updated, unchanged, rejected."""
    return found.new, found.updated, found.unchanged, found.rejected


async def test_a_file_comes_in_and_again_changes_nothing(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    rows = [_HEADER, *(row(index) for index in range(1, 801))]
    path = write_csv(tmp_path / "cases.csv", rows, "gb18030")
    progress: list[tuple[int, int]] = []
    first = await run(store, path, on_progress=lambda done, whole: progress.append((done, whole)))
    assert counts(first) == (800, 0, 0, 0)
    assert (first.rows, first.joined, first.encoding, first.rejects) == (800, 800, "gb18030", None)
    assert first.columns["reference"] == "案件编号"
    assert progress[-1] == (path.stat().st_size, path.stat().st_size)
    before = await due(store, 1000)
    second = await run(store, path)
    assert counts(second) == (0, 0, 800, 0)
    assert second.joined == 0
    assert await due(store, 1000) == before
    assert not (tmp_path / "cases.rejects.csv").exists()


async def test_a_changed_field_updates_and_keeps_the_tries(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    path = write_csv(tmp_path / "a.csv", [_HEADER, row(1), row(2), row(3)])
    await run(store, path)
    (first, *_) = await due(store)
    await store.postpone([follow(first.case_id, at(600), tries=2)])
    changed = [row(1, phone="07700900900", priority="5"), row(2), row(3, balance="7"), row(4)]
    found = await run(store, write_csv(tmp_path / "b.csv", [_HEADER, *changed]))
    assert counts(found) == (1, 2, 1, 0)
    assert found.joined == 1
    assert [c.reference for c in await due(store)] == ["R2", "R3", "R4"]
    (again, *_) = await due(store, now=at(600))
    assert (again.reference, again.priority, again.tries, again.number_count) == ("R1", 5, 2, 2)
    nobody = AttemptId("a-none")
    screen = (await store.screens({nobody: again.case_id}))[nobody]
    assert screen.balance == "1,000.00 CNY"


async def test_good_rows_are_in_and_bad_ones_are_told(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    rows = [
        _HEADER,
        row(1),
        row(2, balance="lots"),
        row(3, mobile="12"),
        row(4, phone="12"),
        row(1),
    ]
    path = write_csv(tmp_path / "cases.csv", rows)
    found = await run(store, path)
    assert counts(found) == (2, 0, 0, 3)
    assert found.numbers_skipped == 1
    assert found.rejects == tmp_path / "cases.rejects.csv"
    assert found.rejects.stat().st_mode & 0o777 == 0o600
    with found.rejects.open(encoding="utf-8-sig", newline="") as source:
        told = list(csv.DictReader(source))
    assert [(t["line"], t["column"], t["imported"]) for t in told] == [
        ("3", "欠款", "no"), ("4", "手机", "no"), ("5", "电话2", "yes"), ("6", "案件编号", "no"),
    ]  # fmt: skip
    assert "line 2 has the same reference" in told[3]["reason"]
    assert told[0]["案件编号"] == "R2"
    assert [c.reference for c in await due(store)] == ["R1", "R4"]


async def test_a_corrected_reject_file_can_be_imported(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    found = await run(store, write_csv(tmp_path / "cases.csv", [_HEADER, row(1, balance="lots")]))
    assert found.rejects is not None
    text = found.rejects.read_text(encoding="utf-8-sig")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(text.replace("lots", "12.50"), encoding="utf-8")
    assert counts(await run(store, corrected)) == (1, 0, 0, 0)


async def test_cases_may_come_in_without_a_campaign_and_join_later(
    store: SqlStore, tmp_path: Path
) -> None:
    await fill(store, [])
    await fill(store, [], campaign=CARDS)
    path = write_csv(tmp_path / "cases.csv", [_HEADER, row(1)])
    assert (await run(store, path, None)).joined == 0
    assert await due(store) == []
    assert (await run(store, path)).joined == 1
    assert (await run(store, path, CARDS)).joined == 1
    assert [c.number for c in await due(store, campaign=CARDS)] == [number(1)]


async def test_what_cannot_be_used_at_all_changes_nothing(store: SqlStore, tmp_path: Path) -> None:
    await fill(store, [])
    with pytest.raises(BadValue, match="case reference"):
        await run(store, write_csv(tmp_path / "a.csv", [["foo", "手机"], ["1", "2"]]))
    good = write_csv(tmp_path / "b.csv", [_HEADER, row(1)])
    with pytest.raises(NotFound):
        await run(store, good, CampaignName("nobody"))
    assert await due(store) == []


def test_mappings_from_the_command_line_and_from_a_file(tmp_path: Path) -> None:
    assert parse_mapping(["reference=案件编号", "mobile=a=b"]) == {
        "reference": "案件编号",
        "mobile": "a=b",
    }
    with pytest.raises(BadValue, match="FIELD=COLUMN"):
        parse_mapping(["reference"])
    path = tmp_path / "map.yaml"
    path.write_text("reference: 案件编号\nmobile: 手机\n", encoding="utf-8")
    assert load_mapping(path) == {"reference": "案件编号", "mobile": "手机"}
    path.write_text("- a\n", encoding="utf-8")
    with pytest.raises(BadValue, match="write lines such as"):
        load_mapping(path)


_cells = st.fixed_dictionaries(
    {
        "ref": st.sampled_from(["R1", "R2", "R3", "R4", ""]),
        "name": st.text(max_size=5),
        "mobile": st.sampled_from(["07700900001", "07700900002", "12", ""]),
        "phone": st.sampled_from(["07700900003", "x", ""]),
        "balance": st.sampled_from(["1", "2.50", "bad", ""]),
        "priority": st.sampled_from(["0", "1", "x", ""]),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(_cells, max_size=8), encoding=st.sampled_from(["utf-8", "utf-16"]))
async def test_any_file_twice_is_any_file_once(
    store: SqlStore, tmp_path: Path, rows: list[dict[str, str]], encoding: str
) -> None:
    await fill(store, [])
    path = write_csv(tmp_path / "any.csv", [_HEADER, *(list(r.values()) for r in rows)], encoding)
    first = await run(store, path)
    assert first.rows == sum(any(cell.strip() for cell in r.values()) for r in rows)
    assert first.new + first.updated + first.unchanged + first.rejected == first.rows
    second = await run(store, path)
    assert second.unchanged == first.rows - first.rejected
    assert (second.new, second.updated, second.rejected) == (0, 0, first.rejected)
