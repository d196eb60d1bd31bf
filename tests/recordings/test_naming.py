from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import AttemptId, attempt_id
from dialer_engine.recordings import naming
from tests.recordings.helpers import DIALLED, attempt

ROOT = Path("/var/spool/rec")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY_S = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds())


@given(
    st.integers(0, _LAST_DAY_S * 1000).map(lambda ms: _EPOCH + timedelta(milliseconds=ms)),
    st.binary(min_size=10, max_size=10),
)
def test_the_folder_is_the_utc_day_of_the_id(at: datetime, chance: bytes) -> None:
    name = attempt_id((at - _EPOCH) // timedelta(milliseconds=1), chance)
    path = naming.stem(name)
    assert path == PurePosixPath(f"{at:%Y}".zfill(4)) / f"{at:%m}" / f"{at:%d}" / name
    assert naming.attempt_of(PurePosixPath(f"{path}.wav")) == name


def test_the_last_millisecond_of_a_day_belongs_to_it() -> None:
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert naming.day_of(attempt(1, midnight)) == date(2026, 11, 22)
    assert naming.day_of(attempt(1, midnight - timedelta(milliseconds=1))) == date(2026, 11, 21)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "a-",
        "../../etc/passwd",
        "a-../../../../etc/passwd0000000",
        "a-01K9ZZZZZZZZZZZZZZZZZZZZZ/",
        "g-01K9ZZZZZZZZZZZZZZZZZZZZZZ",
        "a-01K9ZZZZZZZZZZZZZZZZZZZZZZ\n",
        "a-01k9zzzzzzzzzzzzzzzzzzzzzz",
        "a-01K9ZZZZZZZZZZZZZZZZZZZZZU",
        "a-81K9ZZZZZZZZZZZZZZZZZZZZZZ",
        "a-7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    ],
)
def test_what_is_no_attempt_id_has_no_place(bad: str) -> None:
    with pytest.raises(BadValue):
        naming.stem(AttemptId(bad))


@given(st.text(max_size=40))
def test_no_text_leads_out_of_the_folder(text: str) -> None:
    try:
        path = naming.local_path(ROOT, text)
    except BadValue:
        return
    assert Path(*path.parts[: len(ROOT.parts)]) == ROOT
    assert ".." not in path.parts


@pytest.mark.parametrize("bad", ["", "/etc/passwd", "../x", "2026/../../x", "a\0b", "//x"])
def test_paths_that_climb_are_refused(bad: str) -> None:
    with pytest.raises(BadValue):
        naming.local_path(ROOT, bad)


def test_pbx_paths_are_mapped_there_and_back() -> None:
    name = attempt(3)
    there = naming.to_pbx(name, "/mnt/pbx")
    assert there == f"/mnt/pbx/{DIALLED:%Y/%m/%d}/{name}"
    assert naming.from_pbx(f"{there}.raw", "/mnt/pbx/", ROOT) == ROOT / f"{naming.stem(name)}.raw"


@pytest.mark.parametrize(
    "path", ["/mnt/pbx2/x.raw", "/mnt/pbx", "/mnt/pbx/../x", "x.raw", "/mnt/pbx/a/../../../x"]
)
def test_pbx_paths_outside_are_refused(path: str) -> None:
    with pytest.raises(BadValue):
        naming.from_pbx(path, "/mnt/pbx", ROOT)
