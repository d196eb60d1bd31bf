"""The format of a strategy file, version 1: from this description it is read, checked, documented
and exported as JSON Schema.

Rules: `version: 1` stands in the file; a key is added, never given another meaning; a file without
`version` is a plain retry table, as before.
"""

from __future__ import annotations

from typing import Any

from dialer_engine.domain.collections.facts import FACTS
from dialer_engine.domain.outcome import Outcome
from dialer_engine.strategy.model import Channel, Event, Mode
from dialer_engine.strategy.retry import MAX_DELAY_S, Then
from dialer_engine.strategy.spec import (
    CLOCK,
    NAME,
    Field,
    Flag,
    Named,
    Number,
    Seq,
    Struct,
    Text,
    When,
    json_schema,
)

VERSION = 1
SCHEMA_ID = "https://dialer-engine.invalid/schema/strategy-1.json"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Strength of a script: 1 a friendly reminder … 4 the plain statement of lawful consequences.
STRENGTHS = 4
# A year before the due date; ten years after it: no debt is called longer under any preset.
_EARLIEST_DAY, _LATEST_DAY = -366, 3660
# More a day to one person than any preset allows (six unanswered, CBA guideline 2026) is a mistake.
_MOST_A_DAY, _MOST_A_WEEK = 6, 42

SORTABLE = (
    "priority",
    *(name for name, fact in FACTS.items() if fact.kind in ("int", "float", "money")),
)
_TITLE = Struct(
    "title",
    (Field("en", Text(most=200), "English"), Field("zh", Text(most=200), "Chinese", "中文")),
)
_STRENGTH = Number(1, STRENGTHS)
_PER_DAY, _PER_WEEK = Number(1, _MOST_A_DAY), Number(1, _MOST_A_WEEK)
_PRIORITY = Number(0, 100)
_HOURS = Seq(CLOCK, 2, 2)


def _choices(kind: Any) -> Text:
    return Text(choices=tuple(member.value for member in kind), shape="one of the names there are")


RETRY = Struct(
    "retry rule",
    (
        Field("then", _choices(Then), "what follows this outcome", "下一步", needed=True),
        Field(
            "delay_s",
            Number(0, MAX_DELAY_S, whole=False),
            "seconds until then, at least",
            "至少间隔秒数",
        ),
        Field("other_hour", Flag(), "at another hour of the day", "换时段"),
    ),
)
STEP = Struct(
    "step",
    (
        Field("id", NAME, "its name, once in the ladder", "步骤名", needed=True),
        Field("day", Number(_EARLIEST_DAY, _LATEST_DAY), "first day past due", "起始逾期天数"),
        Field(
            "until",
            Number(_EARLIEST_DAY, _LATEST_DAY),
            "last day past due; left out: for calls until the next step of the channel, else the day",
            "截止逾期天数",
        ),
        Field("event", _choices(Event), "what brings it instead of a day", "触发事件"),
        Field("channel", _choices(Channel), "by what", "渠道", needed=True),
        Field("script", NAME, "the script, by its id", "话术"),
        Field("strength", _STRENGTH, "of the script, 1 is the mildest", "话术强度", default=1),
        Field(
            "mode",
            _choices(Mode),
            "how its calls are dialled, when not as the whole strategy",
            "拨号方式",
        ),
        Field("per_day", _PER_DAY, "attempts for a person and day, at most", "每日次数", default=1),
        Field(
            "per_week",
            _PER_WEEK,
            "attempts for a person and 7 days, at most",
            "每周次数",
            default=3,
        ),
        Field("hours", _HOURS, "local hours, the second not included", "时段"),
        Field("weekdays", Seq(Text(choices=WEEKDAYS), 1, 7), "days of the week", "星期"),
        Field("priority", _PRIORITY, "0 to 100, larger first", "优先级", default=50),
    ),
)
SEGMENT = Struct(
    "segment",
    (
        Field("id", NAME, "its name, once in the file", "分群名", needed=True),
        Field("title", _TITLE, "for people", "名称"),
        Field(
            "when",
            When(),
            "which cases; the first segment that holds is taken",
            "条件",
            needed=True,
        ),
        Field(
            "hold", Text(most=200), "why nobody is contacted; then there is no ladder", "停催原因"
        ),
        Field("ladder", Seq(STEP, 0, 100), "what is done, step by step", "步骤"),
    ),
)
ARM = Struct(
    "arm",
    (
        Field("id", NAME, "its name", "组名", needed=True),
        Field(
            "share", Number(0.1, 99.9, whole=False), "of the cases, in percent", "占比", needed=True
        ),
        Field(
            "set",
            Struct(
                "changes",
                (
                    Field("script", NAME, "another script", "话术"),
                    Field("strength", _STRENGTH, "another strength", "强度"),
                    Field("channel", _choices(Channel), "another channel", "渠道"),
                    Field("mode", _choices(Mode), "another way of dialling", "拨号方式"),
                    Field("per_day", _PER_DAY, "other attempts a day", "每日次数"),
                    Field("per_week", _PER_WEEK, "other attempts a week", "每周次数"),
                    Field("hours", _HOURS, "other hours", "时段"),
                    Field("priority", _PRIORITY, "another priority", "优先级"),
                ),
            ),
            "what is different from the file",
            "改动",
        ),
    ),
)
EXPERIMENT = Struct(
    "experiment",
    (
        Field(
            "id",
            NAME,
            "its name; with the case's reference it decides the arm",
            "实验名",
            needed=True,
        ),
        Field("segments", Seq(NAME, 1, 100), "in which segments; all when left out", "分群"),
        Field(
            "arms", Seq(ARM, 2, 10), "the first is the champion; shares make 100", "组", needed=True
        ),
    ),
)
DIAL = Struct(
    "way of dialling",
    (
        Field(
            "mode",
            _choices(Mode),
            "how calls are dialled",
            "拨号方式",
            default=Mode.PROGRESSIVE.value,
        ),
        Field(
            "ratio",
            Number(1, 10, whole=False),
            "lines for each available agent, mode ratio",
            "比例",
            default=1.0,
        ),
        Field(
            "max_ratio",
            Number(1, 10, whole=False),
            "predictive never goes above",
            "最高比例",
            default=2.0,
        ),
        Field(
            "max_abandon_pct",
            Number(0, 3, whole=False),
            "abandoned of answered live, at most",
            "呼损率上限",
            default=2.0,
        ),
        Field(
            "ring_timeout_s",
            Number(1, 120, whole=False),
            "how long a number rings",
            "振铃秒数",
            default=25.0,
        ),
        Field(
            "wait_limit_s",
            Number(0.1, 30, whole=False),
            "how long an answered person waits",
            "等待秒数",
            default=2.0,
        ),
        Field("amd", Flag(), "detect answering machines", "语音信箱识别", default=False),
    ),
)
STRATEGY = Struct(
    "strategy",
    (
        Field("version", Number(VERSION, VERSION), "of the format: 1", "格式版本", needed=True),
        Field("title", _TITLE, "for people", "名称", needed=True),
        Field(
            "presets",
            Seq(NAME, 0, 20),
            "compliance presets that its steps are checked against, such as cn",
            "合规预设",
        ),
        Field("dial", DIAL, "how calls are made", "拨号"),
        Field(
            "order",
            Seq(
                Text(pattern=r"-?[a-z_0-9]+", shape="a fact, with - before it for largest first"),
                1,
                10,
            ),
            "by what the list is sorted",
            "名单排序",
        ),
        Field(
            "mix", Named(Number(1, 100)), "cases of each segment in a round of the list", "名单配比"
        ),
        Field(
            "max_tries",
            Number(1, 1000),
            "attempts for a case in one campaign",
            "最多呼叫次数",
            needed=True,
        ),
        Field(
            "retry",
            Named(RETRY, keys=tuple(o.value for o in Outcome)),
            "what follows each outcome",
            "重呼规则",
            needed=True,
        ),
        Field(
            "segments",
            Seq(SEGMENT, 1, 200),
            "who is treated how, the first that holds",
            "分群",
            needed=True,
        ),
        Field("experiments", Seq(EXPERIMENT, 0, 20), "champion and challenger", "对照实验"),
    ),
)


def strategy_schema() -> dict[str, Any]:
    """JSON Schema of a strategy file, for editors."""
    return json_schema(STRATEGY, "dialer-engine strategy, version 1", SCHEMA_ID)
