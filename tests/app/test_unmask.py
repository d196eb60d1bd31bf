"""Who may see personal fields: users and groups of the system, and what a screen shows to the others."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.app import unmask
from dialer_engine.app.config import Config
from dialer_engine.domain.errors import BadValue, NoRight

DAEMON = 4712


def config(folder: Path, *named: str) -> Config:
    base = Config()
    return replace(
        base,
        daemon=replace(base.daemon, state_dir=folder),
        personal=replace(base.personal, unmask=named),
    )


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> Any:
    """as_user("robin", uid, groups): this process is theirs."""

    def be(name: str, uid: int = 4711, groups: tuple[str, ...] = ()) -> None:
        monkeypatch.delenv("SUDO_USER", raising=False)
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        monkeypatch.setattr(unmask, "_name_of", lambda number: "root" if number == 0 else name)
        monkeypatch.setattr(unmask, "_groups", lambda user: list(groups))
        monkeypatch.setattr(unmask, "_owner", lambda folder: DAEMON)

    return be


def test_without_a_list_root_and_the_daemon_s_user_may(tmp_path: Path, as_user: Any) -> None:
    as_user("root", 0)
    assert unmask.insist(config(tmp_path)) == "root"
    as_user("dialer", DAEMON)
    assert unmask.insist(config(tmp_path)) == "dialer"
    as_user("robin", 4711)
    with pytest.raises(NoRight, match="robin may not"):
        unmask.insist(config(tmp_path))


def test_a_folder_that_is_not_there_is_root_s(tmp_path: Path) -> None:
    assert unmask._owner(tmp_path / "nothing") == 0
    assert unmask._owner(tmp_path) == os.geteuid()


def test_with_a_list_those_on_it_and_root_may(tmp_path: Path, as_user: Any) -> None:
    listed = config(tmp_path, "supervisors", "kit")
    for name, groups in (("kit", ()), ("robin", ("supervisors",))):
        as_user(name, 4711, groups)
        assert unmask.insist(listed) == name
    as_user("root", 0)
    unmask.insist(listed)
    as_user("dialer", DAEMON, ("dialer",))
    with pytest.raises(NoRight, match="supervisors, kit"):
        unmask.insist(listed)


def test_sudo_is_who_used_it_and_only_root_s_word_is_believed(
    tmp_path: Path, as_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user("robin", 0)
    monkeypatch.setenv("SUDO_USER", "robin")
    assert unmask.person() == "robin"
    assert unmask.insist(config(tmp_path)) == "robin"
    with pytest.raises(NoRight):
        unmask.insist(config(tmp_path, "supervisors"))
    as_user("robin", 4711)
    monkeypatch.setenv("SUDO_USER", "root")
    assert unmask.person() == "robin"


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("x", " "), ("x\ny", "z"), ("x", "y" * 501)])
def test_who_and_why_are_words(who: str, why: str) -> None:
    with pytest.raises(BadValue):
        unmask.Asked(who, why)


def test_a_screen_without_what_is_personal() -> None:
    message = {
        "topic": "agent/1001", "reference": "C1", "name": "Kit Maple", "number": "+447700900001",
        "attributes": {"employer": "Elm Ltd", "n": "7"},
        "script": [{"scene": "opening", "sentences": [
            {"text": "Am I speaking to Kit Maple of Elm Ltd? Call 7.", "required": True}]}],
    }  # fmt: skip
    shown = unmask.masked_screen(message)
    assert shown["name"] == "K**"
    assert shown["attributes"] == ["employer", "n"]
    assert shown["script"][0]["sentences"][0] == {
        "text": "Am I speaking to K** of **? Call 7.", "required": True,
    }  # fmt: skip
    for secret in ("Maple", "900001", "Elm"):
        assert secret not in str(shown)
    assert message["name"] == "Kit Maple"
    assert unmask.masked_screen({"topic": "agent/1", "event": "call"}) == {
        "topic": "agent/1", "event": "call",
    }  # fmt: skip
