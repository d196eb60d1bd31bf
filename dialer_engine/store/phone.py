"""Telephone numbers at the door: anything a creditor writes, to E.164.

Rules: a number that the numbering plan does not have is refused, except the ranges set apart for
fiction, with which everything here is tested and shown; a zone is derived only when the number can
be in one zone and no other.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import timezone

from dialer_engine.domain.units import E164, e164

# https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
_DRAMA = re.compile(
    r"\+44(7700900|1134960|1144960|1154960|1164960|1174960|1184960|1214960|1314960|1414960|1514960|1614960"
    r"|2079460|1914980|2896496|2920180|1632960|8081570|9098790|3069990)[0-9]{3}\Z"
)
_DRAMA_ZONE = "Europe/London"
_EXCEL_FLOAT = re.compile(r"([0-9]+)\.0\Z")
_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+\Z")
_UNKNOWN_ZONE = "Etc/Unknown"


class BadNumber(ValueError):
    """A text that is no number; the message is the reason, without the number."""


@lru_cache(maxsize=4096)
def read_number(text: str, region: str) -> E164:
    """`text` in E.164; `region` (ISO 3166, such as CN) for numbers without a country code.
    BadNumber.
    """
    plain = _EXCEL_FLOAT.sub(r"\1", text.strip())
    if _SCIENTIFIC.match(plain):
        raise BadNumber("a spreadsheet has rounded this number; format the column as text")
    try:
        parsed = phonenumbers.parse(plain, region or None)
    except phonenumbers.NumberParseException as error:
        raise BadNumber(_why(error, region)) from None
    if parsed.extension:
        raise BadNumber("the number has an extension, which cannot be dialled")
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not (phonenumbers.is_valid_number(parsed) or _DRAMA.match(number)):
        raise BadNumber("no such number is in the numbering plan of its country")
    return e164(number)


@lru_cache(maxsize=4096)
def zone_of(number: E164) -> str | None:
    """The one time zone in which this number can be, else None."""
    if _DRAMA.match(number):
        return _DRAMA_ZONE
    zones = timezone.time_zones_for_number(phonenumbers.parse(number))
    return zones[0] if len(zones) == 1 and zones[0] != _UNKNOWN_ZONE else None


def _why(error: phonenumbers.NumberParseException, region: str) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not region:
        return "the number has no country code and no region was given"
    return "this is not a telephone number"
