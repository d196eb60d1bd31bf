from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from dialer_engine.cli.show import duration, number, percent, plain
from dialer_engine.cli.times import moment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (0, "0 s"), (59.9, "59 s"), (60, "1:00"), (125, "2:05"), (3599, "59:59"),
        (3725, "1:02:05"), (86400, "1 d 00:00"), (90061, "1 d 01:01"),
    ],
)  # fmt: skip
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.0, "0.0 %"), (0.0304, "3.0 %"), (1, "100.0 %")]
)
def test_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (1234567, "1,234,567"),
        (1.5, "1.5"),
        (2.0, "2"),
        (1200.0, "1,200"),
        (0.004, "0"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "-"), ([], "-"), (True, "yes"), (False, "no"), (["a", "b"], "a, b"),
        ({"due": 3, "done": None}, "due 3, done -"), ("a\tb\x07", "a b "), ("春", "春"),
    ],
)  # fmt: skip
def test_plain(value: object, text: str) -> None:
    assert plain(value) == text


NOW = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("now", "2026-11-21T01:30:00+00:00"),
        ("today", "2026-11-20T16:00:00+00:00"),
        ("yesterday", "2026-11-19T16:00:00+00:00"),
        ("2h", "2026-11-20T23:30:00+00:00"),
        ("30m", "2026-11-21T01:00:00+00:00"),
        ("7d", "2026-11-14T01:30:00+00:00"),
        ("1w", "2026-11-14T01:30:00+00:00"),
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00+00:00"),
        ("2026-11-21T08:00:00+08:00", "2026-11-21T00:00:00+00:00"),
    ],
)
def test_moment(text: str, iso: str) -> None:
    assert moment(text, NOW) == iso


@pytest.mark.parametrize("text", ["", "soon", "h", "2026-13-01", "999999w", "2 x"])
def test_no_moment(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        moment(text, NOW)
