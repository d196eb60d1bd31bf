"""What the engine knows of the law's books: facts for the gate, who was put on a list meanwhile, and the
denials that still have to go on record.

Rules: a case whose facts are not known is not dialled; a change of a list counts within a second, for
cases that are held ready, for calls that are being committed, and for calls that ring or wait; a talk
goes on, since the person is on the line already and the agent sees the hold. Denials wait here until the
store takes them; while it takes nothing, nothing is dialled, so they cannot pile up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from dialer_engine.compliance.counting import Contact, unit_key
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.gate import Denial, Gate
from dialer_engine.compliance.lifting import with_wide
from dialer_engine.compliance.rules import Override, Unit
from dialer_engine.domain import events as ev
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import StoreError
from dialer_engine.domain.units import AttemptId, CaseId, Moment, TrunkName
from dialer_engine.engine.inbox import Inbox
from dialer_engine.engine.registry import Call, Registry
from dialer_engine.engine.settings import EngineSettings, LineLaw
from dialer_engine.engine.shares import Shares
from dialer_engine.engine.wordings import Wordings
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.law import Flying, Law

log = structlog.get_logger(__name__)
# Twice a second: what a list says counts within a second, the question and its answer included.
LOOK_S = 0.5
_BEFORE_TALK = frozenset(CallPhase) - {CallPhase.TALKING, CallPhase.HANGING_UP, CallPhase.ENDED}
_NO_LINE = LineLaw()
# What the house promises of its lines, that rules take as a fact of the call.
_LINE_FLAGS = frozenset({"origin_authenticated"})


def line_key(trunk: TrunkName) -> str:
    """The counter of a trunk."""
    return unit_key(Unit.TRUNK, trunk)


def on_line(facts: Facts, key: str, counted: Mapping[str, tuple[Contact, ...]]) -> Facts:
    """With the counter of the trunk, and what is on it."""
    return replace(
        facts,
        keys={**facts.keys, Unit.TRUNK.value: key},
        history={**facts.history, key: counted.get(key, ())},
    )


def _line_keys(settings: EngineSettings) -> dict[TrunkName, str]:
    """The counters of the trunks, where a rule counts by trunk."""
    if Unit.TRUNK.value not in settings.book.units:
        return {}
    return {limits.name: line_key(limits.name) for limits in settings.trunks}


class Counsel:
    """law None: there are no books; the gate knows what the candidate says and nothing more. shares None:
    nobody counts what is abandoned.
    """

    def __init__(
        self,
        settings: EngineSettings,
        law: Law | None,
        registry: Registry,
        inbox: Inbox,
        clock: Clock,
        shares: Shares | None = None,
    ) -> None:
        self.settings = settings
        self.gate = Gate(settings.rules, settings.book, tzdata=settings.tzdata)
        self.wordings = Wordings(settings)
        self._law = law
        self._registry = registry
        self._inbox = inbox
        self._clock = clock
        self._shares = shares
        self._known: dict[CaseId, Facts] = {}
        self._barred: dict[AttemptId, str] = {}
        self._records: list[tuple[CaseId, Mapping[str, Any]]] = []
        self._version: int | None = None
        self._wide: Mapping[str, tuple[Override, ...]] | None = None
        self._line_keys = _line_keys(settings)
        self._lines: Mapping[str, tuple[Contact, ...]] = {}

    def apply(self, settings: EngineSettings) -> None:
        """New rules and words, from the next question on."""
        self.settings = settings
        self._line_keys = _line_keys(settings)
        fresh, self.wordings = self.wordings.fresh, Wordings(settings)
        self.wordings.fresh |= fresh
        self.gate = Gate(settings.rules, settings.book, tzdata=settings.tzdata)

    # -- facts

    async def learn(self, candidates: Sequence[Candidate], now: datetime) -> list[Candidate]:
        """Find out what the gate will ask; returns those of whom it is known. StoreError."""
        if self._law is None or not candidates:
            return list(candidates)
        if self._wide is None:
            self._wide = await self._law.lifted_widely(now)
        await self._look_at_lines(self._law)
        found = await self._law.facts(candidates, now)
        self._known |= found
        return [one for one in candidates if one.case_id in found]

    def forget(self, at_hand: set[CaseId]) -> None:
        """Keep what is known of these cases, and drop the rest."""
        self._known = {case: facts for case, facts in self._known.items() if case in at_hand}

    def facts(
        self,
        candidate: Candidate,
        campaign: Campaign,
        attempt: AttemptId,
        trunk: TrunkName | None,
        kept_free: bool = False,
    ) -> Facts:
        """Everything for the gate. Of a case whose books were not read, what the candidate says: rules
        that need more deny it. kept_free: an agent is free for this call and for no other one.
        """
        known = self._known.get(candidate.case_id)
        if known is None:
            known = Facts(
                AttemptId(""), candidate.number, candidate.zone, candidate.attempts_today, candidate.counted_day
            )  # fmt: skip
        messages = self.wordings.of(candidate.plan, campaign)
        if not self.settings.book.rules:
            return replace(known, attempt=attempt, messages=messages)
        line = self.settings.lines.get(trunk, _NO_LINE) if trunk is not None else _NO_LINE
        flags = known.flags | (self.settings.disclosures & _LINE_FLAGS)
        if campaign.mode.for_one_agent or kept_free:
            flags |= {"agent_guaranteed"}
        if counter := self._counted_on(trunk):
            known = on_line(known, counter, self._lines)
        return replace(
            known,
            attempt=attempt,
            subject=replace(known.subject, carrier=line.carrier) if line.carrier else known.subject,
            flags=flags,
            disclosures=self.settings.disclosures,
            caller_id=line.caller_id,
            figures=self._figures(campaign, line),
            overrides=with_wide(known, campaign.name, self._wide or {}),
            messages=messages,
        )

    def _figures(self, campaign: Campaign, line: LineLaw) -> dict[str, float]:
        figures = {"ring_s": campaign.ring_timeout_s, "wait_s": campaign.wait_limit_s}
        if self._shares is not None:
            now = self._clock.now().utc
            figures |= self._shares.figures(campaign.name, now)
            figures |= self._shares.of_line(line.caller_id)
        return figures

    def _counted_on(self, trunk: TrunkName | None) -> str | None:
        """The counter of the trunk, where a rule counts by trunk; before one is chosen, that of the one with
        the least on it: who is to be dialled is asked again with its own.
        """
        if trunk is not None:
            return self._line_keys.get(trunk)
        keys = self._line_keys.values()
        return min(keys, key=lambda key: len(self._lines.get(key, ())), default=None)

    async def _look_at_lines(self, law: Law) -> None:
        if self._line_keys:
            keys = list(self._line_keys.values())
            self._lines = await law.counted(keys, self._clock.now().utc)

    def share_passed(self, campaign: Campaign) -> str:
        """Which limit of abandoned calls the campaign is above, in words: then only calls for which an agent
        is kept free may leave. Empty when it is above none.
        """
        if self._shares is None or campaign.mode is DialMode.ROBOT:
            return ""
        return self._shares.passed(campaign.name, self._clock.now().utc)

    def denied(self, facts: Facts, denial: Denial, case_id: CaseId, now: datetime) -> None:
        """Put a denial on record, soon."""
        if self._law is not None:
            self._records.append((case_id, self.gate.record_of(facts, now, denial)))

    # -- what changed meanwhile

    def barred(self, attempt: AttemptId) -> str:
        """Why a call that was permitted may not go on; empty when it may."""
        return self._barred.get(attempt, "")

    def may_bridge(self, call: Call, now: Moment) -> str:
        """Asked before an answered call gets an agent: why not, empty when it may."""
        barred = self.barred(call.state.attempt)
        return barred or self.gate.may_bridge(call.must_end_by, (), now.utc)

    async def look(self) -> None:
        """Every half second: has a list or an override changed, and whom does that concern; then the
        denials.
        """
        if self._law is None:
            return
        await self._look_at_lines(self._law)
        version = await self._law.version()
        if version != self._version:
            self._wide = await self._law.lifted_widely(self._clock.now().utc)
            await self._look_at_calls(self._law)
            await self._look_at_cases(self._law)
            self._version = version
        self._barred = {a: why for a, why in self._barred.items() if a in self._registry.calls}
        await self._write(self._law)

    async def _look_at_calls(self, law: Law) -> None:
        flying = [
            Flying(call.state.attempt, call.candidate.case_id, call.candidate.number or None)
            for call in self._registry.calls.values()
            if call.state.phase in _BEFORE_TALK
        ]
        found = await law.suppressed(flying, self._clock.now().utc)
        for attempt, names in found.items():
            call = self._registry.calls.get(attempt)
            if call is None:
                continue
            why = f"suppression: {', '.join(names)}"
            self._barred[attempt] = why
            log.info("a call was ended: somebody was put on a list", attempt=attempt, lists=names)
            # One that is being committed is looked at again before it is dialled.
            if call.state.phase in _BEFORE_TALK - {CallPhase.PLANNED}:
                self._inbox.put(ev.HangupAsked(attempt, why))

    async def _look_at_cases(self, law: Law) -> None:
        """Those that are held ready hear of it when the gate is asked."""
        held = [
            Flying(AttemptId(str(case)), case, facts.number) for case, facts in self._known.items()
        ]
        now = self._clock.now().utc
        found = await law.suppressed(held, now)
        lifted = await law.lifted(list(self._known), now)
        for case, facts in list(self._known.items()):
            names = found.get(AttemptId(str(case)), ())
            given = lifted.get(case, ())
            if (names, given) != (facts.lists, facts.overrides):
                self._known[case] = replace(facts, lists=names, overrides=given)

    async def _write(self, law: Law) -> None:
        if self.wordings.fresh:
            words = dict(self.wordings.fresh)
            await law.said(words, self._clock.now().utc)
            self.wordings.recorded(words)
        if not self._records:
            return
        waiting, self._records = self._records, []
        try:
            await law.denied(waiting)
        except StoreError:
            self._records = waiting + self._records
            raise
