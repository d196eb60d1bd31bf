"""What a script may fill in, and how it is written in each language.

Rules: every variable is listed here with its type; `is_debt` ones tell of a debt, so they stay out
of what is said before the person is known to be the debtor; templates are `string.Template` of the
standard library: names and nothing else, so that a script file can run nothing (a template engine
with expressions would need a sandbox, and nothing here needs expressions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from string import Template
from typing import Any

from dialer_engine.domain.units import Money

# A script shows what is missing instead of leaving a hole in a sentence.
_MISSING = {"en": "[{name}?]", "zh": "【{name}？】"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_YUAN = "CNY"


@dataclass(frozen=True, slots=True)
class Variable:
    """kind: text, money, date, number. is_debt: it tells that there is a debt, or of which size."""

    kind: str
    english: str
    chinese: str
    is_debt: bool = False


VARIABLES: Mapping[str, Variable] = {
    "institution": Variable("text", "who calls: the creditor, or the agency that it named", "机构名称"),
    "agent_name": Variable("text", "the collector's name or number, as the house shows it", "坐席"),
    "debtor_name": Variable("text", "the debtor's name", "债务人姓名"),
    "callback": Variable("text", "number to call back", "回拨号码"),
    "complaint_line": Variable("text", "number for complaints", "投诉电话"),
    "creditor": Variable("text", "who is owed", "债权人", is_debt=True),
    "product": Variable("text", "what the debt is from", "产品", is_debt=True),
    "account_tail": Variable("text", "last digits of the contract", "合同尾号", is_debt=True),
    "amount": Variable("money", "all that is owed now", "应还总额", is_debt=True),
    "principal": Variable("money", "principal owed", "本金", is_debt=True),
    "interest": Variable("money", "interest owed", "利息", is_debt=True),
    "penalty": Variable("money", "penalty interest owed", "罚息", is_debt=True),
    "fees": Variable("money", "fees owed", "费用", is_debt=True),
    "due_date": Variable("date", "when it was, or is, due", "到期日", is_debt=True),
    "days_past_due": Variable("number", "days past due", "逾期天数", is_debt=True),
    "days_to_due": Variable("number", "days until it is due", "距到期天数", is_debt=True),
    "promise_amount": Variable("money", "what was promised", "承诺金额", is_debt=True),
    "promise_date": Variable("date", "for when it was promised", "承诺日期", is_debt=True),
    "pay_how": Variable("text", "how to pay: the creditor's own words", "还款方式", is_debt=True),
}  # fmt: skip


def names_in(text: str) -> Iterator[tuple[str, int]]:
    """Each variable of a template with its offset; a `$` that begins no name gives an empty name."""
    for found in Template.pattern.finditer(text):
        name = found["named"] or found["braced"]
        if name or found["invalid"] is not None:
            yield name or "", found.start()


def fill(text: str, values: Mapping[str, Any], language: str) -> tuple[str, tuple[str, ...]]:
    """The text with its variables filled in, and the names that had no value."""
    names = {name for name, _ in names_in(text) if name}
    told = {name: written(name, values.get(name), language) for name in names}
    missing = sorted(name for name, value in told.items() if value is None)
    hole = _MISSING[language]
    shown = {name: hole.format(name=name) if v is None else v for name, v in told.items()}
    return Template(text).safe_substitute(shown), tuple(missing)


def written(name: str, value: Any, language: str) -> str | None:
    """A value as people of the language write it; None when it is missing or of the wrong type."""
    variable = VARIABLES.get(name)
    if variable is None or value is None or value == "":
        return None
    return _WRITERS[variable.kind](value, language)


def _text(value: Any, language: str) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any, language: str) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _money(value: Any, language: str) -> str | None:
    if not isinstance(value, Money):
        return None
    amount = f"{value.amount.quantize(Decimal('0.01')):,}"
    if language == "zh" and value.currency == _YUAN:
        return f"{amount}元"
    return f"{amount} {value.currency}"


def _date(value: Any, language: str) -> str | None:
    if not isinstance(value, date):
        return None
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


_WRITERS = {"text": _text, "number": _number, "money": _money, "date": _date}
