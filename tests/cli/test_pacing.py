"""Commands on pacing that do more than ask and show."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.web.fake_api import FakeEngineApi


def test_set_shows_what_was_and_what_is(run: Run, fake: FakeEngineApi) -> None:
    ran = run("pacing", "set", "spring", "mode=predictive", "target=0.02", "robot_channels=5")
    assert ran.code == 0
    assert fake.asked[-1] == (
        "change_campaign",
        "spring",
        {"mode": "predictive", "target": 0.02, "robot_channels": 5},
    )
    assert fake.who
    assert "progressive" in ran.out
    assert "predictive" in ran.out


def test_a_misspelt_setting_is_refused_before_anything_is_asked(
    run: Run, fake: FakeEngineApi
) -> None:
    ran = run("pacing", "set", "spring", "tarject=0.02")
    assert ran.code == 2
    assert "did you mean target?" in ran.err
    assert run("pacing", "set", "spring", "robot_channels=many").code == 2
    assert fake.asked == []


def test_explain_speaks_chinese(run: Run, fake: FakeEngineApi) -> None:
    assert "新呼2路" in run("pacing", "explain", "spring", "--lang", "zh").out
    both = run("pacing", "explain", "spring", "--lang", "both").out
    assert "2 new calls of 3 wanted." in both
    assert "新呼2路" in both
    assert len(fake.asked) == 2


def test_what_was_learned_is_exported_and_imported(
    run: Run, fake: FakeEngineApi, tmp_path: Path
) -> None:
    file = tmp_path / "learned.json"
    assert run("pacing", "export", "spring", str(file)).code == 0
    learned = json.loads(file.read_text(encoding="utf-8"))
    assert learned["campaign"] == "spring"
    assert json.loads(run("pacing", "export", "spring", "-").out) == learned
    ran = run("pacing", "import-priors", "winter", str(file))
    assert ran.code == 0
    assert ("import_learned", "winter", learned) in fake.asked
    assert "25.0 %" in ran.out


def test_a_file_that_is_no_export_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "junk.json"
    for text, why in (("[1]", "is not what"), ("{", "not JSON")):
        file.write_text(text, encoding="utf-8")
        ran = run("pacing", "import-priors", "winter", str(file))
        assert ran.code == 1
        assert why in ran.err
