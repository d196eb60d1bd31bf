"""An agent's seconds from their events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.store.workday import Workday, measured, utilization
from tests.store.building import at


def day(*events: tuple[float, str], since: float | None = None, until: float = 1000) -> Workday:
    """The day from (seconds, kind)."""
    rows = [(kind, at(seconds)) for seconds, kind in events]
    return measured("1001", rows, None if since is None else at(since), at(until))


def figures(found: Workday) -> tuple[float, float, float, float]:
    """Logged in, break, talk, wrap-up."""
    return found.logged_in_s, found.break_s, found.talk_s, found.wrap_up_s


def test_a_plain_day() -> None:
    found = day(
        (0, "login"), (100, "talk"), (160, "wrap_up"), (180, "idle"), (500, "break"), (600, "ready"),
        (900, "logout"),
    )  # fmt: skip
    assert figures(found) == (900, 100, 60, 20)
    assert found.utilization == pytest.approx(80 / 800)


def test_a_day_that_is_still_open_ends_with_the_span() -> None:
    assert figures(day((0, "login"), (900, "talk"))) == (1000, 0, 100, 0)


def test_a_span_cuts_both_ends() -> None:
    found = day((0, "login"), (100, "talk"), (300, "wrap_up"), since=200, until=350)
    assert figures(found) == (150, 0, 100, 50)


def test_a_break_asked_for_in_a_talk_begins_after_it() -> None:
    found = day(
        (0, "login"), (10, "talk"), (20, "break"), (50, "wrap_up"), (60, "idle"), (90, "ready")
    )
    assert figures(found) == (1000, 30, 40, 10)


def test_a_talk_that_outlives_the_logout_counts() -> None:
    found = day((0, "login"), (10, "talk"), (20, "logout"), (50, "off"))
    assert figures(found) == (50, 0, 40, 0)


def test_a_logout_ends_wrap_up() -> None:
    assert figures(day((0, "login"), (10, "wrap_up"), (20, "logout"))) == (20, 0, 0, 10)


def test_a_dropped_leg_is_time_without_work() -> None:
    assert figures(day((0, "login"), (10, "off"), (20, "idle"), (30, "logout"))) == (30, 0, 0, 0)


def test_nobody_has_no_utilization() -> None:
    assert day().utilization is None
    assert utilization([]) is None
    assert figures(day((0, "logout"))) == (0, 0, 0, 0)


def test_all_agents_are_weighed_by_their_time() -> None:
    busy = Workday("a", logged_in_s=100, talk_s=100)
    idle = Workday("b", logged_in_s=300)
    assert utilization([busy, idle]) == 0.25


_KINDS = ["login", "logout", "break", "ready", "talk", "wrap_up", "idle", "off"]


@given(st.lists(st.tuples(st.floats(0, 999), st.sampled_from(_KINDS))), st.floats(0, 500))
def test_parts_never_exceed_the_whole(events: list[tuple[float, str]], since: float) -> None:
    found = day(*sorted(events), since=since)
    parts = found.talk_s + found.wrap_up_s + found.break_s
    assert 0 <= parts <= found.logged_in_s + 1e-6
    assert found.logged_in_s <= 1000 - since + 1e-6
    assert found.utilization is None or 0 <= found.utilization <= 1 + 1e-9


@given(st.lists(st.tuples(st.floats(0, 999), st.sampled_from(_KINDS))), st.floats(0, 1000))
def test_two_halves_make_the_whole(events: list[tuple[float, str]], cut: float) -> None:
    """From a login on, so that each half knows where it stands."""
    rows = [(0.0, "login"), *sorted(events)]
    before, after, whole = day(*rows, until=cut), day(*rows, since=cut), day(*rows)
    for name in ("logged_in_s", "break_s", "talk_s", "wrap_up_s"):
        both = getattr(before, name) + getattr(after, name)
        assert both == pytest.approx(getattr(whole, name), abs=1e-4)
