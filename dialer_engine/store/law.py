"""The books of compliance in the database: `SqlLaw`, behind `ports.law.Law`.

Rules: a batch of candidates is some queries whatever its size; a unit is named by ids and blind indexes.
What a case and a number say comes with the draw, on the law card (`law_cards.py`), or is read anew where
there is none (`law_reading.py`, which also says how facts are filled): both give the same facts. History
and lists are on no card: they are read here for those of whom the draw saw that there is something, and for
all when a list changed since. jurisdictions: of `case_facts`, unknown when empty, so that every rule binds.
zones: of the number and of the same person's addresses. flags: those that were read, and the kinds of holds
in force. days past due: from the oldest unpaid due date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.compliance.counting import Contact, unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.rules import Override
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.compliance.zones import jurisdictions
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.errors import StoreError
from dialer_engine.domain.units import AttemptId, CampaignName, CaseId
from dialer_engine.ports.law import Flying
from dialer_engine.store import compliance, evidence, law_cards, law_reading, suppression
from dialer_engine.store.engine import CommitUnknown
from dialer_engine.store.law_cards import Drawn
from dialer_engine.store.law_reading import Known
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.vault import Vault

log = structlog.get_logger(__name__)
_NO_FLAGS: Final[frozenset[str]] = frozenset()
_NO_HISTORY: Final[Mapping[str, tuple[Contact, ...]]] = {}
_NO_CONSENT: Final[Mapping[str, str]] = {}
_NOBODY: Final = AttemptId("")


@dataclass(slots=True)
class _One:
    """A candidate on its way to its facts. keys: unit to counter. looked: history and lists may have
    something.
    """

    candidate: Candidate
    known: Known
    keys: dict[str, str]
    called: bool
    listed: bool


class SqlLaw:
    """book: what is counted, and how far back. purpose, channel: of all calls of this daemon."""

    def __init__(
        self, store: SqlStore, book: RuleBook, *, purpose: str = "collect", channel: str = "voice"
    ) -> None:
        self._store = store
        self.book = book
        self._purpose = purpose
        self._channel = channel

    async def facts(self, candidates: Sequence[Candidate], now: datetime) -> Mapping[CaseId, Facts]:
        """See the port."""
        found = await self._store.database.read(self._facts, self._store.vault, candidates, now)
        without = [one.case_id for one in candidates if _lacks_card(one)]
        if without:
            await self._make_cards(without)
        return found

    async def _make_cards(self, ids: Sequence[CaseId]) -> None:
        """So that the next draw is quicker; it is as right without."""
        try:
            await self._store.database.write(law_cards.build, ids)
        except (StoreError, CommitUnknown) as error:
            log.info(
                "law cards could not be kept",
                cases=len(ids),
                error=str(error) or "its end is not known",
            )

    async def version(self) -> int:
        """See the port."""
        return await self._store.database.read(suppression.version)

    async def suppressed(
        self, calls: Sequence[Flying], now: datetime
    ) -> Mapping[AttemptId, tuple[str, ...]]:
        """See the port."""
        vault = self._store.vault
        units = {one.attempt: _listed_units(vault, one.number, one.case_id) for one in calls}
        wanted = [unit for names in units.values() for unit in names]
        held = await self._store.database.read(suppression.lists_of, wanted, now)
        found = {attempt: _names(held, names) for attempt, names in units.items()}
        return {attempt: names for attempt, names in found.items() if names}

    async def lifted(
        self, cases: Sequence[CaseId], now: datetime
    ) -> Mapping[CaseId, tuple[Override, ...]]:
        """See the port."""
        return await self._store.database.read(compliance.overrides, cases, now)

    async def denied(self, records: Sequence[tuple[CaseId, Mapping[str, Any]]]) -> None:
        """See the port."""
        entries = [evidence.denied(record, case) for case, record in records]
        await self._store.database.write(evidence.append, entries)

    # -- facts

    async def _facts(
        self,
        connection: AsyncConnection,
        vault: Vault,
        candidates: Sequence[Candidate],
        now: datetime,
    ) -> dict[CaseId, Facts]:
        # Before the lists: what it counts is in them.
        version = await suppression.version(connection)
        bare = [one for one in candidates if _card(one) is None]
        ones = await _read(connection, vault, bare) if bare else {}
        for one in candidates:
            if (drawn := _card(one)) is not None:
                ones[one.case_id] = _carded(one, drawn, version)
        history = await self._history(connection, ones.values(), now)
        wanted = [unit for one in ones.values() if one.listed for unit in _units(one)]
        listed = await suppression.lists_of(connection, wanted, now) if wanted else {}
        versions = {"suppressions": str(version)}
        return {
            one.case_id: self._one(ones[one.case_id], history, listed, versions, now)
            for one in candidates
        }

    async def _history(
        self, connection: AsyncConnection, ones: Iterable[_One], now: datetime
    ) -> compliance.History:
        counted, since = self.book.units, self.book.horizon(now)
        units = {
            key: since
            for one in ones
            if one.called
            for unit, key in one.keys.items()
            if unit in counted
        }
        return await compliance.history(connection, units) if units else {}

    def _one(
        self,
        one: _One,
        history: compliance.History,
        listed: Mapping[str, tuple[str, ...]],
        versions: Mapping[str, str],
        now: datetime,
    ) -> Facts:
        known, asked, keys = one.known, one.candidate, one.keys
        return Facts(
            _NOBODY,
            asked.number,
            asked.zone,
            asked.attempts_today,
            asked.counted_day,
            subject=_subject(
                self._channel, self._purpose, known.party_type, known.role, known.debt_type,
                known.place, known.jurisdiction,
            ),
            address_zones=known.address_zones,
            country=known.jurisdiction.partition("-")[0],
            keys=keys,
            history=_contacts(history, keys) if one.called else _NO_HISTORY,
            lists=_names(listed, _units(one)) if one.listed else (),
            consents={"calls": known.consent} if known.consent else _NO_CONSENT,
            flags=_flags(known, now),
            days_past_due=_past_due(known.oldest_due, asked.counted_day),
            overrides=_lifted(known, now),
            versions=versions,
        )  # fmt: skip


def _card(one: Candidate) -> Drawn | None:
    """What the draw knew, if that is all there is to know of the case."""
    drawn = one.known
    return drawn if isinstance(drawn, Drawn) and drawn.card is not None else None


async def _read(
    connection: AsyncConnection, vault: Vault, candidates: Sequence[Candidate]
) -> dict[CaseId, _One]:
    """Those without a card; nobody looked for their history and lists either."""
    found = await law_reading.read(connection, [one.case_id for one in candidates])
    made = {}
    for one in candidates:
        key = vault.number(one.number)
        known = found.known(one.case_id, key)
        made[one.case_id] = _One(one, known, _keys(one.campaign, key, known), True, True)
    return made


def _carded(one: Candidate, drawn: Drawn, version: int) -> _One:
    assert drawn.card is not None
    known = law_cards.known_of(drawn.person, drawn.card)
    keys = _keys(one.campaign, drawn.number_key, known)
    return _One(one, known, keys, drawn.called, drawn.listed or drawn.version != version)


def _keys(campaign: CampaignName, number_key: str, known: Known) -> dict[str, str]:
    keys = {
        "number": suppression.number_unit(number_key),
        "person": known.person,
        "person_x_debt": known.person_x_debt,
        "person_x_creditor": known.person_x_creditor,
        "campaign": _campaign_key(campaign),
    }
    if known.third_party:
        keys["third_party"] = known.third_party
    return keys


@lru_cache(maxsize=1024)
def _campaign_key(name: CampaignName) -> str:
    return unit_key("campaign", name)


def _units(one: _One) -> tuple[str, ...]:
    """Under which names a list may hold it."""
    return suppression.case_unit(one.candidate.case_id), one.keys["number"]


@lru_cache(maxsize=1024)
def _subject(
    channel: str, purpose: str, party_type: str, role: str, debt_type: str, kind: str, place: str
) -> Subject:
    """One for the many cases that it is true of."""
    return Subject(
        channel=channel,
        purpose=purpose,
        party_type=party_type,
        role=role,
        debt_type=debt_type,
        place=kind,
        jurisdictions=jurisdictions(place) if place else None,
    )


def _contacts(
    history: compliance.History, keys: Mapping[str, str]
) -> dict[str, tuple[Contact, ...]]:
    return {key: tuple(history[key]) for key in keys.values() if key in history}


def _flags(known: Known, now: datetime) -> frozenset[str]:
    if not (known.flags or known.holds):
        return _NO_FLAGS
    held = (kind for kind, until in known.holds if until is None or until > now)
    return frozenset((*known.flags, *held))


def _lifted(known: Known, now: datetime) -> tuple[Override, ...]:
    return tuple(one for one in known.overrides if one.until > now) if known.overrides else ()


def _past_due(due: date | None, counted_day: str) -> int | None:
    return None if due is None else _ordinal(counted_day) - due.toordinal()


@lru_cache(maxsize=16)
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _listed_units(vault: Vault, number: str | None, case_id: CaseId) -> tuple[str, ...]:
    units = (suppression.case_unit(case_id),)
    return units if not number else (*units, suppression.number_unit(vault.number(number)))


def _names(held: Mapping[str, tuple[str, ...]], units: Iterable[str]) -> tuple[str, ...]:
    found = [held[unit] for unit in units if unit in held]
    return tuple(sorted({name for names in found for name in names})) if found else ()


def _lacks_card(one: Candidate) -> bool:
    """It was drawn, and there was none."""
    return isinstance(one.known, Drawn) and one.known.card is None
