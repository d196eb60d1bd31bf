"""Facts for the tests of this folder: a debtor about whom nothing forbids a call, and changes to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dialer_engine.compliance.counting import Contact, Flag, unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.rules import Hours, Override, Unit
from dialer_engine.compliance.zones import jurisdictions
from dialer_engine.domain.units import E164, AttemptId

NOWHERE = E164("+9991000001")
KEYS = {unit.value: unit_key(unit, "x") for unit in Unit}
EVERY_PROMISE = frozenset(
    "identify_institution_first verify_identity record_call ai_voice_notice no_debt_words_to_others"
    " limited_content_message abandon_message emotion_disclosure state_purpose".split()
)
_OUT = Flag.OUTBOUND | Flag.VOICE
WHAT: Mapping[str, Flag] = {
    "attempt": _OUT,
    "open": _OUT | Flag.OPEN,
    "connected": _OUT | Flag.CONNECTED,
    "talk": _OUT | Flag.CONNECTED | Flag.CONVERSATION,
    "inbound_talk": Flag.VOICE | Flag.CONNECTED | Flag.CONVERSATION,
    "machine": _OUT | Flag.CONNECTED | Flag.MACHINE,
    "abandoned": _OUT | Flag.CONNECTED | Flag.ABANDONED,
    "consented": _OUT | Flag.CONSENTED,
    "wrong_number": _OUT | Flag.WRONG_NUMBER,
    "lawyer": _OUT | Flag.PROFESSIONAL,
    "notice": Flag.OUTBOUND | Flag.NOTICE | Flag.CONNECTED,
    "notice_unanswered": Flag.OUTBOUND | Flag.NOTICE,
    "open_notice": Flag.OUTBOUND | Flag.NOTICE | Flag.OPEN,
    "bot_talk": Flag.OUTBOUND | Flag.BOT | Flag.CONNECTED | Flag.CONVERSATION,
    "sms": Flag.OUTBOUND | Flag.SMS,
    "email": Flag.OUTBOUND | Flag.EMAIL,
}


def at(zone: str, text: str) -> datetime:
    """A local time as aware UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def facts(zone: str, now: datetime, given: Mapping[str, Any]) -> Facts:
    """The facts that an example describes."""
    local = now.astimezone(ZoneInfo(zone))
    keys = {unit: key for unit, key in KEYS.items() if unit != given.get("no_key")}
    return Facts(
        attempt=AttemptId("a-1"),
        number=E164(given.get("number", NOWHERE)),
        zone=given.get("stated", zone),
        attempts_today=0,
        counted_day=local.date().isoformat(),
        subject=Subject(**given.get("subject", {}), jurisdictions=_places(given)),
        address_zones=tuple(given.get("address_zones", ())),
        country=given.get("country", ""),
        keys=keys,
        history=_history(zone, given),
        lists=tuple(given.get("lists", ())),
        consents=given.get("consents", {}),
        flags=frozenset(given.get("flags", ())),
        days_past_due=given.get("days_past_due", 30),
        disclosures=EVERY_PROMISE - set(given.get("without", ())),
        caller_id=given.get("caller_id", ""),
        figures=given.get("figures", {}),
        overrides=_overrides(given, now),
    )


def _places(given: Mapping[str, Any]) -> frozenset[str] | None:
    place = given.get("place", given["default_place"])
    return None if place is None else jurisdictions(place)


def _history(zone: str, given: Mapping[str, Any]) -> dict[str, tuple[Contact, ...]]:
    found: dict[str, list[Contact]] = {}
    for unit, contacts in given.get("history", {}).items():
        found[KEYS[unit]] = [(at(zone, when), int(WHAT[what])) for when, what in contacts]
    if "repeat" in given:
        unit, count, what, first, step = given["repeat"]
        start = at(zone, first)
        found[KEYS[unit]] = [
            (start + timedelta(seconds=step * index), int(WHAT[what])) for index in range(count)
        ]
    return {key: tuple(contacts) for key, contacts in found.items()}


def _overrides(given: Mapping[str, Any], now: datetime) -> tuple[Override, ...]:
    if "agreed" not in given:
        return ()
    rule, kind, *hours = given["agreed"]
    window = Hours(*(_second(text) for text in hours)) if hours else None
    until = now + timedelta(days=30)
    return (Override(rule, kind, "supervisor 7", "asked for it in writing", until, window),)


def _second(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 3600 + int(minute) * 60


def with_history(base: Facts, history: Mapping[str, Sequence[Contact]]) -> Facts:
    """The same with other contacts."""
    return replace(base, history={key: tuple(one) for key, one in history.items()})
