"""Where a recording is, from nothing but the attempt id.

Rules: the name is `YYYY/MM/DD/<attempt id>`, with no personal data in it; the date is that of the
ULID inside the id, in UTC, so the place never depends on when somebody asks, and a restart finds it
without a search; an id that is not exactly an attempt id has no place (it could hold `../`); what
the PBX calls a path is mapped part by part, never by cutting strings.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import AttemptId, made_at

RAW_SUFFIX: Final = ".raw"
WAV_SUFFIX: Final = ".wav"
# A WAV that is being written. The dot keeps it out of players' and backup tools' way.
PART_PREFIX: Final = ".part-"
MANIFEST_FOLDER: Final = "manifest"


def day_of(attempt: AttemptId) -> date:
    """The UTC date of the attempt id."""
    return made_at(attempt).date()


def stem(attempt: AttemptId) -> PurePosixPath:
    """`YYYY/MM/DD/<attempt id>`, relative to the recording folder, without an extension."""
    return PurePosixPath(made_at(attempt).strftime("%Y/%m/%d")) / attempt


def attempt_of(path: PurePosixPath) -> AttemptId:
    """The attempt of a file or relative path in a recording folder; BadValue for other files."""
    attempt = AttemptId(path.name.split(".", 1)[0])
    made_at(attempt)
    return attempt


def local_path(root: Path, relative: str) -> Path:
    """`relative` below `root`; BadValue when it is absolute, empty, or climbs out."""
    parts = PurePosixPath(relative).parts
    if not parts or "\0" in relative or any(part in ("/", "..", "//") for part in parts):
        raise BadValue("a recording's path is relative to the recording folder and stays inside")
    return root.joinpath(*parts)


def from_pbx(path: str, pbx_root: str, root: Path) -> Path:
    """The local path of what the PBX calls `path`, given the recording folder as both see it;
    BadValue when it is not below `pbx_root`.
    """
    try:
        relative = PurePosixPath(path).relative_to(PurePosixPath(pbx_root))
    except ValueError as error:
        raise BadValue("the path is not below the PBX's recording folder") from error
    return local_path(root, str(relative) if relative.parts else "")


def to_pbx(attempt: AttemptId, pbx_root: str) -> str:
    """The path of the attempt's recording as the PBX sees it, without an extension."""
    return str(PurePosixPath(pbx_root) / stem(attempt))
