"""The figures of a report, as plain data. The store counts them; the cli draws them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds or seconds, as the field that holds it says; None when nothing was measured."""

    p50: float | None = None
    p99: float | None = None
    max: float | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One campaign, or all, over a span of time.

    answered: calls that a person or a machine took. answer_rate: answered / attempts.
    abandonment_rate: abandoned / live answers (bridged + abandoned + hung up early), the share that
    regulators limit. utilization: agents' talk + wrap-up over their logged-in time without breaks.
    waits: seconds that answered debtors waited for an agent, bridged or not.

    segments: attempts by strategy and segment, of campaigns whose strategy has segments. denials: how
    often a case that was due was not dialled, and who said no. promises: those given in these attempts,
    and of all campaigns together also those that no call brought; amounts by currency, as text.
    """

    campaign: str | None
    since: str | None
    until: str | None
    attempts: int = 0
    attempts_without_outcome: int = 0
    answered: int = 0
    live: int = 0
    bridged: int = 0
    abandoned: int = 0
    answer_rate: float | None = None
    abandonment_rate: float | None = None
    utilization: float | None = None
    outcomes: dict[str, int] = field(default_factory=dict)
    recordings_expected: int = 0
    recordings_verified: int = 0
    recordings_failed: int = 0
    answer_to_bridge_ms: Quantiles = field(default_factory=Quantiles)
    wait_s: Quantiles = field(default_factory=Quantiles)
    talk_s_mean: float | None = None
    agents: list[dict[str, Any]] = field(default_factory=list)
    trunks: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    denials: list[dict[str, Any]] = field(default_factory=list)
    promises: dict[str, Any] = field(default_factory=dict)
