"""What the commands `compliance override …` do to the store.

Rules: as in `law.py`; a rule that names no override is not lifted here either: what the gate would not
follow is refused when it is given, so that nobody believes in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from dialer_engine.app.compliance import load_book
from dialer_engine.app.config import Config
from dialer_engine.app.law import caller, moment
from dialer_engine.app.stored import in_store
from dialer_engine.app.wiring import rule_book
from dialer_engine.compliance.counting import unit_key
from dialer_engine.compliance.lifting import liftable, objection
from dialer_engine.compliance.rules import Hours, Override, Rule
from dialer_engine.domain.errors import BadValue, NotFound, NotPermitted
from dialer_engine.store import overrides
from dialer_engine.store.law_lookup import case_id_of
from dialer_engine.store.numbers import masked
from dialer_engine.store.overrides import Whom
from dialer_engine.store.phone import BadNumber, read_number
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.suppression import number_unit

Json = dict[str, Any]
_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_S: Final = 86400


def give(
    config: Config,
    presets: Sequence[str],
    rule: str,
    *,
    case: str = "",
    number: str = "",
    campaign: str = "",
    kind: str,
    who: str,
    why: str,
    until: str,
    hours: str,
) -> Json:
    """Lift a rule for a case, a number or a campaign: {id, rule, for, kind, until}. kind: empty where the
    rule knows one only.
    hours: `20:00-23:30` in place of the rule's, empty for none. NotPermitted when nothing lifts the rule.
    """
    book = load_book(presets) if presets else rule_book(config)
    found = book.rule(rule)
    end = moment(until)
    one = Override(rule, kind or _only_kind(found), who, why, end, _hours(hours))
    if not (who.strip() and why.strip()):
        raise BadValue("an override needs who answers for it, and why")
    if end <= datetime.now(UTC):
        raise BadValue("an override until a time that is over lifts nothing")
    if why_not := objection(found, one.kind, one.window):
        raise NotPermitted(why_not)
    if campaign and one.kind == _AGREEMENT:
        raise NotPermitted("a debtor agrees for a case or a number, not for a campaign")
    if sum(map(bool, (case, number, campaign))) != 1:
        raise BadValue("an override is for one case, one number or one campaign")

    async def work(store: SqlStore) -> Json:
        whom = await _whom(config, store, case, number, campaign)
        now = datetime.now(UTC)
        id = await store.database.write(overrides.give, whom, one, caller(), now)
        told = {"id": id, "rule": rule, "for": whom.shown, "kind": one.kind}
        return told | {"until": end.isoformat()}

    return in_store(config, work)


_AGREEMENT: Final = "debtor_agreement"


async def _whom(config: Config, store: SqlStore, case: str, number: str, campaign: str) -> Whom:
    if case:
        return Whom(f"case:{case}", await store.database.read(case_id_of, case))
    if number:
        try:
            read = read_number(number, config.compliance.default_country)
        except BadNumber as error:
            raise BadValue(str(error)) from None
        return Whom(masked(read), unit_key=number_unit(store.vault.number(read)))
    if campaign not in {one.name for one in await store.campaigns()}:
        raise NotFound(f"no campaign is called {campaign!r}")
    return Whom(f"campaign:{campaign}", unit_key=unit_key("campaign", campaign))


def _only_kind(rule: Rule) -> str:
    kinds = sorted(liftable(rule))
    return kinds[0] if len(kinds) == 1 else ""


def _hours(text: str) -> Hours | None:
    if not text:
        return None
    found = _HOURS.fullmatch(text)
    if found is None:
        raise BadValue("hours are written 20:00-23:30, 24:00 at the latest")
    hour, minute, last, last_minute = (int(part) for part in found.groups())
    start, end = hour * 3600 + minute * 60, last * 3600 + last_minute * 60
    if not start < end <= _DAY_S:
        raise BadValue("hours end later than they start, 24:00 at the latest")
    return Hours(start, end)


def listing(config: Config, case: str | None, *, ended: bool, limit: int) -> list[Json]:
    """Newest first; ended: also those that are over."""

    async def work(store: SqlStore) -> list[Json]:
        case_id = await store.database.read(case_id_of, case) if case else None
        now = datetime.now(UTC)
        return await store.database.read(overrides.listing, case_id, ended, limit, now)

    return in_store(config, work)


def revoke(config: Config, id: int, *, who: str, why: str) -> Json:
    """The rule holds again from now on."""
    if not (who.strip() and why.strip()):
        raise BadValue("taking an override back needs who does it, and why")

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        await store.database.write(overrides.revoke, id, who, why, caller(), now)
        return {"revoked": id}

    return in_store(config, work)
