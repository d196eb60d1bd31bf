"""Contracts, payments, contact updates and contacts of other channels, as rows of a bank's files.

Rules: a column is found by its name in English or Chinese, or by a mapping; what is needed and is not
there, or cannot be read, puts the row out with its reason; a row is a whole: nothing of a bad one is in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from dialer_engine.domain.collections import codes
from dialer_engine.domain.collections.contract import Contract, Instalment, Statement
from dialer_engine.domain.collections.money import ZERO, Balance, Component
from dialer_engine.domain.collections.payments import Payment
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money
from dialer_engine.store.csv_source import Record
from dialer_engine.store.phone import BadNumber, read_number, zone_of
from dialer_engine.store.rows import (
    BadCell,
    Layout,
    Problem,
    Reading,
    Rules,
    read_amount,
    read_count,
    read_currency,
    read_date,
    read_small,
    read_zone,
)

C = TypeVar("C", bound=codes.Code)
Names = Mapping[str, tuple[str, ...]]
_NOISE = re.compile(r"[\s._\-()（）]+")
_SEPARATORS = re.compile(r"[;；,，、|]+")


class Kind(StrEnum):
    """What a file holds."""

    CONTRACTS = "contracts"
    PAYMENTS = "payments"
    CONTACTS = "contacts"
    COMMUNICATIONS = "communications"


_CASE = ("case", "caseid", "caseno", "casereference", "casenumber", "案件编号", "案件号", "案号")
_CONTRACT = (
    "contract",
    "contractno",
    "contractnumber",
    "contractreference",
    "合同号",
    "合同编号",
    "借据号",
)
_CURRENCY = ("currency", "ccy", "币种", "货币")
NAMES: Mapping[Kind, Names] = {
    Kind.CONTRACTS: {
        "case": _CASE,
        "contract": (*_CONTRACT, "reference", "ref"),
        "product": ("product", "产品", "产品名称"),
        "currency": _CURRENCY,
        "amount": ("amount", "loanamount", "合同金额", "借款金额", "贷款金额"),
        "term_months": ("termmonths", "term", "期限", "期数", "贷款期限"),
        "annual_rate": ("annualrate", "rate", "interestrate", "年利率", "利率"),
        "opened_on": ("openedon", "startdate", "opened", "放款日", "开户日", "借款日期"),
        "schedule": ("schedule", "还款计划"),
        "as_of": ("asof", "balancedate", "数据日期", "截止日期", "余额日期"),
        "principal": ("principal", "本金", "剩余本金"),
        "interest": ("interest", "利息"),
        "penalty": ("penalty", "penaltyinterest", "罚息"),
        "fees": ("fees", "fee", "费用"),
        "oldest_due": ("oldestdue", "duedate", "dueon", "应还日期", "还款日", "逾期日期"),
        "aliases": ("aliases", "account", "accountno", "accountnumber", "virtualaccount", "账号", "还款账号"),
    },
    Kind.PAYMENTS: {
        "reference": ("reference", "ref", "paymentid", "transactionid", "流水号", "交易流水号", "还款流水"),
        "contract": (*_CONTRACT, *_CASE, "account", "accountno", "accountnumber", "账号"),
        "amount": ("amount", "paid", "paymentamount", "金额", "还款金额", "交易金额"),
        "currency": _CURRENCY,
        "paid_on": ("paidon", "date", "valuedate", "paymentdate", "还款日期", "交易日期", "入账日期"),
        "reverses": ("reverses", "reversalof", "originalreference", "冲正流水", "原流水号"),
        "memo": ("memo", "note", "remark", "摘要", "备注", "附言"),
    },
    Kind.CONTACTS: {
        "case": (*_CASE, "reference", "ref"),
        "kind": ("kind", "type", "类型", "联系方式类型"),
        "value": ("value", "contact", "phone", "number", "mobile", "电话", "号码", "联系方式", "手机号"),
        "label": ("label", "标签", "说明"),
        "source": ("source", "来源"),
        "consent": ("consent", "同意", "授权"),
        "valid_from": ("validfrom", "from", "生效日期"),
        "valid_until": ("validuntil", "until", "失效日期"),
        "zone": ("zone", "timezone", "tz", "时区"),
        "rank": ("rank", "order", "顺序", "优先级"),
        "role": ("role", "relation", "relationship", "关系"),
        "person": ("person", "name", "contactname", "姓名", "联系人", "联系人姓名"),
        "refused": ("refused", "optout", "拒绝联系"),
    },
    Kind.COMMUNICATIONS: {
        "reference": ("reference", "ref", "id", "流水号", "触达流水号"),
        "reporter": ("reporter", "agency", "机构", "催收机构"),
        "case": _CASE,
        "channel": ("channel", "渠道", "方式"),
        "at": ("at", "time", "时间", "触达时间", "联系时间"),
        "number": ("number", "phone", "mobile", "电话", "号码", "手机号"),
        "outbound": ("outbound", "外呼", "主动"),
        "connected": ("connected", "接通"),
        "conversation": ("conversation", "通话", "交谈"),
        "result": ("result", "结果"),
        "by": ("by", "collector", "催收员", "经办人"),
    },
}  # fmt: skip
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    Kind.CONTRACTS: ("case", "contract"),
    Kind.PAYMENTS: ("reference", "amount", "paid_on"),
    Kind.CONTACTS: ("case", "value"),
    Kind.COMMUNICATIONS: ("reference", "case", "channel", "at"),
}
_ONE = Decimal(1)
# As of one amount (`rows`).
_MOST = Decimal(10) ** 14
_YES = frozenset({"1", "y", "yes", "true", "是"})
_NO = frozenset({"", "0", "n", "no", "false", "否"})


@dataclass(frozen=True, slots=True)
class ContractRow:
    """A contract of a case; aliases: what payers call it."""

    case: str
    contract: Contract
    aliases: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact of a case. role, person: of whom; the debtor's own by default."""

    case: str
    kind: codes.PointKind
    value: str = field(repr=False)
    label: str = ""
    source: codes.Source = codes.Source.CREDITOR
    consent: codes.Consent = codes.Consent.UNKNOWN
    valid_from: date | None = None
    valid_until: date | None = None
    zone: str | None = None
    rank: int = 0
    role: codes.Role = codes.Role.DEBTOR
    person: str = field(default="", repr=False)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Communication:
    """One contact. reporter, reference: whose word it is, and its own key of it. number: E.164 of a call or
    message, empty for none. connected: it was taken. conversation: words were exchanged. by: who made it.
    """

    reporter: str
    reference: str
    case: str
    channel: codes.Channel
    at: datetime
    number: str = field(default="", repr=False)
    outbound: bool = True
    connected: bool = False
    conversation: bool = False
    result: str = ""
    by: str = ""

    @property
    def key(self) -> str:
        """On the timeline, and as a contact of a counter."""
        return f"r:{self.reporter}:{self.reference}"


ExchangeRow = ContractRow | Payment | ContactRow | Communication


def find_columns(kind: Kind, header: Sequence[str], mapping: Mapping[str, str]) -> Layout:
    """Which column is what; BadValue when a needed one is not there."""
    names = NAMES[kind]
    chosen: dict[str, int] = {}
    for name, column in mapping.items():
        if name not in names:
            raise BadValue(f"mapping: there is no field {name!r}; there are {', '.join(names)}")
        if column not in header:
            raise BadValue(
                f"mapping: the file has no column {column!r}; it has {', '.join(header)}"
            )
        chosen[name] = header.index(column)
    plain = [_NOISE.sub("", column).lower() for column in header]
    for name, aliases in names.items():
        # In the order of the aliases: `case` is a contract only where nothing else is.
        places = (plain.index(a) for a in (name.replace("_", ""), *aliases) if a in plain)
        found = next((p for p in places if p not in chosen.values()), None)
        if name not in chosen and found is not None:
            chosen[name] = found
    missing = [name for name in _NEEDED[kind] if name not in chosen]
    if missing:
        wanted = " and ".join(f"--map {name}=COLUMN" for name in missing)
        raise BadValue(
            f"no column is the {', '.join(missing)}; add {wanted} (there are {', '.join(header)})"
        )
    return Layout(tuple(header), chosen, (), ())


def read_exchange(
    kind: Kind, record: Record, layout: Layout, rules: Rules
) -> tuple[ExchangeRow | None, list[Problem]]:
    """The row, or None; and what was wrong."""
    row = Reading(record, layout)
    if record.fault or len(record.fields) > len(layout.header):
        row.blame("", record.fault or "the row has more columns than the header")
        return None, row.problems
    if not row.is_storable():
        return None, row.problems
    for name in _NEEDED[kind]:
        if not row.cell(name):
            row.failed = True
            row.blame(layout.header[layout.fields[name]], "this must not be empty")
    if row.failed:
        return None, row.problems
    try:
        made: ExchangeRow | None = _READERS[kind](row, rules)
    except (BadCell, BadNumber, BadValue) as error:
        row.failed = True
        row.blame("", str(error))
        return None, row.problems
    return (None if row.problems else made), row.problems


def _contract(row: Reading, rules: Rules) -> ContractRow:
    currency = row.parsed("currency", read_currency, rules.currency)
    aliases = (part.strip() for part in _SEPARATORS.split(row.cell("aliases")))
    schedule: tuple[Instalment, ...] = row.parsed("schedule", _schedule, ())
    if sum(one.total for one in schedule) >= _MOST:
        raise BadCell("the instalments add up to more than can be owed")
    contract = Contract(
        reference=row.cell("contract"),
        currency=currency,
        product=row.cell("product"),
        amount=row.parsed("amount", read_amount, None) or ZERO,
        term_months=row.parsed("term_months", read_count, None),
        annual_rate=row.parsed("annual_rate", _rate, None),
        opened_on=row.parsed("opened_on", read_date, None),
        schedule=schedule,
        statement=_statement(row, currency),
    )
    return ContractRow(row.cell("case"), contract, frozenset(a for a in aliases if a))


def _statement(row: Reading, currency: str) -> Statement | None:
    as_of = row.parsed("as_of", read_date, None)
    parts = {c.value: row.parsed(c.value, read_amount, None) for c in Component}
    stated = {name: amount for name, amount in parts.items() if amount is not None}
    if not stated:
        return None
    if as_of is None:
        raise BadCell("a balance needs its date (as_of): payments after it are taken off")
    due = row.parsed("oldest_due", read_date, None)
    return Statement(as_of, Balance(currency, **stated), due)


def _rate(text: str) -> Decimal:
    """`0.18`, `18%`."""
    amount = read_amount(text.rstrip("%％ ")) or ZERO
    return amount / 100 if text[-1] in "%％" else amount


def _schedule(text: str) -> tuple[Instalment, ...]:
    """`2026-01-10:100:10; 2026-02-10:100:10`: due date, principal, interest."""
    found = []
    for part in text.replace("；", ";").split(";"):
        if part.strip():
            due, *amounts = part.strip().split(":")
            if not 1 <= len(amounts) <= 2:
                raise BadCell("a schedule is written as 2026-01-10:100:10; 2026-02-10:100:10")
            found.append(Instalment(read_date(due), *(read_amount(a) or ZERO for a in amounts)))
    return tuple(sorted(found, key=lambda one: one.due_on))


def _payment(row: Reading, rules: Rules) -> Payment:
    currency = row.parsed("currency", read_currency, rules.currency)
    # Both are needed: a default stands only where the row is out already, for a reason that was told.
    amount = row.parsed("amount", read_amount, _ONE)
    paid_on = row.parsed("paid_on", read_date, date.min)
    reverses = row.cell("reverses")
    if amount < 0 and reverses:
        amount = -amount
    return Payment(
        row.cell("reference"), Money(amount, currency), paid_on, row.cell("contract"), reverses,
        memo=row.cell("memo"),
    )  # fmt: skip


def _contact(row: Reading, rules: Rules) -> ContactRow:
    kind = _code(row, "kind", codes.PointKind.MOBILE)
    value = row.cell("value")
    zone = row.parsed("zone", read_zone, "")
    if kind in (
        codes.PointKind.MOBILE,
        codes.PointKind.HOME,
        codes.PointKind.WORK,
        codes.PointKind.PHONE,
    ):
        number = read_number(value, rules.region)
        value, zone = number, zone or zone_of(number) or ""
    return ContactRow(
        case=row.cell("case"),
        kind=kind,
        value=value,
        label=row.cell("label"),
        source=_code(row, "source", codes.Source.CREDITOR),
        consent=_code(row, "consent", codes.Consent.UNKNOWN),
        valid_from=row.parsed("valid_from", read_date, None),
        valid_until=row.parsed("valid_until", read_date, None),
        zone=zone or None,
        rank=row.parsed("rank", read_small, 0),
        role=_code(row, "role", codes.Role.DEBTOR),
        person=row.cell("person"),
        refused=row.parsed("refused", _yes, False),
    )


def _communication(row: Reading, rules: Rules) -> Communication:
    channel = _code(row, "channel", codes.Channel.CALL)
    if channel is codes.Channel.NOTE:
        raise BadCell("a note is no contact")
    usual = "no" if channel in _INBOUND else "yes"
    outbound = _yes(row.cell("outbound") or usual)
    if outbound and channel in _INBOUND:
        raise BadCell("a contact that began with the debtor is not outbound")
    number = row.cell("number")
    texts = {name: row.cell(name) for name in ("reporter", "result", "by")}
    if any(len(text) > _SHORT for text in texts.values()):
        raise BadCell(f"reporter, result and by are at most {_SHORT} characters")
    return Communication(
        reference=row.cell("reference"),
        case=row.cell("case"),
        channel=channel,
        at=row.parsed("at", _moment, _EPOCH),
        number=read_number(number, rules.region) if number else "",
        outbound=outbound,
        connected=row.parsed("connected", _yes, False),
        conversation=row.parsed("conversation", _yes, False),
        **texts,
    )


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None or found.year not in _SENT:
        raise BadCell("a time is written with its zone, such as 2026-11-23T09:00+08:00")
    return found.astimezone(UTC)


_SHORT = 64
# They begin with the debtor.
_INBOUND = frozenset({codes.Channel.INBOUND_CALL, codes.Channel.PORTAL})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SENT = range(1970, 2200)


def _code(row: Reading, name: str, default: C) -> C:
    kind = type(default)
    return row.parsed(name, lambda text: codes.read_code(kind, text), default)


def _yes(text: str) -> bool:
    plain = text.casefold()
    if plain not in _YES | _NO:
        raise BadCell("write yes or no")
    return plain in _YES


_READERS: Mapping[Kind, Callable[[Reading, Rules], ExchangeRow]] = {
    Kind.CONTRACTS: _contract,
    Kind.PAYMENTS: _payment,
    Kind.CONTACTS: _contact,
    Kind.COMMUNICATIONS: _communication,
}
