"""Waits grow, have a cap, spread, and start anew after a session that held."""

from __future__ import annotations

import random

from dialer_engine.ami._backoff import Backoff


def test_waits_double_up_to_the_cap_and_half_of_each_is_chance() -> None:
    backoff = Backoff(0.5, 30.0, 300.0, random.Random(1))

    waits = [backoff.after_failure() for _ in range(40)]

    for wait, full in zip(waits, [0.5, 1, 2, 4, 8, 16, 30, 30, 30], strict=False):
        assert full / 2 <= wait <= full
    assert all(15 <= wait <= 30 for wait in waits[6:])
    assert len(set(waits)) == len(waits)


def test_a_session_that_held_starts_anew() -> None:
    backoff = Backoff(0.5, 30.0, 300.0, random.Random(1))
    for _ in range(9):
        backoff.after_failure()
    backoff.reset()

    assert backoff.after_failure() <= 0.5


def test_refusals_are_slow_from_the_start_and_do_not_grow() -> None:
    backoff = Backoff(0.5, 30.0, 300.0, random.Random(1))

    assert all(150 <= backoff.after_refusal() <= 300 for _ in range(20))
    assert backoff.after_failure() <= 0.5


def test_two_daemons_do_not_return_in_one_moment() -> None:
    waits = [Backoff(8.0, 30.0, 300.0, random.Random(n)).after_failure() for n in range(50)]

    assert max(waits) - min(waits) > 2
