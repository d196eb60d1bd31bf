"""Figures of many values, and of many rounds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; nan for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """n, p50, p99 and the highest, in milliseconds."""
    ms = [1000 * one for one in seconds]
    return {
        "n": len(ms),
        "p50": round(quantile(ms, 0.5), 2),
        "p99": round(quantile(ms, 0.99), 2),
        "max": round(max(ms), 2) if ms else None,
    }


def ratio(ours: float, theirs: float) -> float | None:
    """Ours to theirs; None when there is nothing to divide by."""
    return round(ours / theirs, 2) if theirs else None


def middle(values: Sequence[float]) -> float:
    """The median of the rounds."""
    return round(median(values), 6) if values else float("nan")
