"""What a predictive policy has learned, as curves that can be drawn. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.rings import BIN_S
from dialer_engine.pacing.spells import Spells

# Points of a curve: more than a terminal has columns, fewer than anybody misses.
_POINTS = 120
# A duration curve ends where so many of its talks have ended.
_NEARLY_ALL = 0.98


@dataclass(frozen=True, slots=True)
class Curve:
    """kind: answered (share of calls answered live, by seconds of ringing), talk or wrap (share ended, by
    seconds). of: the list or group. figure: the answer rate, or the mean in seconds.
    """

    kind: str
    of: str
    figure: float
    xs: tuple[float, ...]
    ys: tuple[float, ...]


def curves(policy: Predictive, lists: Sequence[str], groups: Sequence[str]) -> list[Curve]:
    """Of each list and each group that something was learned of."""
    found = [_answers(policy, mark, _name(lists, mark)) for mark in sorted(policy.rings.lists)]
    for kind, spells in (("talk", policy.talk), ("wrap", policy.wrap)):
        known = sorted(spells.groups) or [0]
        found += [_spells(kind, spells, mark, _name(groups, mark)) for mark in known]
    return found


def _name(names: Sequence[str], mark: int) -> str:
    return names[mark] if mark < len(names) else ""


def _answers(policy: Predictive, mark: int, name: str) -> Curve:
    _, answered = policy.rings.survive(mark)
    xs = tuple(float(x) for x in np.arange(len(answered)) * BIN_S)
    return Curve("answered", name, policy.rings.answer_rate(mark), xs, _rounded(answered))


def _spells(kind: str, spells: Spells, group: int, name: str) -> Curve:
    mean = spells.mean_s(group)
    step = max(0.25, 5.0 * mean / _POINTS)
    ended = spells.steps(group, step, _POINTS)[0]
    last = int(np.searchsorted(ended, _NEARLY_ALL)) + 1
    xs = tuple(float(round(x, 2)) for x in step * np.arange(len(ended)))
    return Curve(kind, name, mean, xs[:last], _rounded(ended)[:last])


def _rounded(
    values: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
