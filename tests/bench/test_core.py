"""The engine between twins really dials, answers and ends; what is measured is no empty loop."""

from __future__ import annotations

from pathlib import Path

from tools.bench import book, core, wire


def test_every_call_of_the_measure_lives_and_ends() -> None:
    found = core.measure(short=True)
    # Five events from the PBX for each call, none of them illegal (asserted inside).
    assert found["engine"]["events_per_s"] >= 4 * found["engine"]["calls_per_s"]
    # The bucket refills a little while it is emptied.
    assert 25 <= found["tick"]["calls_dialled_per_tick"] <= 27


def test_every_attempt_of_the_measure_is_written(tmp_path: Path) -> None:
    found = book.measure(tmp_path / "store", short=True)
    assert found["begin_ms"]["n"] * found["begin_ms"]["rows"] == 1000
    assert found["attempts_ended_per_s"] > 0
    assert not (tmp_path / "store").exists()


def test_the_link_and_panoramisk_get_the_same_events() -> None:
    found = wire.compare(2000)
    assert set(found) == {"all_wanted", "one_in_ten_wanted"}
