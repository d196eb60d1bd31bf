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
from dialer_engine.store.draw import names
from dialer_engine.store.engine import CommitUnknown
from dialer_engine.store.law_cards import Drawn, known_of
from dialer_engine.store.law_reading import Known, Read
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.vault import Vault

log = structlog.get_logger(__name__)
_NO_FLAGS: Final[frozenset[str]] = frozenset()
_NO_HISTORY: Final[Mapping[str, tuple[Contact, ...]]] = {}
_NOTHING: Final[Mapping[str, str]] = {}
_NO_FIGURES: Final[Mapping[str, float]] = {}
_NOBODY: Final = AttemptId("")


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
        found, without = await self._store.database.read(
            self._facts, self._store.vault, candidates, now
        )
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

    async def lifted_widely(self, now: datetime) -> Mapping[str, tuple[Override, ...]]:
        """See the port."""
        return await self._store.database.read(compliance.wide_overrides, now)

    async def counted(
        self, keys: Sequence[str], now: datetime
    ) -> Mapping[str, tuple[Contact, ...]]:
        """See the port."""
        since = dict.fromkeys(keys, self.book.horizon(now))
        found = await self._store.database.read(compliance.history, since)
        return {key: tuple(contacts) for key, contacts in found.items()}

    async def said(self, words: Mapping[str, str], now: datetime) -> None:
        """See the port."""
        await self._store.database.write(evidence.said, words, now)

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
    ) -> tuple[dict[CaseId, Facts], list[CaseId]]:
        """Facts, and the cases of a draw of which a card can be made."""
        # Before the lists: what it counts is in them.
        version = await suppression.version(connection)
        versions = {"suppressions": str(version)}
        bare = [one for one in candidates if _card(one) is None]
        made: dict[CaseId, Facts] = {}
        without: list[CaseId] = []
        if bare:
            read = await law_reading.read(connection, [one.case_id for one in bare])
            made = await self._plainly(connection, vault, bare, read, versions, now)
            without = [one.case_id for one in bare if _lacks_card(one, read)]
        drawn = [(one, card) for one in candidates if (card := _card(one)) is not None]
        made |= await self._from_cards(connection, drawn, version, versions, now)
        return {one.case_id: made[one.case_id] for one in candidates}, without

    async def _from_cards(
        self,
        connection: AsyncConnection,
        drawn: Sequence[tuple[Candidate, Drawn]],
        version: int,
        versions: Mapping[str, str],
        now: datetime,
    ) -> dict[CaseId, Facts]:
        """Of those with one. version: of the lists now."""
        keys = {
            one.case_id: _keys(
                one.campaign, card.number_key, known_of(card.person, card.card or ())
            )
            for one, card in drawn
            if card.called
        }
        history = await self._history(connection, keys.values(), now)
        since = [(one, card) for one, card in drawn if card.version != version]
        listed = await _listed_since(connection, since, now) if since else {}
        made = {}
        for one, card in drawn:
            lists = tuple(names(card.lists)) if card.lists else ()
            if since and one.case_id in listed:
                lists = listed[one.case_id]
            its = _contacts(history, keys[one.case_id]) if card.called else _NO_HISTORY
            made[one.case_id] = self._carded(one, card, its, lists, versions, now)
        return made

    async def _plainly(
        self,
        connection: AsyncConnection,
        vault: Vault,
        candidates: Sequence[Candidate],
        found: Read,
        versions: Mapping[str, str],
        now: datetime,
    ) -> dict[CaseId, Facts]:
        """Of those without a card; nobody looked for their history and lists either."""
        numbers = {one.case_id: vault.number(one.number) for one in candidates}
        known = {case: found.known(case, key) for case, key in numbers.items()}
        keys = {
            one.case_id: _keys(one.campaign, numbers[one.case_id], known[one.case_id])
            for one in candidates
        }
        history = await self._history(connection, keys.values(), now)
        units = {case: _units(case, key) for case, key in numbers.items()}
        wanted = [unit for its in units.values() for unit in its]
        listed = await suppression.lists_of(connection, wanted, now)
        return {
            one.case_id: self._known(
                one, known[one.case_id], keys[one.case_id], _contacts(history, keys[one.case_id]),
                _names(listed, units[one.case_id]), versions, now,
            )
            for one in candidates
        }  # fmt: skip

    async def _history(
        self, connection: AsyncConnection, keys: Iterable[Mapping[str, str]], now: datetime
    ) -> compliance.History:
        counted, since = self.book.units, self.book.horizon(now)
        units = {key: since for its in keys for unit, key in its.items() if unit in counted}
        return await compliance.history(connection, units) if units else {}

    def _known(
        self,
        one: Candidate,
        known: Known,
        keys: dict[str, str],
        history: Mapping[str, tuple[Contact, ...]],
        lists: tuple[str, ...],
        versions: Mapping[str, str],
        now: datetime,
    ) -> Facts:
        place = known.jurisdiction
        return Facts(
            _NOBODY,
            one.number,
            one.zone,
            one.attempts_today,
            one.counted_day,
            subject=_subject(
                self._channel, self._purpose, known.party_type, known.role, known.debt_type,
                known.place, place,
            ),
            address_zones=known.address_zones,
            country=place.partition("-")[0],
            keys=keys,
            history=history,
            lists=lists,
            consents={"calls": known.consent} if known.consent else _NOTHING,
            flags=_flags(known, now),
            days_past_due=_past_due(known.oldest_due, one.counted_day),
            overrides=tuple(lifted for lifted in known.overrides if lifted.until > now),
            versions=versions,
        )  # fmt: skip

    def _carded(
        self,
        one: Candidate,
        drawn: Drawn,
        history: Mapping[str, tuple[Contact, ...]],
        lists: tuple[str, ...],
        versions: Mapping[str, str],
        now: datetime,
    ) -> Facts:
        """The same as `_known`, without the ways round for a card that has nothing special."""
        card = drawn.card
        assert card is not None
        _, _, debt, creditor, party_type, role, debt_type, place, where, due, few = card
        if few is not None:
            known = known_of(drawn.person, card)
            keys = _keys(one.campaign, drawn.number_key, known)
            return self._known(one, known, keys, history, lists, versions, now)
        day = one.counted_day
        return Facts(
            _NOBODY, one.number, one.zone, one.attempts_today, day,
            _subject(self._channel, self._purpose, party_type, role, debt_type, place, where),
            (), where.partition("-")[0],
            {
                "number": f"number:{drawn.number_key}", "person": drawn.person,
                "person_x_debt": f"person_x_debt:{debt}",
                "person_x_creditor": f"person_x_creditor:{creditor}",
                "campaign": _campaign_key(one.campaign),
            },
            history, lists, _NOTHING, _NO_FLAGS, _ordinal(day) - _ordinal(due) if due else None,
            _NO_FLAGS, "", _NO_FIGURES, (), versions, (),
        )  # fmt: skip


def _card(one: Candidate) -> Drawn | None:
    """What the draw knew, if that is all there is to know of the case."""
    drawn = one.known
    return drawn if isinstance(drawn, Drawn) and drawn.card is not None else None


async def _listed_since(
    connection: AsyncConnection, drawn: Sequence[tuple[Candidate, Drawn]], now: datetime
) -> dict[CaseId, tuple[str, ...]]:
    """Of those that were drawn before a list changed."""
    units = {one.case_id: _units(one.case_id, card.number_key) for one, card in drawn}
    wanted = [unit for its in units.values() for unit in its]
    listed = await suppression.lists_of(connection, wanted, now)
    return {case: _names(listed, its) for case, its in units.items()}


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


def _units(case: CaseId, number_key: str) -> tuple[str, ...]:
    """Under which names a list may hold it."""
    return suppression.case_unit(case), suppression.number_unit(number_key)


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


def _past_due(due: date | None, counted_day: str) -> int | None:
    return None if due is None else _ordinal(counted_day) - due.toordinal()


@lru_cache(maxsize=4096)
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _listed_units(vault: Vault, number: str | None, case_id: CaseId) -> tuple[str, ...]:
    units = (suppression.case_unit(case_id),)
    return units if not number else (*units, suppression.number_unit(vault.number(number)))


def _names(held: Mapping[str, tuple[str, ...]], units: Iterable[str]) -> tuple[str, ...]:
    found = [held[unit] for unit in units if unit in held]
    return tuple(sorted({name for names in found for name in names})) if found else ()


def _lacks_card(one: Candidate, read: Read) -> bool:
    """It was drawn, there was none, and one can be made: not for a case without its row of facts."""
    row = read.rows.get(one.case_id)
    return isinstance(one.known, Drawn) and row is not None and row.has_facts
