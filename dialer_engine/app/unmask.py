"""Who may see personal fields in full by command, and what is kept of it.

Rules: everything is masked unless somebody asks for more, says who they are and why, and has the right; the
right is the operating system's: `personal.unmask` names users and groups, without it root and the owner of
`daemon.state_dir` have it; each look is on the chain of evidence before anything is shown, and of one case in
its record too. Known limit: whoever can read the master key and the store needs no command.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.domain.errors import BadValue, NoRight
from dialer_engine.store import case_notes
from dialer_engine.store.numbers import masked
from dialer_engine.store.sql import SqlStore

Json = dict[str, Any]
_ROOT = 0
# A name and a sentence; more is no reason but a story.
_MOST = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks for personal fields in full. who: the person who answers for it. why: for the record."""

    who: str
    why: str

    def __post_init__(self) -> None:
        for text in (self.who, self.why):
            if not text.strip() or len(text) > _MOST or not text.isprintable():
                raise BadValue(f"--who and --why are a few words, {_MOST} characters at most")


def person() -> str:
    """The user of the operating system behind this process; of `sudo`, who used it."""
    sudo = os.environ.get("SUDO_USER")
    if os.geteuid() == _ROOT and sudo:
        # Only root's own environment is believed: everybody can set a variable.
        return sudo
    return _name_of(os.geteuid())


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def insist(config: Config) -> str:
    """The user, who has the right; NoRight."""
    user, named = person(), config.personal.unmask
    if _may(config, user, named):
        return user
    told = ", ".join(named) if named else "root and the owner of daemon.state_dir"
    raise NoRight(f"{user} may not see personal fields; personal.unmask: {told}")


def _may(config: Config, user: str, named: tuple[str, ...]) -> bool:
    if user == _name_of(_ROOT):
        return True
    if named:
        return not {user, *_groups(user)}.isdisjoint(named)
    return os.geteuid() in (_ROOT, _owner(config.daemon.state_dir))


def _owner(folder: Path) -> int:
    try:
        return folder.stat().st_uid
    except OSError:
        return _ROOT


def _groups(user: str) -> list[str]:
    try:
        ids = os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except KeyError:
        return []
    found = []
    for number in ids:
        try:
            found.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return found


async def note(
    store: SqlStore, config: Config, asked: Asked, what: str, reference: str | None = None
) -> None:
    """Put the look on record. what: the command and what it was asked for, nothing personal. NoRight;
    NotFound for the case.
    """
    user = insist(config)
    told = {"v": 1, "what": what, "who": asked.who, "why": asked.why, "user": user}
    await store.database.write(case_notes.unmasked, told, user, reference, datetime.now(UTC))


def look(config: Config, asked: Asked, what: str) -> None:
    """The same for a command that does not open the store itself; blocks."""
    in_store(config, lambda store: note(store, config, asked, what))


def masked_screen(message: Mapping[str, Any]) -> Json:
    """A message of an agent's screen without what is personal: the name and the numbers are masked, in the
    script too, and of attributes only the names are left.
    """
    found = dict(message)
    name, number = str(found.get("name") or ""), str(found.get("number") or "")
    if name:
        found["name"] = f"{name[0]}**"
    if number:
        found["number"] = masked(number)
    if isinstance(found.get("attributes"), Mapping):
        found["attributes"] = sorted(found["attributes"])
    hidden = {name: found.get("name", ""), number: found.get("number", "")} | {
        str(text): "**" for text in dict(message.get("attributes") or {}).values()
    }
    if found.get("script"):
        found["script"] = [_hidden(row, hidden) for row in found["script"]]
    return found


def _hidden(row: Mapping[str, Any], hidden: Mapping[str, str]) -> Json:
    sentences = []
    for one in row["sentences"]:
        text = str(one["text"])
        for shown, instead in hidden.items():
            # A single sign is in every sentence; it tells nobody's name.
            text = text.replace(shown, instead) if len(shown) > 1 else text
        sentences.append(dict(one) | {"text": text})
    return dict(row) | {"sentences": sentences}
