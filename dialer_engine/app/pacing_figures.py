"""Means over seeds with their 95 % intervals, as plain data."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

# Student's t, 97.5 %, by degrees of freedom from 1 on (NIST/SEMATECH e-Handbook of Statistical Methods,
# 1.3.6.7.2); beyond the last one the last, which errs on the wide side.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
            2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)  # fmt: skip


def interval(values: Sequence[float]) -> dict[str, Any]:
    """{mean, half_width, least, most}; half_width of the 95 % interval of the mean, None of fewer than
    two values.
    """
    return {
        "mean": statistics.fmean(values),
        "half_width": half_width(values),
        "least": min(values),
        "most": max(values),
    }


def half_width(values: Sequence[float]) -> float | None:
    """See `interval`."""
    if len(values) < 2:
        return None
    student = _STUDENT[min(len(values) - 2, len(_STUDENT) - 1)]
    return student * statistics.stdev(values) / math.sqrt(len(values))
