"""What a bank may send: the records of the exchange, field by field.

Rules: one table, from which records are read (`app/exchange_read.py`) and `/openapi.json` is written; a field
that is not here is refused; amounts and dates are texts, because a JSON number has no cents of its own and
JSON has no dates; every text has a longest length, and no control characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dialer_engine.domain.collections import codes


class Form(StrEnum):
    """How a value is written."""

    TEXT = "text"
    AMOUNT = "amount"
    DATE = "date"
    TIME = "time"
    WHOLE = "whole"
    YES = "yes"
    TEXTS = "texts"
    OBJECT = "object"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Field:
    """about: for people. longest: of a text, and of each text of a list. choices: the only values. low,
    high: of a whole number.
    """

    form: Form
    about: str
    must: bool = False
    longest: int = 256
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 999


# Of a list, of a schedule and of `attributes`: more than any contract has of them.
MOST = 600
REFERENCE = 128
MEMO = 1000
# A hundred years either way; dates of birth and of the last instalment are within.
_DAYS = 36_500
_REF = "the bank's own key"


def _text(about: str, longest: int = 256) -> Field:
    return Field(Form.TEXT, about, longest=longest)


def _key(about: str) -> Field:
    return Field(Form.TEXT, about, must=True, longest=REFERENCE)


def _one_of(kind: type[codes.Code], about: str, *, must: bool = False) -> Field:
    return Field(Form.TEXT, about, must, choices=tuple(one.value for one in kind))


def _amounts() -> dict[str, Field]:
    return {
        name: Field(Form.AMOUNT, f"{name} of what is owed")
        for name in ("principal", "interest", "penalty", "fees")
    }


_CURRENCY = _text("ISO 4217, such as CNY; exchange.currency without it", 3)
_NUMBER = _text("a telephone number, with +, or of compliance.default_country", 40)
_ZONE = _text("IANA time zone; derived from the number where that is certain", 64)
_END = Field(Form.YES, "true: end it instead")

CASES: Mapping[str, Field] = {
    "reference": _key(f"{_REF} of the case"),
    "name": _text("the debtor's name"),
    "id_number": _text("identity card or passport number", 64),
    "born_on": Field(Form.DATE, "date of birth"),
    "mobile": _NUMBER,
    "phone": _NUMBER,
    "home": _NUMBER,
    "work": _NUMBER,
    "contact": _NUMBER,
    "numbers": Field(Form.TEXTS, "further telephone numbers", longest=40),
    "zone": _ZONE,
    "balance": Field(Form.AMOUNT, "what is owed in all; better its four parts"),
    **_amounts(),
    "currency": _CURRENCY,
    "days_past_due": Field(
        Form.WHOLE, "negative before the due date; better oldest_due", low=-_DAYS, high=_DAYS
    ),
    "oldest_due": Field(Form.DATE, "due date of the oldest unpaid instalment"),
    "language": _text("such as zh-CN", 16),
    "priority": Field(Form.WHOLE, "higher is dialled first", low=-1_000_000, high=1_000_000),
    "skill": _text("an agent needs this skill", 64),
    "creditor": _text("code of the creditor", 64),
    "product": _text("code of the product", 64),
    "debt_type": _one_of(codes.DebtType, "what the debt is from"),
    "jurisdiction": _text("whose law holds, such as CN or US-CA", 16),
    "region": _text("where the debtor lives", 64),
    "occupation": _one_of(codes.Occupation, "what the debtor does"),
    "income_band": _one_of(codes.IncomeBand, "band of income"),
    "reason": _one_of(codes.Reason, "why it is overdue"),
    "ability": _one_of(codes.Ability, "whether the debtor could pay"),
    "willingness": _one_of(codes.Willingness, "whether the debtor wants to pay"),
    "behaviour": _one_of(codes.Behaviour, "how the debtor paid and answered so far"),
    "score": Field(Form.AMOUNT, "a score of the bank's own"),
    "team": _text("who works it", 64),
    "owner": _text("who works it", 64),
    "agency": _text("who works it", 64),
    "recall_on": Field(Form.DATE, "the day on which it goes back"),
    "tags": Field(Form.TEXTS, "words of the bank's own", longest=64),
    "attributes": Field(Form.OBJECT, "anything else for strategies and the agent's screen", longest=500),
}  # fmt: skip
CONTRACTS: Mapping[str, Field] = {
    "contract": _key(f"{_REF} of the contract"),
    "case": _key("reference of its case"),
    "product": _text("code of the product", 64),
    "currency": _CURRENCY,
    "amount": Field(Form.AMOUNT, "what was lent"),
    "term_months": Field(Form.WHOLE, "how many months it runs", high=1200),
    "annual_rate": Field(Form.AMOUNT, "0.18 for 18 % a year"),
    "opened_on": Field(Form.DATE, "when it began"),
    "schedule": Field(Form.SCHEDULE, "instalments: due_on, principal, interest"),
    "as_of": Field(Form.DATE, "the day of the four parts below; payments after it are taken off"),
    **_amounts(),
    "oldest_due": Field(Form.DATE, "due date of the oldest unpaid instalment"),
    "aliases": Field(Form.TEXTS, "account numbers by which payers name it", longest=64),
}
PAYMENTS: Mapping[str, Field] = {
    "reference": _key(f"{_REF} of the posting"),
    "contract": _text("of a contract, or of a case; else the memo may say it", REFERENCE),
    "amount": Field(Form.AMOUNT, "above 0, of a reversal too", must=True),
    "currency": _CURRENCY,
    "paid_on": Field(Form.DATE, "value date", must=True),
    "reverses": _text("reference of the payment that this takes back", REFERENCE),
    "memo": _text("what the payer wrote", MEMO),
}
CONTACTS: Mapping[str, Field] = {
    "case": _key("reference of the case"),
    "kind": _one_of(codes.PointKind, "mobile without it"),
    "value": Field(Form.TEXT, "the number, e-mail or postal address", must=True, longest=500),
    "label": _text("what the bank calls it", 64),
    "source": _one_of(codes.Source, "where it came from"),
    "consent": _one_of(codes.Consent, "revoked: it leaves the dialling list"),
    "valid_from": Field(Form.DATE, "not used before"),
    "valid_until": Field(Form.DATE, "not used from this day on"),
    "zone": _ZONE,
    "rank": Field(Form.WHOLE, "0 is tried first"),
    "role": _one_of(codes.Role, "whose it is; the debtor's own without it"),
    "person": _text("name of that person"),
    "refused": Field(Form.YES, "true: this person refused to be contacted, for good"),
}
PROMISES: Mapping[str, Field] = {
    "case": _key("reference of the case"),
    "key": Field(Form.TEXT, f"{_REF} of the promise, unique in its case", must=True, longest=64),
    "amount": Field(Form.AMOUNT, "what was promised", must=True),
    "currency": _CURRENCY,
    "due_on": Field(Form.DATE, "by when", must=True),
    "made_on": Field(Form.DATE, "payments before it do not count; today without it"),
    "grace_days": Field(
        Form.WHOLE, "so many days late still count; as its products allow without it", high=60
    ),
    "tolerance": Field(Form.AMOUNT, "a shortfall up to this is none"),
    "replaces": _text("key of the promise whose place it takes", 64),
}
HOLDS: Mapping[str, Field] = {
    "case": _key("reference of the case"),
    "kind": _one_of(codes.HoldKind, "why the case is left alone", must=True),
    "until": Field(Form.TIME, "until when; until it is ended without it"),
    "reason": _text("for the record", MEMO),
    "end": _END,
}
SUPPRESSIONS: Mapping[str, Field] = {
    "list": Field(
        Form.TEXT, "do_not_call, revoked, lawyer, deceased, or one of your own", must=True, longest=64
    ),
    "number": _text("who is not called: this number …", 40),
    "case": _text("… or all numbers of this case", REFERENCE),
    "reason": _text("for the record", MEMO),
    "until": Field(Form.TIME, "until when; for good without it"),
    "end": _END,
}  # fmt: skip
COMMUNICATIONS: Mapping[str, Field] = {
    "reference": _key("the reporter's own key of the contact"),
    "reporter": _text("whose key that is, such as an agency; the token's name without it", 64),
    "case": _key("reference of the case"),
    "channel": Field(
        Form.TEXT, "how", must=True,
        choices=tuple(one.value for one in codes.Channel if one is not codes.Channel.NOTE),
    ),
    "at": Field(Form.TIME, "when it was made", must=True),
    "number": _text("of the call or message; then it counts for that number too", 40),
    "outbound": Field(Form.YES, "false: it began with the debtor; of inbound_call and portal always"),
    "connected": Field(Form.YES, "true: it was taken"),
    "conversation": Field(Form.YES, "true: words were exchanged with a person"),
    "result": _text("a code of the reporter's own", 64),
    "by": _text("who made it", 64),
}  # fmt: skip
KINDS: Mapping[str, Mapping[str, Field]] = {
    "cases": CASES,
    "contracts": CONTRACTS,
    "payments": PAYMENTS,
    "contacts": CONTACTS,
    "promises": PROMISES,
    "holds": HOLDS,
    "suppressions": SUPPRESSIONS,
    "communications": COMMUNICATIONS,
}
# By what the same record is known again: sent twice, it is there once.
NATURAL_KEYS: Mapping[str, tuple[str, ...]] = {
    "cases": ("reference",),
    "contracts": ("contract",),
    "payments": ("reference",),
    "contacts": ("case", "value"),
    "promises": ("case", "key"),
    "holds": ("case", "kind"),
    "suppressions": ("list", "number", "case"),
    "communications": ("reporter", "reference"),
}
# No control character but the line breaks and tabs of a postal address; PostgreSQL refuses NUL.
CLEAN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
AMOUNT = r"^-?[0-9]{1,14}(\.[0-9]{1,4})?$"
# The years that dates of birth, contracts and promises have.
DATE = r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema of one record."""
    fields = KINDS[kind]
    return {
        "type": "object",
        "properties": {name: _of(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.must],
        "additionalProperties": False,
    }


def _of(field: Field) -> dict[str, Any]:
    shape = {**_SHAPES[field.form](field), "description": field.about}
    if not field.must:
        # null is as not given.
        shape["type"] = [shape["type"], "null"]
        if "enum" in shape:
            shape["enum"] = [*shape["enum"], None]
    return shape


def _words(field: Field) -> dict[str, Any]:
    if field.choices:
        return {"type": "string", "enum": list(field.choices)}
    least = {"minLength": 1} if field.must else {}
    return {"type": "string", "maxLength": field.longest, "pattern": CLEAN, **least}


_AMOUNT_SHAPE: dict[str, Any] = {"type": "string", "pattern": AMOUNT}
_DATE_SHAPE: dict[str, Any] = {"type": "string", "format": "date", "pattern": DATE}
_SHAPES: Mapping[Form, Any] = {
    Form.TEXT: _words,
    Form.AMOUNT: lambda f: _AMOUNT_SHAPE,
    Form.DATE: lambda f: _DATE_SHAPE,
    Form.TIME: lambda f: {"type": "string", "format": "date-time"},
    Form.WHOLE: lambda f: {"type": "integer", "minimum": f.low, "maximum": f.high},
    Form.YES: lambda f: {"type": "boolean"},
    Form.TEXTS: lambda f: {"type": "array", "items": _words(f), "maxItems": MOST},
    Form.OBJECT: lambda f: {
        "type": "object", "additionalProperties": _words(f), "maxProperties": MOST,
        "propertyNames": {"minLength": 1, "maxLength": 64, "pattern": CLEAN},
    },
    Form.SCHEDULE: lambda f: {
        "type": "array",
        "maxItems": MOST,
        "items": {
            "type": "object",
            "properties": {
                "due_on": _DATE_SHAPE, "principal": _AMOUNT_SHAPE, "interest": _AMOUNT_SHAPE,
            },
            "required": ["due_on", "principal"],
            "additionalProperties": False,
        },
    },
}  # fmt: skip
