"""Several pieces of news as one: arrays, ready to be counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dialer_engine.pacing.hazard import Array
from dialer_engine.pacing.snapshot import Ages, Marks, News

Whole = NDArray[np.int64]
_NO_AGES: Array = np.zeros(0)
_MANY = 256
_NO_ENDS: Whole = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Told:
    """See `News`; marks are None where nobody gave any."""

    ends: Whole
    ring_s: Array
    lists: Whole | None
    talk_s: Array
    talk_groups: Whole | None
    wrap_s: Array
    wrap_groups: Whole | None
    amd_s: Array


_NOTHING = Told(_NO_ENDS, _NO_AGES, None, _NO_AGES, None, _NO_AGES, None, _NO_AGES)


def gather(news: Sequence[News]) -> Told:
    """All of it, in order."""
    news = [one for one in news if tells(one)]
    if not news:
        return _NOTHING
    calls = [one for one in news if len(one.call_end)]
    parts = [np.asarray(one.call_end, np.int64) for one in calls]
    ends = (parts[0] if len(parts) == 1 else np.concatenate(parts)) if parts else _NO_ENDS
    ring_s, lists = _pair([(n.call_ring_s, n.call_list) for n in calls])
    talk_s, talk_groups = _pair([(n.talk_s, n.talk_group) for n in news])
    wrap_s, wrap_groups = _pair([(n.wrap_s, n.wrap_group) for n in news])
    amd_s, _ = _pair([(n.amd_s, None) for n in news])
    return Told(ends, ring_s, lists, talk_s, talk_groups, wrap_s, wrap_groups, amd_s)


def kinds(given: Whole) -> set[int]:
    """The marks that occur."""
    found: list[int] = given.tolist() if len(given) < _MANY else np.unique(given).tolist()
    return set(found)


def tells(news: News) -> bool:
    """Whether it holds anything that a predictive policy learns from."""
    return bool(len(news.call_end) or len(news.talk_s) or len(news.wrap_s) or len(news.amd_s))


def _pair(parts: Sequence[tuple[Ages, Marks | None]]) -> tuple[Array, Whole | None]:
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return _NO_AGES, None
    if len(parts) == 1:
        return floats(parts[0][0]), marks(parts[0][1])
    ages = np.concatenate([floats(part[0]) for part in parts])
    # News without marks belong to list or group 0, beside others that say theirs.
    if all(part[1] is None for part in parts):
        return ages, None
    given = [
        np.zeros(len(part[0]), np.int64) if part[1] is None else np.asarray(part[1], np.int64)
        for part in parts
    ]
    return ages, np.concatenate(given)


def floats(ages: Ages) -> Array:
    """Ages as an array."""
    return np.asarray(ages, dtype=np.float64)


def marks(given: Marks | None) -> Whole | None:
    """Marks as an array."""
    return None if given is None else np.asarray(given, dtype=np.int64)
