"""Who is dialled: numbers that force what happens, so that both sides meet the same people in the
same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from tools.lab.mix import load_number

AGENTS = 100
RING_TIMEOUT_S = 10.0
# The last digit of a serial is the variant; drop_after talks variant + 1 seconds.
_STEP = 10
# Ten calls of the ramp: four people answer at once and talk for a second, three are busy, two let it
# ring and decline, one number does not exist.
RAMP = ("drop_after", "busy", "drop_after", "declined", "busy", "drop_after", "unallocated", "busy",
        "drop_after", "declined")  # fmt: skip
# Everybody answers after some ringing and talks for some three seconds.
TALKS = ("talk",)
WORLD: dict[str, Any] = {
    "seed": 20261121,
    "ring": {"median": 2.0, "sigma": 0.35, "min": 0.6, "max": 5.0},
    "talk": {"median": 3.0, "sigma": 0.25, "min": 1.5, "max": 5.0},
}


def numbers(kinds: tuple[str, ...], first: int = 0) -> Iterator[str]:
    """Numbers of these kinds in turn, for ever; none comes twice."""
    for serial in count(first):
        yield load_number(kinds[serial % len(kinds)], serial * _STEP % 10_000_000)
