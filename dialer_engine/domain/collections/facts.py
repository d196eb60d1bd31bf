"""`CaseFacts`: the flat, typed view of a case that strategy conditions and compliance read.

Rules: this file is a contract; a fact is added, never renamed; a fact that is not known is None
(numbers), "unknown" (codes) or empty (text), never a guess. `FACTS` describes each one for the
checker of conditions, the JSON Schema and the docs; `as_dict` is what conditions are evaluated over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from dialer_engine.domain.collections import codes as c


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """One case at one moment. Amounts are in `currency`; `_days` and `dpd` count calendar days at the
    debtor; dpd is negative before the due date and 0 when nothing is owed.
    """

    dpd: int = 0
    stage: str = c.Stage.M0.value
    product: str = ""
    creditor: str = ""
    debt_type: str = c.DebtType.OTHER.value
    party_type: str = c.PartyType.FIRST.value
    jurisdiction: str = ""
    currency: str = ""
    balance: Decimal = Decimal(0)
    principal: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    penalty: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    reason_overdue: str = c.Reason.UNKNOWN.value
    ability: str = c.Ability.UNKNOWN.value
    willingness: str = c.Willingness.UNKNOWN.value
    behaviour: str = c.Behaviour.UNKNOWN.value
    occupation: str = c.Occupation.UNKNOWN.value
    region: str = ""
    age: int | None = None
    income_band: str = c.IncomeBand.UNKNOWN.value
    language: str = ""
    promises_open: int = 0
    promises_broken: int = 0
    promise_due_in_days: int | None = None
    last_payment_days: int | None = None
    last_contact_days: int | None = None
    attempts_7d: int = 0
    connected_7d: int = 0
    numbers: int = 0
    best_hour: int | None = None
    holds: frozenset[str] = frozenset()
    score: float | None = None
    team: str = ""
    owner: str = ""
    agency: str = ""
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Every fact by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Fact:
    """What a fact is. kind: int, float, money, text, set, map. optional: may be None. choices: the
    values that it can have, empty for free text.
    """

    name: str
    kind: str
    english: str
    chinese: str
    optional: bool = False
    choices: type[c.Code] | None = None


def _of(
    name: str,
    kind: str,
    english: str,
    chinese: str,
    *,
    optional: bool = False,
    choices: type[c.Code] | None = None,
) -> tuple[str, Fact]:
    return name, Fact(name, kind, english, chinese, optional, choices)


FACTS: Mapping[str, Fact] = dict(
    (
        _of("dpd", "int", "days past due, negative before the due date", "逾期天数"),
        _of("stage", "text", "stage", "逾期阶段", choices=c.Stage),
        _of("product", "text", "product code", "产品"),
        _of("creditor", "text", "creditor code", "委托方"),
        _of("debt_type", "text", "type of debt", "债务类型", choices=c.DebtType),
        _of("party_type", "text", "who collects", "自催/委外", choices=c.PartyType),
        _of("jurisdiction", "text", "country, ISO 3166 (or CC-REGION)", "法域"),
        _of("currency", "text", "currency, ISO 4217", "币种"),
        _of("balance", "money", "all that is owed", "欠款总额"),
        _of("principal", "money", "principal owed", "本金"),
        _of("interest", "money", "interest owed", "利息"),
        _of("penalty", "money", "penalty interest owed", "罚息"),
        _of("fees", "money", "fees owed", "费用"),
        _of("reason_overdue", "text", "reason for being overdue", "逾期原因", choices=c.Reason),
        _of("ability", "text", "ability to pay", "还款能力", choices=c.Ability),
        _of("willingness", "text", "willingness to pay", "还款意愿", choices=c.Willingness),
        _of("behaviour", "text", "behaviour so far", "行为属性", choices=c.Behaviour),
        _of("occupation", "text", "occupation", "职业", choices=c.Occupation),
        _of("region", "text", "region, as the creditor writes it", "地区"),
        _of("age", "int", "years of age", "年龄", optional=True),
        _of("income_band", "text", "band of income", "收入档", choices=c.IncomeBand),
        _of("language", "text", "language", "语言"),
        _of("promises_open", "int", "promises pending", "未到期承诺数"),
        _of("promises_broken", "int", "promises broken", "违约承诺数"),
        _of(
            "promise_due_in_days",
            "int",
            "days until the next open promise, negative in its grace days",
            "距承诺日天数",
            optional=True,
        ),
        _of("last_payment_days", "int", "days since a payment", "距上次还款天数", optional=True),
        _of(
            "last_contact_days", "int", "days since a conversation", "距上次联系天数", optional=True
        ),
        _of("attempts_7d", "int", "calls tried in 7 days", "7天呼叫次数"),
        _of("connected_7d", "int", "calls connected in 7 days", "7天接通次数"),
        _of("numbers", "int", "numbers that may still be called", "可拨号码数"),
        _of(
            "best_hour",
            "int",
            "local hour at which somebody is likeliest to answer today, from our calls",
            "最佳联系时段(小时)",
            optional=True,
        ),
        _of("holds", "set", "holds in force", "停催标记", choices=c.HoldKind),
        _of("score", "float", "score, higher is likelier to pay", "评分", optional=True),
        _of("team", "text", "team", "团队"),
        _of("owner", "text", "collector", "催收员"),
        _of("agency", "text", "agency", "委外机构"),
        _of("tags", "set", "tags", "标签"),
        _of("attributes", "map", "what else came with the case", "附加属性"),
    )
)
