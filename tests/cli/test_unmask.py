"""Every command that can print personal fields: masked, refused, and on record when it is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer_engine.app import unmask
from tests.cli.conftest import Run
from tests.cli.test_cases_life import FULL, book  # noqa: F401 - fixture
from tests.cli.test_offline import here, store  # noqa: F401 - fixtures

SECRETS = ("Kit Maple", "900001", "Maple")
COMMANDS = (
    ("cases", "show", "C1"),
    ("cases", "numbers", "C1"),
    ("export", "cases", "--to", "OUT"),
    ("export", "attempts", "--to", "OUT"),
    ("export", "case", "--case", "C1", "--to", "OUT"),
)


def told(command: tuple[str, ...], run: Run, folder: Path, *more: str) -> tuple[int, str]:
    """Exit code, and all that came out: of a file too."""
    out = folder / "out.file"
    out.unlink(missing_ok=True)
    ran = run(*(str(out) if one == "OUT" else one for one in command), *more)
    written = out.read_text(encoding="utf-8") if out.exists() else ""
    return ran.code, ran.out + ran.err + written


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_masked_unless_asked(
    book: Run,  # noqa: F811
    tmp_path: Path,
    command: tuple[str, ...],
    form: tuple[str, ...],
) -> None:
    code, shown = told(command, book, tmp_path, *form)
    assert code == 0
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_in_full_with_a_name_and_a_reason_and_on_record(
    book: Run,  # noqa: F811
    tmp_path: Path,
    command: tuple[str, ...],
) -> None:
    for half in (("--unmask",), ("--unmask", "--who", "Robin"), ("--why", "audit")):
        assert told(command, book, tmp_path, *half)[0] == 2
    before = book("evidence", "verify", "--json").json["records"]
    code, shown = told(command, book, tmp_path, *FULL)
    assert code == 0
    if command[1] != "attempts":
        assert "900001" in shown
    verified = book("evidence", "verify", "--json").json
    assert (verified["ok"], verified["records"]) == (True, before + 1)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_the_right_nothing_is_shown_and_nothing_is_written(
    book: Run,  # noqa: F811
    tmp_path: Path,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unmask, "person", lambda: "robin")
    monkeypatch.setattr(unmask, "_groups", lambda user: ["agents"])
    right = ("--set", "personal.unmask=[supervisors]")
    code, shown = told(command, book, tmp_path, *FULL, *right)
    assert code == 3
    assert "robin may not see personal fields" in shown
    assert not [secret for secret in SECRETS if secret in shown]
    assert book("evidence", "verify", "--json").json["records"] == 0
    right = ("--set", "personal.unmask=[supervisors, agents]")
    assert told(command, book, tmp_path, *FULL, *right)[0] == 0


def test_a_look_at_a_case_is_in_its_evidence(book: Run, tmp_path: Path) -> None:  # noqa: F811
    assert book("cases", "numbers", "C1", *FULL).code == 0
    file = tmp_path / "evidence.json"
    assert book("evidence", "export", "C1", "--to", str(file)).code == 0
    text = file.read_text()
    assert "unmasked" in text
    assert "Robin Poplar" in text
