"""What the law counts of a campaign and of a line beside persons: the share of abandoned calls, short calls.

Rules: what the gate is told was counted in the time that the rule names, by the calendar of the site; a
campaign's share is read from the store when its lease is taken, before it dials, and counted here from then
on, since nobody else dials for it; the figures of a caller id are read from the store each minute, since
others dial with it too, and only when a rule asks for them; a figure that is not known yet is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

import structlog

from dialer_engine.compliance.rules import PacingSpec, Rule, Span
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.campaign import Campaign, Period
from dialer_engine.domain.units import CampaignName, TrunkName
from dialer_engine.engine.account import period_around, site_zone
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)
SHARE: Final = "abandon_pct"
# Figures of a caller id, as rules name them (`strategies/compliance/br.yaml`).
LINE_FIGURES: Final = frozenset({"calls_today", "calls_month", "short_pct"})
# Thresholds of a hundred thousand calls do not hang on the last minute.
LOOK_S: Final = 60.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PERIODS: Final[Mapping[Span, Period]] = {
    Span.DAY: Period.DAY, Span.WEEK: Period.WEEK, Span.MONTH: Period.MONTH,
}  # fmt: skip


def around(now: datetime, spec: PacingSpec, zone: tzinfo) -> tuple[datetime, datetime]:
    """Begin and end of the rule's time that `now` lies in. Aware UTC."""
    assert spec.span is not None
    if spec.span is not Span.FIXED_DAYS:
        return period_around(now, _PERIODS[spec.span], zone)
    # Successive periods, counted from the epoch as those of caps, each beginning at local midnight.
    day = now.astimezone(zone).date()
    number = (day - _EPOCH.date()).days // spec.length * spec.length
    first = _EPOCH.date() + timedelta(days=number)
    last = first + timedelta(days=spec.length)
    begin, end = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (first, last))
    return begin, end


def share_specs(book: RuleBook) -> dict[str, PacingSpec]:
    """By window: the specs that ask for a share of abandoned calls over a time."""
    return {spec.window: spec for spec in _asking(book, frozenset({SHARE}))}


def line_specs(book: RuleBook) -> dict[str, PacingSpec]:
    """By window: those that ask for figures of a line."""
    return {spec.window: spec for spec in _asking(book, LINE_FIGURES)}


def _asking(book: RuleBook, figures: frozenset[str]) -> Iterator[PacingSpec]:
    for rule in book.active:
        spec = rule.spec
        if not isinstance(spec, PacingSpec) or spec.span is None:
            continue
        if any(limit.figure in figures for limit in spec.limits):
            yield spec


def share_figures(window: str, live: int, abandoned: int, ends: datetime) -> dict[str, float]:
    """What the gate is told of a share; nothing while nobody has answered."""
    if not live:
        return {}
    return {
        f"{SHARE}/{window}": 100.0 * abandoned / live, f"live/{window}": live,
        f"abandoned/{window}": abandoned, f"{window}/ends": ends.timestamp(),
    }  # fmt: skip


def line_figures(window: str, calls: int, short: int, ends: datetime) -> dict[str, float]:
    """What the gate is told of a caller id."""
    if not calls:
        return {}
    name = "calls_month" if window == Span.MONTH.value else "calls_today"
    return {
        f"{name}/{window}": calls, f"short_pct/{window}": 100.0 * short / calls,
        f"{window}/ends": ends.timestamp(),
    }  # fmt: skip


def by_caller(
    counts: Mapping[TrunkName, tuple[int, int]], callers: Mapping[TrunkName, str]
) -> dict[str, tuple[int, int]]:
    """(calls, short ones) of trunks, by the caller id that each shows; trunks that show none known are left
    out.
    """
    found: dict[str, tuple[int, int]] = {}
    for trunk, (calls, short) in counts.items():
        caller = callers.get(trunk)
        if caller is not None:
            before = found.get(caller, (0, 0))
            found[caller] = (before[0] + calls, before[1] + short)
    return found


@dataclass(slots=True)
class _Count:
    """Of a campaign in one period."""

    live: int
    abandoned: int
    ends_at: datetime


class Shares:
    """See the module."""

    def __init__(self, settings: EngineSettings, store: Store, clock: Clock) -> None:
        self._callers = {trunk: line.caller_id for trunk, line in settings.lines.items()}
        self._store = store
        self._clock = clock
        self._zone = site_zone(settings.rules.default_zone)
        self._specs = share_specs(settings.book)
        self._lines = line_specs(settings.book)
        self._rules = [
            rule
            for rule in settings.book.active
            if isinstance(rule.spec, PacingSpec) and rule.spec.window in self._specs
        ]
        self._counts: dict[tuple[CampaignName, str], _Count] = {}
        self._closed: dict[str, tuple[datetime, dict[TrunkName, tuple[int, int]]]] = {}
        self._of_line: dict[str, dict[str, float]] = {}
        self._looked: float = float("-inf")

    # -- campaigns

    async def recall(self, campaign: Campaign) -> None:
        """Ask the store before it is begun. StoreError."""
        for window, spec in self._specs.items():
            begin, end = around(self._clock.now().utc, spec, self._zone)
            live, abandoned = await self._store.live_answers(campaign.name, begin, end)
            self._counts[campaign.name, window] = _Count(live, abandoned, end)

    def count(self, name: CampaignName, abandoned: bool, now: datetime) -> None:
        """One live answer of whom it is known what became."""
        for window in self._specs:
            one = self._rolled(name, window, now)
            if one is not None:
                one.live += 1
                one.abandoned += abandoned

    def _rolled(self, name: CampaignName, window: str, now: datetime) -> _Count | None:
        one = self._counts.get((name, window))
        if one is not None and now >= one.ends_at:
            _, end = around(now, self._specs[window], self._zone)
            one = self._counts[name, window] = _Count(0, 0, end)
        return one

    def figures(self, name: CampaignName, now: datetime) -> dict[str, float]:
        """The campaign's shares, as rules name them."""
        found: dict[str, float] = {}
        for window in self._specs:
            one = self._rolled(name, window, now)
            if one is not None:
                found |= share_figures(window, one.live, one.abandoned, one.ends_at)
        return found

    def passed(self, name: CampaignName, now: datetime) -> str:
        """Which rule's limit the campaign's share is above, in words; empty when none's."""
        if not self._rules:
            return ""
        figures = self.figures(name, now)
        return "; ".join(
            f"{told} ({rule.id})" for rule in self._rules if (told := _above(rule, figures))
        )

    # -- lines

    async def look(self) -> None:
        """Each minute, when a rule asks: the calls of every caller id. StoreError."""
        now = self._clock.now()
        if not self._lines or now.mono - self._looked < LOOK_S:
            return
        self._looked = now.mono
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for window, spec in self._lines.items():
            begin, end = around(now.utc, spec, self._zone)
            counts = await self._counted(window, begin, now.utc)
            for caller, (calls, short) in by_caller(counts, self._callers).items():
                found[caller] |= line_figures(window, calls, short, end)
        self._of_line = dict(found)

    async def _counted(
        self, window: str, begin: datetime, now: datetime
    ) -> dict[TrunkName, tuple[int, int]]:
        """By trunk (calls, short ones) since the beginning; what is of an earlier day is asked once."""
        today, tomorrow = period_around(now, Period.DAY, self._zone)
        end = max(now, tomorrow)
        if begin >= today:
            return dict(await self._store.trunk_calls(begin, end))
        known = self._closed.get(window)
        if known is None or known[0] != today:
            known = self._closed[window] = (
                today,
                dict(await self._store.trunk_calls(begin, today)),
            )
        counts = dict(known[1])
        for trunk, (calls, short) in (await self._store.trunk_calls(today, end)).items():
            before = counts.get(trunk, (0, 0))
            counts[trunk] = (before[0] + calls, before[1] + short)
        return counts

    def of_line(self, caller_id: str) -> Mapping[str, float]:
        """The figures of a caller id, as rules name them."""
        return self._of_line.get(caller_id, {})


def _above(rule: Rule, figures: Mapping[str, float]) -> str:
    assert isinstance(rule.spec, PacingSpec)
    for limit in rule.spec.limits:
        share = figures.get(f"{SHARE}/{rule.spec.window}", 0.0)
        if limit.figure == SHARE and limit.most is not None and share > limit.most:
            return f"{share:.1f} % of live answers abandoned, at most {limit.most:g} %"
    return ""
