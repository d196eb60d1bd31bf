"""What a pacer sees, what it learns from, and what it answers: the interface of the room.

Rules: a pacer sees snapshots and news and nothing else; it may keep what it learned; it never asks
for more than the caller can give; with nobody logged in it asks for nothing. A decision carries its
numbers, so that it can be explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Ages and durations in seconds, in any order: a tuple, or an array of floats.
Ages = Sequence[float] | NDArray[np.float64]
# Small whole numbers beside them: which list, which group.
Marks = Sequence[int] | NDArray[np.int64]


class CallEnd(IntEnum):
    """How the ringing of a call ended, for the pacer. LIVE: a person (or what AMD took for one).
    CANCELLED: we stopped it ourselves, so nothing is known of how it would have ended.
    """

    LIVE = 0
    MACHINE = 1
    BUSY = 2
    NO_ANSWER = 3
    INVALID = 4
    CONGESTION = 5
    CANCELLED = 6


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One campaign at one instant; ages in seconds.

    at: monotonic time. idle: agents available now. talking, wrapping: age of each agent's talk or
    wrap-up. ringing: age of each call in flight that nobody took yet. waiting: age of each answered
    call without an agent. connecting: calls for which an agent is reserved. room: calls that trunks
    can take now. abandoned, live: live answers of the accounting period (those abandoned included),
    and how many of them were abandoned. classifying: age since the answer of each call on which AMD
    still listens. ringing_list: the list of each ringing call (0 where there is one list only);
    next_list: of the calls that would be originated now. talking_group, wrapping_group: the group
    (team, case stage) of each. period_left_s: seconds until the accounting period ends, None when
    nobody knows. away: agents who are logged in and on a break. local_hour: 0 to 24 at the site,
    None when it plays no part.
    """

    at: float
    idle: int
    talking: Ages = ()
    wrapping: Ages = ()
    ringing: Ages = ()
    waiting: Ages = ()
    connecting: int = 0
    room: int = 1_000_000
    abandoned: int = 0
    live: int = 0
    classifying: Ages = ()
    ringing_list: Marks | None = None
    next_list: int = 0
    talking_group: Marks | None = None
    wrapping_group: Marks | None = None
    period_left_s: float | None = None
    away: int = 0
    local_hour: float | None = None

    @property
    def staffed(self) -> int:
        """Agents who work now: idle, about to be connected, talking or wrapping up."""
        return self.idle + self.connecting + len(self.talking) + len(self.wrapping)

    @property
    def in_flight(self) -> int:
        """Calls for which no agent is reserved: ringing, listened to by AMD, waiting."""
        return len(self.ringing) + len(self.classifying) + len(self.waiting)


@dataclass(frozen=True, slots=True)
class News:
    """What ended since the last decision; a pacer that learns takes it in. One entry a call, a talk,
    a wrap-up; seconds.

    call_end: CallEnd of calls that stopped ringing; call_ring_s: after so long (for LIVE and MACHINE
    until the answer); call_list: of which list. amd_s: how long AMD listened to each call that it
    decided on. talk_s, wrap_s with talk_group, wrap_group. patience_s: how long each caller waited
    who hung up before an agent or the limit came. left: agents who went away (break, log-out) when
    they were idle or finished.
    """

    call_end: Marks = ()
    call_ring_s: Ages = ()
    call_list: Marks | None = None
    amd_s: Ages = ()
    talk_s: Ages = ()
    talk_group: Marks | None = None
    wrap_s: Ages = ()
    wrap_group: Marks | None = None
    patience_s: Ages = ()
    left: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """originate: calls to start now. why: one sentence. numbers: what it was computed from. cancel:
    places in `Snapshot.ringing` of calls to be stopped now.
    """

    originate: int
    why: str
    numbers: dict[str, float] = field(default_factory=dict)
    cancel: tuple[int, ...] = ()


class Pacer(Protocol):
    """A policy of pacing."""

    def decide(self, snapshot: Snapshot) -> Decision:
        """How many calls to originate now."""
        ...

    def learn(self, news: News) -> None:
        """Take in what ended since the last decision. Called before `decide`, at each tick."""
        ...

    def memory(self) -> dict[str, Any]:
        """What was learned, as plain data (JSON), so that it can be kept over a restart, shown, and
        exported; {} for a policy that learns nothing.
        """
        ...
