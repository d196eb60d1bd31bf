"""Invented debtors: numbers that nobody has, files that the import takes, the same for the same seed."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from tools.rig.people import noon_zone, numbers, write_cases


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def test_every_number_is_of_a_range_for_drama_and_valid_in_form() -> None:
    pool = list(numbers())
    assert len(pool) == len(set(pool)) == 16_000
    # https://www.ofcom.org.uk: numbers for TV and radio drama end in 000 to 999 of these blocks.
    blocks = {"+447700900", "+442079460", "+442896496", "+442920180"}
    assert {one[:-3] for one in pool} >= blocks
    for one in pool[::97]:
        assert phonenumbers.is_possible_number(phonenumbers.parse(one))


def test_the_same_seed_gives_the_same_people(tmp_path: Path) -> None:
    first, again, other = tmp_path / "1.csv", tmp_path / "2.csv", tmp_path / "3.csv"
    assert write_cases(first, 50, 7) == 50
    write_cases(again, 50, 7)
    write_cases(other, 50, 8)
    assert first.read_bytes() == again.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_each_case_is_whole_and_no_number_is_used_twice(tmp_path: Path) -> None:
    write_cases(tmp_path / "cases.csv", 400, 1)
    found = rows(tmp_path / "cases.csv")
    assert len({row["reference"] for row in found}) == 400
    used = [row[key] for row in found for key in ("mobile", "phone2") if row[key]]
    assert len(used) == len(set(used)) == 480
    for row in found:
        assert float(row["balance"]) > 0
        assert 1 <= int(row["days_past_due"]) <= 120
        assert row["currency"] == "GBP"


def test_special_numbers_go_first_and_spare_ones_can_be_left_out(tmp_path: Path) -> None:
    special = ["+441632960001", "+441632960002"]
    write_cases(tmp_path / "cases.csv", 10, 1, special, spare=False)
    found = rows(tmp_path / "cases.csv")
    assert [row["mobile"] for row in found[:2]] == special
    assert not any(row["phone2"] for row in found)


@pytest.mark.parametrize("hour", range(24))
def test_it_is_about_noon_where_they_live(hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 23, hour, 30, tzinfo=UTC)

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return at

    monkeypatch.setattr("tools.rig.people.datetime", Frozen)
    assert at.astimezone(ZoneInfo(noon_zone())).hour == 12
