"""Which ringing calls to stop, when there are more than anybody could take."""

from __future__ import annotations

from dialer_engine.pacing.snapshot import Ages


def youngest(ringing: Ages, count: int, min_ring_s: float) -> tuple[int, ...]:
    """Places of `count` calls: first those that rang long enough to have been a call (`min_ring_s`,
    16 CFR 310.4(b)(4)(ii)), the longest first, since they are the least likely to be answered still;
    then the youngest, whom the fewest have heard.
    """
    if count <= 0:
        return ()
    ages = [float(age) for age in ringing]
    order = sorted(range(len(ages)), key=lambda place: _rank(ages[place], min_ring_s))
    return tuple(order[:count])


def _rank(age: float, min_ring_s: float) -> tuple[bool, float]:
    return (False, -age) if age >= min_ring_s else (True, age)
