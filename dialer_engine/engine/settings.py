"""What the engine is told by the configuration; app/wiring makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.compliance.ruleset import NO_BOOK, RuleBook
from dialer_engine.domain.agent import AgentPolicy
from dialer_engine.domain.call import CallPolicy
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import TrunkName
from dialer_engine.strategy.model import Strategy
from dialer_engine.strategy.retry import RetryTable
from dialer_engine.strategy.scripts import Library


@dataclass(frozen=True, slots=True)
class LineLaw:
    """What the law asks of a trunk. carrier: whose limits hold. caller_id: the number that is shown."""

    carrier: str = ""
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """A strategy with segments. version: the first half of the SHA-256 of its file, in hexadecimal."""

    strategy: Strategy
    version: str


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """instance: the stable name of this daemon; it holds the campaign leases and gets them back
    after a crash. tick_s: time between pacing decisions. lease_s: how long a campaign's lease lasts
    unrenewed. sweep_s: how often the PBX is asked what lives. pbx_wait_s: how long the PBX lets an
    answered debtor wait before it acts by itself. prefetch: cases held ready for each campaign.
    dispositions: what agents may choose, code -> label. dtmf: key -> code. max_pin_failures: wrong
    PINs for one agent number before it is refused for `pin_lock_s`. priors: what a campaign that never
    dialled begins with, as `dialer-engine pacing export` writes it. book: the law, beside `rules`; tzdata:
    the release of the zone data; disclosures: what scripts and lines promise; lines: by trunk. courses:
    strategies with segments, by name; library: their scripts; words: what the house fills into them.
    safe_harbour_sha256: of a copy of that prompt, empty where none is kept.
    """

    instance: str
    rules: RuleSet
    trunks: tuple[TrunkLimits, ...]
    strategies: Mapping[str, RetryTable]
    call: CallPolicy = field(default_factory=CallPolicy)
    agent: AgentPolicy = field(default_factory=AgentPolicy)
    tick_s: float = 0.25
    lease_s: float = 30.0
    sweep_s: float = 15.0
    pbx_wait_s: float = 8.0
    prefetch: int = 500
    safe_harbour: str = ""
    safe_harbour_sha256: str = ""
    max_ringing_per_agent: float = 12.0
    agent_ring_timeout_s: float = 30.0
    record: bool = True
    dispositions: Mapping[str, str] = field(default_factory=dict)
    dtmf: Mapping[str, str] = field(default_factory=dict)
    break_reasons: tuple[str, ...] = ()
    max_pin_failures: int = 5
    pin_lock_s: float = 60.0
    priors: Mapping[str, Any] | None = None
    book: RuleBook = NO_BOOK
    tzdata: str = ""
    disclosures: frozenset[str] = frozenset()
    lines: Mapping[TrunkName, LineLaw] = field(default_factory=dict)
    courses: Mapping[str, Course] = field(default_factory=dict)
    library: Library = field(default_factory=Library)
    words: Mapping[str, str] = field(default_factory=dict)
