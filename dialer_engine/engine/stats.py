"""What the engine counts. Plain numbers, read by status and metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class EngineStats:
    """illegal: impossible events by machine and event. stray: events of calls that are not ours or
    are over. cancelled: ringing calls that pacing stopped. bridge_ms: the last answer-to-bridge times.
    """

    illegal: Counter[str] = field(default_factory=Counter)
    stray: int = 0
    originates: int = 0
    refused_by_pbx: int = 0
    unknown: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    failovers: int = 0
    recovered: int = 0
    cancelled: int = 0
    ticks: int = 0
    late_ticks: int = 0


@dataclass(slots=True)
class Figures:
    """One campaign since the daemon started it."""

    attempts: int = 0
    live: int = 0
    bridged: int = 0
    abandoned: int = 0
    talk_s: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
