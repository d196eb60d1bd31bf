"""What chance gives to each call and each agent: a hash of (seed, number, stream), not a sequence.

So call 4711 of a seed has the same fate whatever was dialled before it and by which policy (common random
numbers): two policies are compared on the same persons. splitmix64 (Steele, Lea, Flood 2014) over a counter.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dialer_engine.sim.floor import columns as col
from dialer_engine.sim.floor.scenario import Day, Law

Floats = NDArray[np.float64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
# How often a ring time beyond the time-out is drawn again; what is still beyond it then is cut. Of the
# issue's machines 4.7 % are beyond, after eight draws 2e-11.
_REDRAWS = 8

# Streams of a call's draws, and of its n-th redraw; the agents' are from AGENT_STREAM on.
(_LIVE, _FAILURE, _RING, _RING_FAILED, _KIND, _TALK, _WRAP, _PATIENCE) = range(8)
(_AMD_DELAY, _AMD_PERSON, _AMD_MACHINE, _AMD_TALK) = range(8, 12)
_AGAIN = 20
AGENT_STREAM = 1000


def _mixed(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def uniforms(seed: int, stream: int, first: int, count: int, half: int = 0) -> Floats:
    """One number in (0, 1) for each of `count` counters from `first` on. half: 0 or 1, two numbers."""
    start = _mixed((_mixed(seed * _GOLDEN & _MASK) + stream * 2 + half + 1) * _GOLDEN & _MASK)
    z = np.arange(first, first + count, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(start)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    result: Floats = ((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return result


def durations(law: Law, seed: int, stream: int, first: int, count: int) -> Floats:
    """Durations of a law, seconds."""
    if law.kind == "constant" or law.mean == 0.0:
        return np.full(count, law.mean)
    if law.kind == "exponential":
        return -law.mean * np.log(uniforms(seed, stream, first, count))
    variance = math.log1p(law.cv**2)
    radius = np.sqrt(-2.0 * np.log(uniforms(seed, stream, first, count)))
    normal = radius * np.cos(2.0 * math.pi * uniforms(seed, stream, first, count, 1))
    result: Floats = law.mean * np.exp(math.sqrt(variance) * normal - variance / 2.0)
    return result


def _rings(day: Day, law: Law, seed: int, stream: int, first: int, count: int) -> Floats:
    """Ring times, each within the time-out: what is beyond it is drawn again, or cut."""
    ring = durations(law, seed, stream, first, count)
    if day.late_answers == "redraw":
        for again in range(1, _REDRAWS + 1):
            if not (late := ring > day.ring_timeout_s).any():
                return ring
            fresh = durations(law, seed, stream + _AGAIN * again, first, count)
            ring[late] = fresh[late]
    return np.minimum(ring, day.ring_timeout_s)


def _pick(shares: list[float], u: Floats) -> NDArray[np.int64]:
    """Which share each number falls into."""
    edges = np.cumsum(np.array(shares) / sum(shares))[:-1]
    return np.searchsorted(edges, u, side="right").astype(np.int64)


def _failed(day: Day, seed: int, first: int, block: Floats) -> None:
    count = len(block)
    which = _pick([one.share for one in day.failures], uniforms(seed, _FAILURE, first, count))
    for number, one in enumerate(day.failures):
        chosen = which == number
        ring = _rings(day, one.ring, seed, _RING_FAILED, first, count)
        block[chosen, col.D_FAILED_RING] = ring[chosen]
        block[chosen, col.D_FAILED_END] = float(one.end)


def _talked(day: Day, seed: int, first: int, block: Floats) -> None:
    count = len(block)
    which = _pick([one.share for one in day.talks], uniforms(seed, _KIND, first, count))
    for number, one in enumerate(day.talks):
        chosen = which == number
        block[chosen, col.D_TALK] = durations(one.law, seed, _TALK, first, count)[chosen]
        block[chosen, col.D_GROUP] = one.group
    block[:, col.D_WRAP] = durations(day.wrap, seed, _WRAP, first, count)
    block[:, col.D_PATIENCE] = math.inf
    if day.patience is not None:
        block[:, col.D_PATIENCE] = durations(day.patience, seed, _PATIENCE, first, count)


def _classified(day: Day, seed: int, first: int, block: Floats) -> None:
    count = len(block)
    block[:, col.D_AMD] = -1.0
    if (amd := day.amd) is None:
        return
    block[:, col.D_AMD] = durations(amd.delay, seed, _AMD_DELAY, first, count)
    block[:, col.D_LOST] = uniforms(seed, _AMD_PERSON, first, count) < amd.person_lost
    block[:, col.D_PASSED] = uniforms(seed, _AMD_MACHINE, first, count) < amd.machine_passed
    block[:, col.D_MACHINE_TALK] = durations(amd.machine_talk, seed, _AMD_TALK, first, count)


def calls(day: Day, seed: int, first: int, count: int) -> Floats:
    """The fates of calls first .. first + count - 1: one row a call, columns D_... of `columns`."""
    block = np.zeros((count, col.D_COUNT))
    block[:, col.D_LIVE] = uniforms(seed, _LIVE, first, count)
    block[:, col.D_RING] = _rings(day, day.ring, seed, _RING, first, count)
    _failed(day, seed, first, block)
    _talked(day, seed, first, block)
    _classified(day, seed, first, block)
    return block
