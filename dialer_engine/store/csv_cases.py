"""Rows of a creditor's file as cases.

Rules: a column is found by its name in English or Chinese, or by an explicit mapping, which wins; a
row is good when its reference and at least one number are, and every other stated value can be
read: a wrong time zone or balance is never replaced by a guess; columns that mean nothing to the
dialer go along as attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money
from dialer_engine.store.csv_particulars import PARTICULARS, PERSONAL, read_particulars
from dialer_engine.store.csv_source import Record
from dialer_engine.store.phone import BadNumber, read_number, zone_of
from dialer_engine.store.rows import (
    BadCell,
    Layout,
    Problem,
    Reading,
    Rules,
    read_amount,
    read_currency,
    read_date,
    read_days,
    read_whole,
    read_zone,
)

__all__ = ["ALIASES", "BadCell", "Layout", "Problem", "Rules", "layout", "read_amount", "read_case"]

# Names of columns, lower case without spaces, dots, dashes and underscores; digits at the end of a
# number column are cut off before the look-up.
ALIASES: dict[str, tuple[str, ...]] = {
    "reference": (
        "reference", "ref", "caseid", "caseno", "casenumber", "casereference", "accountno", "accountnumber",
        "contractno", "案件编号", "案件号", "案号", "编号", "借据号", "合同号", "合同编号", "客户编号", "账号",
    ),
    "name": (
        "name", "fullname", "customername", "debtor", "debtorname", "customer",
        "姓名", "客户姓名", "债务人", "债务人姓名", "客户名称", "借款人",
    ),
    "balance": (
        "balance", "amount", "debt", "outstanding", "amountdue", "totaldue",
        "欠款", "欠款金额", "金额", "余额", "应还金额", "逾期金额", "待还金额", "委案金额",
    ),
    "currency": ("currency", "ccy", "币种", "货币"),
    "days_past_due": ("dayspastdue", "dpd", "overduedays", "dayslate", "逾期天数", "天数"),
    "language": ("language", "lang", "语言", "语种"),
    "priority": ("priority", "优先级"),
    "skill": ("skill", "技能", "技能组"),
    "zone": ("zone", "timezone", "tz", "时区"),
    "numbers": ("numbers", "phones", "phonenumbers", "电话列表", "所有电话"),
    "mobile": ("mobile", "mobilephone", "cell", "cellphone", "手机", "手机号", "手机号码", "移动电话"),
    "phone": ("phone", "phoneno", "phonenumber", "telephone", "tel", "number", "电话", "电话号码", "联系电话"),
    "home": ("home", "homephone", "家庭电话", "住宅电话", "家电"),
    "work": ("work", "workphone", "office", "officephone", "单位电话", "公司电话", "办公电话"),
    **PARTICULARS,
    "contact": ("contactphone", "emergencycontactphone", "联系人电话", "紧急联系人电话"),
}  # fmt: skip
_NUMBER_FIELDS = ("numbers", "mobile", "phone", "home", "work", "contact")
_FIELD_OF = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
_NUMBER_FIELD = re.compile(rf"({'|'.join(_NUMBER_FIELDS)})\d*\Z")
_SEPARATORS = re.compile(r"[;；,，/、|]+")
# As over the API: nobody has so many.
_MOST_NUMBERS = 600
_NOISE = re.compile(r"[\s._\-()（）]+")


def layout(header: Sequence[str], mapping: Mapping[str, str] | None = None) -> Layout:
    """Find the columns; BadValue when the mapping names what is not there, or when there is no
    reference or no number column.
    """
    chosen = _mapped(header, mapping or {})
    taken = set(chosen.values())
    for column, name in enumerate(header):
        known = _field_of(name)
        if known and column not in taken and (known not in chosen or _is_number(known)):
            chosen[_free(known, chosen)] = column
    numbers = tuple((n, c) for n, c in chosen.items() if _is_number(n))
    fields = {n: c for n, c in chosen.items() if not _is_number(n)}
    _insist(header, fields, numbers)
    # What says something to collections goes along as an attribute too, for the agent's screen; what
    # identifies a person does not.
    kept = PARTICULARS.keys() - PERSONAL
    used = {column for name, column in chosen.items() if name not in kept}
    others = tuple(c for c, name in enumerate(header) if c not in used and name)
    return Layout(tuple(header), fields, numbers, others)


def read_case(record: Record, layout: Layout, rules: Rules) -> tuple[Case | None, list[Problem]]:
    """The case of a row, or None; and what was wrong with the row or with single numbers."""
    row = Reading(record, layout)
    if record.fault or len(record.fields) > len(layout.header):
        row.blame("", record.fault or _too_wide(record, layout))
        return None, row.problems
    if not row.is_storable():
        return None, row.problems
    case = Case(
        reference=_reference(row),
        name=row.cell("name"),
        balance=_balance(row, rules),
        days_past_due=row.parsed("days_past_due", read_days, 0),
        language=row.cell("language"),
        priority=row.parsed("priority", read_whole, 0),
        skill=row.cell("skill"),
        numbers=_numbers(row, rules),
        attributes={layout.header[c]: row.at(c) for c in layout.others if row.at(c)},
        id_number=row.cell("id_number"),
        born_on=row.parsed("born_on", read_date, None),
        particulars=read_particulars(row, rules),
    )
    return (None if row.failed else case), row.problems


def _reference(row: Reading) -> str:
    text = row.cell("reference")
    if not text:
        row.failed = True
        row.blame(row.layout.header[row.layout.fields["reference"]], "the reference is empty")
    return text


def _numbers(row: Reading, rules: Rules) -> tuple[Number, ...]:
    zone = row.parsed("zone", read_zone, "")
    found: dict[str, Number] = {}
    for label, column in row.layout.numbers:
        for text in _SEPARATORS.split(row.at(column)):
            if not text.strip():
                continue
            try:
                e164 = read_number(text, rules.region)
            except BadNumber as error:
                row.blame(row.layout.header[column], str(error))
                continue
            named = "" if label == "numbers" else label
            found.setdefault(e164, Number(e164, named, zone or zone_of(e164), len(found)))
    if len(found) > _MOST_NUMBERS:
        row.failed = True
        row.blame("", f"there are more than {_MOST_NUMBERS} numbers")
    if not found:
        row.failed = True
        if not row.problems:
            row.blame(row.layout.header[row.layout.numbers[0][1]], "there is no number")
    return tuple(found.values())


def _balance(row: Reading, rules: Rules) -> Money | None:
    currency = row.parsed("currency", read_currency, rules.currency)
    amount = row.parsed("balance", read_amount, None)
    return None if amount is None else Money(amount, currency)


def _too_wide(record: Record, layout: Layout) -> str:
    return f"the row has {len(record.fields)} columns, the header {len(layout.header)}"


def _mapped(header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for name, column in mapping.items():
        if name not in ALIASES and not _is_number(name):
            known = ", ".join(sorted(ALIASES))
            raise BadValue(f"mapping: there is no field {name!r}; there are {known}")
        if column not in header:
            raise BadValue(
                f"mapping: the file has no column {column!r}; it has {', '.join(header)}"
            )
        chosen[name] = header.index(column)
    return chosen


def _field_of(column: str) -> str:
    plain = _NOISE.sub("", column).lower()
    if plain in _FIELD_OF:
        return _FIELD_OF[plain]
    known = _FIELD_OF.get(plain.rstrip("0123456789一二三四五"), "")
    return known if _is_number(known) else ""


def _is_number(name: str) -> bool:
    return bool(_NUMBER_FIELD.match(name))


def _free(name: str, chosen: Mapping[str, int]) -> str:
    """`mobile`, then `mobile2`, `mobile3` …"""
    count, free = 1, name
    while free in chosen:
        count += 1
        free = f"{name}{count}"
    return free


def _insist(
    header: Sequence[str], fields: Mapping[str, int], numbers: Sequence[tuple[str, int]]
) -> None:
    columns = ", ".join(header)
    if "reference" not in fields:
        raise BadValue(
            f"no column is the case reference; add --map reference=COLUMN (there are {columns})"
        )
    if not numbers:
        raise BadValue(
            f"no column holds telephone numbers; add --map mobile=COLUMN (there are {columns})"
        )
