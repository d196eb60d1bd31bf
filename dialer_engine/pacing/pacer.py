"""The interface of pacing, and its two simplest answers.

Rules: a pacer sees a snapshot and nothing else; it may keep what it learned; it never asks for more
than the caller can give; with nobody logged in it asks for nothing. The decision carries its
numbers, so that it can be explained.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import BadValue


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One campaign at one instant; ages in seconds.

    at: monotonic time. idle: agents available now. talking, wrapping: age of each agent's talk or
    wrap-up. ringing: age of each call in flight that nobody took yet. waiting: age of each answered
    call without an agent. connecting: calls for which an agent is reserved. room: calls that trunks
    can take now. abandoned, live: live answers of the accounting period, and how many of them were
    abandoned.
    """

    at: float
    idle: int
    talking: tuple[float, ...] = ()
    wrapping: tuple[float, ...] = ()
    ringing: tuple[float, ...] = ()
    waiting: tuple[float, ...] = ()
    connecting: int = 0
    room: int = 1_000_000
    abandoned: int = 0
    live: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """originate: calls to start now. why: one sentence. numbers: what it was computed from."""

    originate: int
    why: str
    numbers: dict[str, float] = field(default_factory=dict)


class Pacer(Protocol):
    """A policy of pacing."""

    def decide(self, snapshot: Snapshot) -> Decision:
        """How many calls to originate now."""
        ...


class FixedRatio:
    """`ratio` lines for each available agent: new = floor(ratio * idle) - lines in flight.

    Calls that already wait for an agent count as lines, so that a rush of answers stops the
    dialling.
    """

    def __init__(self, ratio: float, max_ringing_per_agent: float = 12.0) -> None:
        if not ratio >= 1.0:  # so that not-a-number is refused too
            raise BadValue(f"pacing ratio must be at least 1, not {ratio}")
        self.ratio = ratio
        self.max_ringing_per_agent = max_ringing_per_agent

    def decide(self, snapshot: Snapshot) -> Decision:
        """See the class."""
        lines = min(self.ratio, self.max_ringing_per_agent) * snapshot.idle
        in_flight = len(snapshot.ringing) + len(snapshot.waiting)
        # A hair of tolerance, so that 1.1 * 10 is 11 lines in floating point too.
        wanted = max(0, int(lines + 1e-9) - in_flight)
        granted = max(0, min(wanted, snapshot.room))
        numbers = {
            "idle": snapshot.idle,
            "in_flight": in_flight,
            "ratio": self.ratio,
            "wanted": wanted,
        }
        return Decision(granted, self._why(snapshot, wanted, granted), numbers)

    def _why(self, snapshot: Snapshot, wanted: int, granted: int) -> str:
        if snapshot.idle == 0:
            return "no agent is available"
        if granted < wanted:
            return f"{wanted} wanted, the trunks have room for {granted}"
        lines = "1 line" if self.ratio == 1 else f"{self.ratio:g} lines"
        return f"{lines} for each available agent, of whom there are {snapshot.idle}"


class Progressive(FixedRatio):
    """One line for each available agent: nobody who answers can be left without one, save by an
    agent who vanishes.
    """

    def __init__(self) -> None:
        super().__init__(1.0)


def pacer_for(mode: DialMode, ratio: float) -> Pacer:
    """The pacer of a campaign's mode."""
    return Progressive() if mode is DialMode.PROGRESSIVE else FixedRatio(ratio)
