"""A telephone number for people to look at.

Rules: country code and the last two digits, enough to recognise it and too little to dial it; without
parsing, because each attempt that is committed has one made.
"""

from __future__ import annotations

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

_SHOWN_DIGITS = 2
# ITU-T E.164: country codes have one to three digits, and none begins another.
_CODE_DIGITS = (1, 2, 3)


def masked(number: str) -> str:
    """`+44********12` for a number in E.164."""
    code = next((number[: d + 1] for d in _CODE_DIGITS if _is_code(number[1 : d + 1])), "+")
    hidden = max(0, len(number) - len(code) - _SHOWN_DIGITS)
    return f"{code}{'*' * hidden}{number[-_SHOWN_DIGITS:]}"


def _is_code(digits: str) -> bool:
    return digits.isdigit() and int(digits) in COUNTRY_CODE_TO_REGION_CODE
