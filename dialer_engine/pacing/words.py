"""A decision in a sentence that an operator understands, in English and in Chinese.

Rules: what was seen first, then what was decided, then why; numbers only where they help; a reason that
this file does not know stays in English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dialer_engine.pacing.predictive import PRICE

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Told:
    """The same sentence twice."""

    en: str
    zh: str


def tell(
    why: str, originate: int, started: int, cancelled: int, numbers: Numbers, target: float
) -> Told:
    """originate: calls that were wanted; started: those that found a case and a permit; cancelled: ringing
    calls that were stopped; target: share of live answers that may be abandoned.
    """
    reason_en, reason_zh = _reason(why, numbers)
    parts_en = [
        _seen_en(numbers),
        _account_en(numbers, target),
        _done_en(originate, started, cancelled),
    ]
    parts_zh = [
        _seen_zh(numbers),
        _account_zh(numbers, target),
        _done_zh(originate, started, cancelled),
    ]
    english = " ".join(part for part in parts_en if part)
    chinese = "".join(part for part in parts_zh if part)
    return Told(f"{english}: {reason_en}." if reason_en else f"{english}.",
                f"{chinese}:{reason_zh}。" if reason_zh else f"{chinese}。")  # fmt: skip


def _seen_en(n: Numbers) -> str:
    if "staffed" not in n or "idle" not in n:
        return ""
    away = f" ({_whole(n, 'away')} more on a break)" if n.get("away") else ""
    return (
        f"{_count(n, 'staffed', 'agent')} at work{away}: {_whole(n, 'idle')} idle, {_whole(n, 'talking')} talking,"
        f" {_whole(n, 'wrapping')} wrapping up; {_count(n, 'ringing', 'call')} ringing,"
        f" {_whole(n, 'waiting')} waiting for an agent."
    )


def _seen_zh(n: Numbers) -> str:
    if "staffed" not in n or "idle" not in n:
        return ""
    away = f"(另有{_whole(n, 'away')}名小休)" if n.get("away") else ""
    return (
        f"在岗坐席{_whole(n, 'staffed')}名{away}:空闲{_whole(n, 'idle')},通话{_whole(n, 'talking')},"
        f"话后{_whole(n, 'wrapping')};振铃{_whole(n, 'ringing')}路,等待坐席{_whole(n, 'waiting')}路。"
    )


def _account_en(n: Numbers, target: float) -> str:
    if not n.get("live"):
        return ""
    share = n.get("abandoned", 0.0) / n["live"]
    return (
        f"Abandoned in this period: {_whole(n, 'abandoned')} of {_whole(n, 'live')} live answers"
        f" ({share:.1%}, at most {target:.1%})."
    )


def _account_zh(n: Numbers, target: float) -> str:
    if not n.get("live"):
        return ""
    share = n.get("abandoned", 0.0) / n["live"]
    return f"本期人工接听{_whole(n, 'live')}次,呼损{_whole(n, 'abandoned')}次({share:.1%},上限{target:.1%})。"


def _done_en(originate: int, started: int, cancelled: int) -> str:
    stopped = (
        f"{cancelled} ringing {'call' if cancelled == 1 else 'calls'} cancelled, "
        if cancelled
        else ""
    )
    if not originate:
        return f"{stopped}no new calls".capitalize()
    less = f" of {originate} wanted" if started < originate else ""
    return f"{stopped}{started} new {'call' if started == 1 else 'calls'}{less}".capitalize()


def _done_zh(originate: int, started: int, cancelled: int) -> str:
    stopped = f"取消振铃{cancelled}路," if cancelled else ""
    if not originate:
        return f"{stopped}不发起新呼叫"
    less = f"(应呼{originate}路)" if started < originate else ""
    return f"{stopped}新呼{started}路{less}"


def _reason(why: str, n: Numbers) -> tuple[str, str]:
    if why in ("", PRICE) and "price" in n and "loss" in n:
        return _price_en(n), _price_zh(n)
    for pattern, chinese in _CHINESE:
        found = pattern.fullmatch(why)
        if found is not None:
            return why, chinese.format(*found.groups())
    return why, why


def _price_en(n: Numbers) -> str:
    return (
        f"of the answers to one more call {n['loss']:.1%} would find no agent; up to {_worth(n):.1%} are"
        " worth it now"
    )


def _price_zh(n: Numbers) -> str:
    return f"再呼一路,接听时无坐席的概率为{n['loss']:.1%};目前可接受的上限为{_worth(n):.1%}"


def _worth(n: Numbers) -> float:
    """The chance of a loss at which the price is reached."""
    return n["price"] / (1.0 + n["price"])


def _whole(n: Numbers, key: str) -> str:
    return f"{n.get(key, 0.0):,.0f}"


def _count(n: Numbers, key: str, noun: str) -> str:
    return f"{_whole(n, key)} {noun}{'' if n.get(key) == 1 else 's'}"


def _known(english: str, chinese: str) -> tuple[re.Pattern[str], str]:
    return re.compile(english, re.DOTALL), chinese


_CHINESE: tuple[tuple[re.Pattern[str], str], ...] = (
    _known("no agent is available", "没有空闲坐席"),
    _known("nobody is logged in", "没有坐席签入"),
    _known(r"1 line for each available agent, of whom there are (\d+)", "每名空闲坐席一路,空闲坐席{0}名"),
    _known(r"([\d.]+) lines for each available agent, of whom there are (\d+)", "每名空闲坐席{0}路,空闲坐席{1}名"),
    _known(r"(\d+) wanted, the trunks have room for (-?\d+)", "需要{0}路,中继只余{1}路"),
    _known(r"just started: ([\d.]+) lines for each agent so far", "刚刚启动:目前每名坐席最多{0}路"),
    _known(r"the trunks refuse calls: .*", "中继拒绝呼叫:每2秒试呼一路,直至恢复"),
    _known("agents dial by hand", "由坐席手动拨号"),
    _known(r"a case to look at for each available agent, of whom there are (\d+)",
           "为每名空闲坐席展示一个案件,空闲坐席{0}名"),
    _known(r"all (\d+) channels are in use", "{0}路信道已全部占用"),
    _known(r"(\d+) of (\d+) channels in use, ([\d.]+) calls a second", "已用{0}/{1}路信道,每秒{2}呼"),
    _known("the trunks have no room", "中继没有空闲信道"),
    _known(r"no case is due(.*)", "没有到期的案件{0}"),
    _known("the daemon is stopping", "守护进程正在停止"),
    _known("the campaign is paused", "活动已暂停"),
    _known("the campaign is stopped", "活动已停止"),
    _known(r"the store does not take writes: (.*)", "数据库无法写入:{0}"),
    _known("the disk of the recordings is full", "录音磁盘已满"),
    _known(r"recordings cannot be written: (.*)", "录音无法写入:{0}"),
    _known("the lease of the campaign has run out", "活动租约已到期"),
    _known("no PBX is connected", "没有已连接的 PBX"),
    _known("as many as lines and trunks allow", "已达线路与中继允许的上限"),
    _known("no more lines are allowed, or no trunk is free", "线路数已达上限,或中继没有空闲"),
    _known("the pacing policy failed.*", "外呼策略出错(见日志):每名空闲坐席一路"),
)  # fmt: skip
