"""The columns of a case file that say something to collections.

Rules: a date or an amount that cannot be read puts the row out, as a balance does; a code (occupation,
reason …) that is none of ours is left to the attributes, because every creditor has words of its own.
"""

from __future__ import annotations

import re
from typing import TypeVar

from dialer_engine.domain.collections import codes
from dialer_engine.domain.collections.money import Balance, Component
from dialer_engine.domain.collections.particulars import Particulars
from dialer_engine.domain.errors import BadValue
from dialer_engine.store.rows import Reading, Rules, read_amount, read_currency, read_date

C = TypeVar("C", bound=codes.Code)

PARTICULARS: dict[str, tuple[str, ...]] = {
    "id_number": ("idnumber", "idno", "idcard", "nationalid", "身份证", "身份证号", "身份证号码", "证件号码", "证件号"),
    "born_on": ("bornon", "dateofbirth", "dob", "birthday", "birthdate", "出生日期", "生日"),
    "principal": ("principal", "本金", "剩余本金", "欠款本金"),
    "interest": ("interest", "利息", "欠款利息"),
    "penalty": ("penalty", "penaltyinterest", "罚息", "违约金"),
    "fees": ("fees", "fee", "费用", "手续费"),
    "oldest_due": (
        "oldestdue", "duedate", "dueon", "overduesince",
        "应还日期", "还款日", "到期日", "逾期日期", "逾期开始日",
    ),
    "creditor": ("creditor", "client", "委托方", "委托机构", "债权人"),
    "product": ("product", "productname", "产品", "产品名称"),
    "debt_type": ("debttype", "loantype", "债务类型", "贷款类型"),
    "jurisdiction": ("jurisdiction", "法域"),
    "region": ("region", "province", "city", "地区", "省份", "城市"),
    "occupation": ("occupation", "profession", "职业"),
    "income_band": ("incomeband", "收入档", "收入水平"),
    "reason": ("reason", "reasonoverdue", "逾期原因"),
    "ability": ("ability", "还款能力"),
    "willingness": ("willingness", "还款意愿"),
    "behaviour": ("behaviour", "behavior", "行为属性"),
    "score": ("score", "评分", "分数"),
    "team": ("team", "团队", "催收团队"),
    "owner": ("owner", "collector", "催收员", "经办人"),
    "agency": ("agency", "委外机构", "催收机构"),
    "recall_on": ("recallon", "recalldate", "回收日期", "退案日期"),
    "tags": ("tags", "标签"),
}  # fmt: skip
# What identifies a person is no attribute that everybody sees.
PERSONAL = frozenset({"id_number", "born_on"})
_SEPARATORS = re.compile(r"[;；,，、|]+")


def read_particulars(row: Reading, rules: Rules) -> Particulars:
    """What the row says; problems are noted in it."""
    return Particulars(
        creditor=row.cell("creditor"),
        product=row.cell("product"),
        debt_type=_code(row, "debt_type", codes.DebtType),
        jurisdiction=row.cell("jurisdiction"),
        balance=_parts(row, rules),
        oldest_due=row.parsed("oldest_due", read_date, None),
        reason=_code(row, "reason", codes.Reason),
        ability=_code(row, "ability", codes.Ability),
        willingness=_code(row, "willingness", codes.Willingness),
        behaviour=_code(row, "behaviour", codes.Behaviour),
        occupation=_code(row, "occupation", codes.Occupation),
        region=row.cell("region"),
        income_band=_code(row, "income_band", codes.IncomeBand),
        score=row.parsed("score", _score, None),
        team=row.cell("team"),
        owner=row.cell("owner"),
        agency=row.cell("agency"),
        recall_on=row.parsed("recall_on", read_date, None),
        tags=frozenset(tag.strip() for tag in _SEPARATORS.split(row.cell("tags")) if tag.strip()),
    )


def _parts(row: Reading, rules: Rules) -> Balance | None:
    """The four parts, when any of them is stated."""
    amounts = {c: row.parsed(c.value, read_amount, None) for c in Component}
    if all(amount is None for amount in amounts.values()):
        return None
    currency = row.parsed("currency", read_currency, rules.currency)
    try:
        return Balance(currency, **{c.value: a for c, a in amounts.items() if a is not None})
    except BadValue as error:
        row.failed = True
        row.blame("", str(error))
        return None


def _code(row: Reading, name: str, kind: type[C]) -> C | None:
    text = row.cell(name)
    if not text:
        return None
    try:
        return codes.read_code(kind, text)
    except BadValue:
        return None


def _score(text: str) -> float:
    return float(read_amount(text) or 0)
