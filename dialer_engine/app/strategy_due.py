"""What `strategy due` does: the steps of today that are no calls, each asked of the gate.

Rules: nothing is sent from here: a site hands the list to its gateway or its agency, and reports what went out
by the import of contacts, after which the step is due no more; every step but a task is asked of the same gate
as calls, for its own channel, on the debtor's first number; what may be done later on the same day is listed
with that time; personal fields are masked, and the text left out, unless asked for (`unmask.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dialer_engine.app import strategies as files
from dialer_engine.app import unmask
from dialer_engine.app.compliance import tzdata_version
from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.unmask import Asked
from dialer_engine.app.wiring import house_rules, rule_book
from dialer_engine.compliance.counting import CHANNEL_FLAG
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.gate import Denial, Gate, local_day
from dialer_engine.compliance.lifting import with_wide
from dialer_engine.compliance.rules import Channel as Via
from dialer_engine.compliance.rules import Override
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.collections.codes import PointKind
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.domain.units import E164, CampaignName, CaseId
from dialer_engine.engine.settings import Course
from dialer_engine.store import compliance, due
from dialer_engine.store.due import Reachable
from dialer_engine.store.export import Form, write_rows
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.numbers import masked
from dialer_engine.store.sql import SqlStore
from dialer_engine.strategy.choose import choose
from dialer_engine.strategy.conditions import fact_map, nearest
from dialer_engine.strategy.model import Channel, Step
from dialer_engine.strategy.outbox import channels, done_since, steps_due, words_of

Json = dict[str, Any]
_PAGE = 500
# At noon every zone of a country has the same day.
_NOON = time(12)
_VIA = {
    Channel.SMS: Via.SMS,
    Channel.EMAIL: Via.EMAIL,
    Channel.MESSENGER: Via.CHAT,
    Channel.LETTER: Via.LETTER,
    Channel.VISIT: Via.VISIT,
}
_POINTS = {
    Channel.EMAIL: PointKind.EMAIL,
    Channel.MESSENGER: PointKind.MESSENGER,
    Channel.LETTER: PointKind.ADDRESS,
    Channel.VISIT: PointKind.ADDRESS,
}
COLUMNS = (
    "case", "campaign", "channel", "to", "name", "not_before", "step", "segment", "priority", "script",
    "script_version", "strength", "language", "strategy", "strategy_version", "text", "missing",
)  # fmt: skip


@dataclass(slots=True)
class _Step:
    """A step that is due, before the gate."""

    step: Step
    segment: str
    case: Reachable
    facts: CaseFacts


@dataclass(slots=True)
class Found:
    """due, denied: rows. done: how many were done already."""

    due: list[Json] = field(default_factory=list)
    denied: list[Json] = field(default_factory=list)
    done: int = 0


def steps(
    config: Config,
    campaign: str | None,
    *,
    channel: str | None = None,
    day: date | None = None,
    to: Path | None = None,
    asked: Asked | None = None,
) -> Json:
    """{day, due [COLUMNS], denied [{case, campaign, channel, step, reasons, again_at}], done, file}. campaign
    None: all that have a strategy. to: the due ones as CSV as well. NotFound, BadValue.
    """
    wanted = _channel(channel)

    async def work(store: SqlStore) -> Json:
        if asked is not None:
            told = f"strategy due {campaign or ''} {channel or ''}"
            await unmask.note(store, config, asked, " ".join(told.split()))
        return await _Day(config, store, wanted, day, asked is not None).told(campaign, to)

    return in_store(config, work)


def _channel(name: str | None) -> Channel | None:
    if name is None:
        return None
    known = [one.value for one in channels()]
    if name not in known:
        raise BadValue(
            f"nothing is sent by {name!r}{nearest(name, known)}; there are {', '.join(known)}"
        )
    return Channel(name)


class _Day:
    """One look at the book."""

    def __init__(
        self, config: Config, store: SqlStore, channel: Channel | None, day: date | None, full: bool
    ) -> None:
        self._config, self._store, self._channel, self._full = config, store, channel, full
        self._rules = house_rules(config)
        self._zone = ZoneInfo(config.compliance.default_zone or "UTC")
        self._now = datetime.now(UTC)
        if day is not None and day != self._now.astimezone(self._zone).date():
            self._now = datetime.combine(day, _NOON, self._zone).astimezone(UTC)
        book = rule_book(config)
        self._gate = Gate(self._rules, book, tzdata=tzdata_version())
        self._laws = {via: SqlLaw(store, book, channel=via.value) for via in _VIA.values()}
        self._books = files.read_books(config.strategies.folder)
        self._versions = files.script_versions(config.strategies.folder)
        self._wide: Any = None
        # A case may be in two campaigns: it is written to once.
        self._given: set[tuple[int, Channel, str]] = set()

    async def told(self, campaign: str | None, to: Path | None) -> Json:
        """See `steps`."""
        found = Found()
        self._wide = await next(iter(self._laws.values())).lifted_widely(self._now)
        for name, course in (await self._courses(campaign)).items():
            await self._campaign(name, course, found)
        found.due.sort(key=lambda row: -row["priority"])
        if to is not None:
            await write_rows(to, Form.CSV, COLUMNS, _one_page(found.due), None)
        return {
            "day": self._now.astimezone(self._zone).date().isoformat(),
            "due": found.due,
            "denied": found.denied,
            "done": found.done,
            "file": str(to) if to else None,
        }

    async def _courses(self, campaign: str | None) -> dict[CampaignName, Course]:
        known = {one.name: one.strategy for one in await self._store.campaigns()}
        if campaign is not None and campaign not in known:
            raise NotFound(f"no campaign is called {campaign}{nearest(campaign, known)}")
        chosen = (
            known if campaign is None else {CampaignName(campaign): known[CampaignName(campaign)]}
        )
        found = {n: self._books.courses[s] for n, s in chosen.items() if s in self._books.courses}
        if campaign is not None and not found:
            raise NotFound(f"the strategy of campaign {campaign} has no segments")
        return found

    async def _campaign(self, name: CampaignName, course: Course, found: Found) -> None:
        after, today = 0, self._now.astimezone(self._zone).date()
        while True:
            rows = await self._store.database.read(
                due.page, self._store.ids, self._store.vault, name, after, _PAGE, today
            )
            if not rows:
                return
            after = rows[-1].case_id
            facts = await self._store.case_facts([CaseId(r.case_id) for r in rows], self._now)
            steps = [one for row in rows for one in self._steps(course, row, facts)]
            for channel in channels():
                mine = [one for one in steps if one.step.channel is channel]
                if mine:
                    await self._ask(name, course, channel, mine, found)

    def _steps(
        self, course: Course, row: Reachable, facts: dict[CaseId, CaseFacts]
    ) -> Sequence[_Step]:
        known = facts.get(CaseId(row.case_id))
        if known is None:
            return []
        choice = choose(course.strategy, fact_map(known), row.reference)
        segment = choice.segment.id if choice.segment else ""
        found = []
        for step in steps_due(choice, self._channel):
            # Tasks are told apart by their name, what is sent by its channel.
            key = (row.case_id, step.channel, step.id if step.channel is Channel.TASK else "")
            if key not in self._given:
                self._given.add(key)
                found.append(_Step(step, segment, row, known))
        return found

    async def _ask(
        self,
        name: CampaignName,
        course: Course,
        channel: Channel,
        steps: Sequence[_Step],
        found: Found,
    ) -> None:
        """The gate, for the steps of one channel and some cases."""
        if channel is Channel.TASK:
            found.due += [self._row(name, course, one, "", None) for one in steps]
            return
        law = self._laws[_VIA[channel]]
        facts = await law.facts([self._candidate(name, one.case) for one in steps], self._now)
        done = await self._done(channel, steps, facts)
        for one in steps:
            if one.case.case_id in done:
                found.done += 1
                continue
            self._judge(name, course, one, facts[CaseId(one.case.case_id)], found)

    def _judge(
        self, name: CampaignName, course: Course, one: _Step, facts: Facts, found: Found
    ) -> None:
        to = _contact(one)
        if not to:
            found.denied.append(_denied(name, one, [("no_contact", "there is none to send it to")]))
            return
        verdict = self._gate.decide(self._asked(name, one, facts), self._now)
        if not isinstance(verdict, Denial):
            found.due.append(self._row(name, course, one, to, None))
            return
        again = verdict.again_at
        if again is not None and self._is_today(again, facts.zone):
            found.due.append(self._row(name, course, one, to, again))
            return
        told = [(reason.code, reason.text) for reason in verdict.reasons]
        found.denied.append(_denied(name, one, told, again))

    def _is_today(self, again: datetime, zone: str | None) -> bool:
        here = ZoneInfo(zone) if zone else self._zone
        return again.astimezone(here).date() == self._now.astimezone(here).date()

    def _candidate(self, name: CampaignName, row: Reachable) -> Candidate:
        number, _, zone = row.numbers[0] if row.numbers else ("", "", None)
        return Candidate(
            name, CaseId(row.case_id), row.reference, E164(number), zone, 0, 0, len(row.numbers), "",
            0, 0, local_day(zone, self._rules, self._now),
        )  # fmt: skip

    def _asked(self, name: CampaignName, one: _Step, facts: Facts) -> Facts:
        speech = self._speech(one)
        said = frozenset(self._config.compliance.disclosures)
        wide: tuple[Override, ...] = with_wide(facts, name, self._wide or {})
        return replace(
            facts,
            disclosures=said | frozenset(speech.required if speech else ()),
            overrides=wide,
        )

    async def _done(self, channel: Channel, steps: Sequence[_Step], facts: Any) -> set[int]:
        """Cases that were contacted so within the days of the step."""
        keys = {one.case.case_id: facts[CaseId(one.case.case_id)].keys.get("person_x_debt", "")
                for one in steps}  # fmt: skip
        today = self._now.astimezone(self._zone).date()
        since = {one.case.case_id: self._begin(one, today) for one in steps}
        wanted = {key: since[case] for case, key in keys.items() if key}
        history = await self._store.database.read(compliance.history, wanted)
        flag = CHANNEL_FLAG[_VIA[channel]]
        return {
            case
            for case, key in keys.items()
            if any(at >= since[case] and flags & flag for at, flags in history.get(key, ()))
        }

    def _begin(self, one: _Step, today: date) -> datetime:
        first = done_since(one.step, one.facts.dpd, today)
        return datetime.combine(first, time(), self._zone).astimezone(UTC)

    def _speech(self, one: _Step) -> Any:
        return words_of(
            self._books.library, one.step, one.facts, self._now.astimezone(self._zone).date(),
            name=one.case.name, language=one.case.language, house=dict(self._config.strategies.words),
        )  # fmt: skip

    def _row(
        self, name: CampaignName, course: Course, one: _Step, to: str, again: datetime | None
    ) -> Json:
        speech, step = self._speech(one), one.step
        script = speech.script if speech else step.script
        return {
            "case": one.case.reference,
            "campaign": name,
            "channel": step.channel.value,
            "to": to if self._full else _masked(to),
            "name": one.case.name if self._full else _masked(one.case.name),
            "not_before": again.isoformat(timespec="minutes") if again else None,
            "step": step.id,
            "segment": one.segment,
            "priority": step.priority,
            "script": script,
            "script_version": self._versions.get(script, ""),
            "strength": speech.strength if speech else step.strength,
            "language": speech.language if speech else one.case.language,
            "strategy": course.strategy.name,
            "strategy_version": course.version,
            "text": speech.text if speech and self._full else None,
            "missing": list(speech.missing) if speech else [],
        }


def _contact(one: _Step) -> str:
    if one.step.channel is Channel.SMS:
        return one.case.mobile()
    return one.case.point(_POINTS[one.step.channel])


def _masked(text: str) -> str:
    if text.startswith("+"):
        return masked(text)
    return f"{text[0]}**" if text else ""


def _denied(
    name: CampaignName,
    one: _Step,
    reasons: Sequence[tuple[str, str]],
    again: datetime | None = None,
) -> Json:
    return {
        "case": one.case.reference,
        "campaign": name,
        "channel": one.step.channel.value,
        "step": one.step.id,
        "reasons": [{"code": code, "text": text} for code, text in reasons],
        "again_at": again.isoformat(timespec="minutes") if again else None,
    }


async def _one_page(rows: list[Json]) -> AsyncIterator[list[Json]]:
    yield rows
