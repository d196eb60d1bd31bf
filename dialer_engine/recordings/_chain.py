"""One line of the recording manifest, and what makes a row of lines a chain. Pure.

Rules: a line is canonical JSON (keys sorted, no spaces, ASCII) and a line feed; `hash` is SHA-256
of the same JSON without `hash`; `prev` is the hash of the line before, across files; `seq` counts
from 1. A line that is not byte for byte what its content gives is not valid, so every flipped bit
shows.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

GENESIS: Final = "0" * 64
FORMAT: Final = 1
DAY_FILE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """One sealed recording. path: of the WAV, relative to the recording folder. sha256: of the
    whole file. at: when it was sealed, ISO 8601 UTC. seq, prev, hash: given by the chain.
    """

    attempt: str
    path: str
    sha256: str
    size_bytes: int
    duration_ms: int
    status: str
    at: str
    seq: int = 0
    prev: str = ""
    hash: str = ""

    def chained(self, seq: int, prev: str) -> Entry:
        """This entry in its place in the chain."""
        placed = replace(self, seq=seq, prev=prev, hash="")
        return replace(placed, hash=placed.digest())

    def digest(self) -> str:
        """What `hash` must be."""
        content = self._content()
        del content["hash"]
        return hashlib.sha256(canonical(content)).hexdigest()

    def line(self) -> bytes:
        """The line in the file."""
        return canonical(self._content()) + b"\n"

    def _content(self) -> dict[str, Any]:
        return {"v": FORMAT, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Head:
    """Where the sealed chain ends: in `file`, whose first `offset` bytes are sealed, with entry
    `seq` and its hash. What lies beyond was never acknowledged to anyone.
    """

    file: str = ""
    offset: int = 0
    seq: int = 0
    hash: str = GENESIS


def canonical(content: dict[str, Any]) -> bytes:
    """The one spelling of this content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def parse(line: bytes) -> Entry | None:
    """The entry of a complete line whose hash holds; None for anything else."""
    content = _loads(line)
    if content is None or content.pop("v", None) != FORMAT:
        return None
    try:
        entry = Entry(**content)
    except TypeError:
        return None
    return entry if entry.line() == line and entry.digest() == entry.hash else None


def parse_head(text: bytes) -> Head | None:
    """The head as `head_text` writes it; None for anything else."""
    content = _loads(text)
    if content is None or content.keys() != asdict(Head()).keys() or not _sound(content):
        return None
    head = Head(**content)
    return head if head_text(head) == text else None


def head_text(head: Head) -> bytes:
    """The content of head.json."""
    return canonical(asdict(head)) + b"\n"


def _sound(content: dict[str, Any]) -> bool:
    if [type(content[key]) for key in ("file", "offset", "seq", "hash")] != [str, int, int, str]:
        return False
    # The name is opened for writing: it must not lead anywhere else.
    named = DAY_FILE.match(content["file"]) and content["seq"] > 0 and content["offset"] > 0
    return bool(named) or Head(**content) == Head()


def _loads(text: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def follows(entry: Entry, seq: int, prev: str) -> bool:
    """Whether `entry` comes next after entry `seq` with hash `prev`."""
    return entry.seq == seq + 1 and entry.prev == prev
