"""The format of a product file, version 1: from this description it is read, checked, documented and exported as
JSON Schema.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dialer_engine.domain.collections.charges import FeeTrigger
from dialer_engine.domain.collections.codes import DebtType, PartyType, Phase, Stage
from dialer_engine.domain.collections.money import Component
from dialer_engine.strategy.spec import (
    Exact,
    Field,
    Flag,
    Named,
    Number,
    Seq,
    Struct,
    Text,
    json_schema,
)

VERSION = 1
SCHEMA_ID = "https://dialer-engine.invalid/schema/products-1.json"
BUCKETS = tuple(
    stage.value for stage in Stage if stage not in (Stage.PRE_DUE, Stage.SETTLED)
)  # M0 … M7+
PARTS = tuple(part.value for part in Component)
# Keys that are the fields of the domain, name by name.
PLAIN = ("by_instalment", "tolerance", "promise_grace_days")
OF_PENALTY = ("daily_rate", "grace_days", "retroactive", "cap_share", "cap_amount")
OF_FEE = ("code", "trigger", "amount", "share", "minimum", "maximum", "at_dpd", "times")
OF_CAP = ("annual_rate", "share", "year_days")
OF_LIMITS = ("min_dpd", "max_months", "min_first_share", "min_instalment")
# Ten years: no debt is called longer under any preset.
_LATEST_DAY = 3660
# What `contracts` and `promises` can hold (`store.schema_books`) is far more; nobody waits a year.
_MOST_GRACE = 366
_MOST_MONTHS = 600

_SHARE = Exact(high=Decimal(1))
# A rate of 100 times the debt a year is a slip, one of a tenth each day too; ten years of it still fit an amount.
_RATE = Exact(high=Decimal(100))
_DAILY = Exact(high=Decimal("0.1"))
_CODE = Text(pattern=r"[\w.:/-]{1,64}", shape="a code of letters, digits, _ . : / and -", most=64)
_DAY = Number(0, _LATEST_DAY)


def _choices(kind: Any) -> Text:
    return Text(choices=tuple(member.value for member in kind), shape="one of the names there are")


_PART = _choices(Component)
CREDITOR = Struct(
    "creditor",
    (
        Field("code", _CODE, "as cases name it", "代码", needed=True),
        Field("name", Text(most=200), "for people", "名称"),
        Field(
            "jurisdiction",
            Text(pattern=r"[A-Z]{2}(-[A-Z0-9]{1,3})?", shape="a country such as CN, or CN-SH"),
            "whose rules of contact hold unless the case says otherwise",
            "适用法域",
        ),
        Field(
            "party_type",
            _choices(PartyType),
            "who calls for it",
            "催收主体",
            default=PartyType.FIRST.value,
        ),
    ),
)
STAGES = Struct(
    "table of stages",
    tuple(
        Field(name, _DAY, f"first day past due of {name}", f"{name} 起始逾期天数", needed=True)
        for name in BUCKETS
    ),
)
ROUNDING = Struct(
    "rounding",
    (
        Field(
            "quantum",
            Exact(low=Decimal("0.0001"), high=Decimal(1000)),
            "the smallest unit: 0.01 for most currencies, 1 for yen",
            "最小单位",
            default=Decimal("0.01"),
        ),
        Field(
            "mode",
            Text(choices=("half_up", "half_even", "down", "up"), shape="a way of rounding"),
            "how",
            "舍入方式",
            default="half_up",
        ),
    ),
)
PENALTY = Struct(
    "penalty",
    (
        Field("daily_rate", _DAILY, "of the base, for each day overdue", "日利率", needed=True),
        Field(
            "base", Seq(_PART, 1, 4), "parts of what is overdue; left out: principal", "计算基数"
        ),
        Field("grace_days", _DAY, "days overdue that cost nothing", "宽限天数", default=0),
        Field(
            "retroactive",
            Flag(),
            "after the grace they are charged too",
            "宽限期后追溯",
            default=False,
        ),
        Field("cap_share", _RATE, "of the contract's principal, at most", "上限(占本金)"),
        Field("cap_amount", Exact(), "at most", "上限(金额)"),
    ),
)
FEE = Struct(
    "fee",
    (
        Field("code", _CODE, "its name, once in the product", "代码", needed=True),
        Field("trigger", _choices(FeeTrigger), "what it is charged for", "触发", needed=True),
        Field("amount", Exact(), "fixed part", "固定金额", default=Decimal(0)),
        Field("share", _SHARE, "of what is overdue, on top", "逾期额比例", default=Decimal(0)),
        Field("minimum", Exact(), "of one fee", "最低", default=Decimal(0)),
        Field("maximum", Exact(), "of one fee", "最高"),
        Field(
            "at_dpd", Number(1, _LATEST_DAY), "for overdue: on which day", "逾期第几天", default=1
        ),
        Field("times", Number(1, 1000), "over the life of the contract", "次数上限", default=1),
    ),
)
CAP = Struct(
    "cost cap",
    (
        Field("annual_rate", _RATE, "of the principal for each year", "年化上限"),
        Field("share", _RATE, "of the principal, in all", "总额上限(占本金)"),
        Field("year_days", Number(360, 366), "of a year", "年天数", default=365),
    ),
)
LIMITS = Struct(
    "limit",
    (
        Field("role", _CODE, "whose", "角色", needed=True),
        Field(
            "shares", Named(_SHARE, PARTS), "of each part, at most; left out: 0", "各部分减免比例"
        ),
        Field("max_amount", Exact(), "of one reduction", "减免金额上限"),
        Field("min_dpd", _DAY, "not before this day past due", "最早逾期天数", default=0),
        Field(
            "max_months",
            Number(0, _MOST_MONTHS),
            "of an instalment offer; 0: none",
            "分期期数上限",
            default=0,
        ),
        Field("min_first_share", _SHARE, "of the first part", "首期最低比例", default=Decimal(0)),
        Field("min_instalment", Exact(), "of each part", "每期最低金额", default=Decimal(0)),
    ),
)
PRODUCT = Struct(
    "product",
    (
        Field("code", _CODE, "as cases and contracts name it", "代码", needed=True),
        Field(
            "debt_type",
            _choices(DebtType),
            "what kind of debt",
            "债务类型",
            default=DebtType.OTHER.value,
        ),
        Field("stages", STAGES, "where the stages begin; two equal days leave one out", "阶段划分"),
        Field(
            "phases",
            Named(_choices(Phase), tuple(stage.value for stage in Stage)),
            "what collecting is about in a stage",
            "阶段对应策略",
        ),
        Field("allocation", Seq(_PART, 4, 4), "what a payment pays first", "还款冲抵顺序"),
        Field(
            "by_instalment", Flag(), "the oldest instalment wholly before the next", "先还最早一期"
        ),
        Field("overdue_by", Seq(_PART, 1, 4), "what makes it overdue when unpaid", "逾期判定部分"),
        Field("tolerance", Exact(), "arrears up to this are not overdue", "容差"),
        Field("rounding", ROUNDING, "of charges", "舍入"),
        Field("penalty", PENALTY, "interest on what is overdue; left out: none", "罚息"),
        Field("cost_cap", CAP, "of interest, penalty and fees together", "综合成本上限"),
        Field("fees", Seq(FEE, 0, 50), "left out: none", "费用"),
        Field(
            "promise_grace_days",
            Number(0, _MOST_GRACE),
            "how late a promise may be kept",
            "承诺宽限天数",
        ),
        Field(
            "limits",
            Seq(LIMITS, 0, 20),
            "what each role may grant, the least first; left out: nobody anything",
            "各角色减免与分期权限",
        ),
    ),
)
PRODUCTS = Struct(
    "product file",
    (
        Field("version", Number(VERSION, VERSION), "of the format", "格式版本", needed=True),
        Field("creditor", CREDITOR, "whose; left out: any creditor's products", "委托方"),
        Field("products", Seq(PRODUCT, 1, 200), "its products", "产品", needed=True),
    ),
)


def products_schema() -> dict[str, Any]:
    """For editors."""
    return json_schema(PRODUCTS, "Products of a creditor", SCHEMA_ID)
