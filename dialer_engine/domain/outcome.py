"""How an attempt ended: one table from what the network said to what the dialer calls it.

Rules: every attempt gets exactly one outcome; what was seen on our side (bridged, abandoned,
machine) wins over what the network says; a SIP status wins over a hang-up cause, because Asterisk
folds several of the first into one of the second; what no row knows is `FAILED`, never a guess.

Sources: ITU-T Q.850 (cause values), RFC 3398 section 7.2.4.1 (SIP status to cause), 3GPP TS 24.229
and the announcements of the Chinese carriers for the Chinese names of the number states.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an attempt. The values are what stores, reports and APIs show."""

    COMPLETED = "completed"
    ABANDONED = "abandoned"
    MESSAGE = "message"
    MACHINE = "machine"
    HUNG_UP_EARLY = "hung_up_early"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    OUT_OF_SERVICE = "out_of_service"
    SWITCHED_OFF = "switched_off"
    UNREACHABLE = "unreachable"
    CONGESTION = "congestion"
    INCOMPATIBLE = "incompatible"
    BARRED = "barred"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def chinese(self) -> str:
        """The name a Chinese reader expects."""
        return _CHINESE[self]

    @property
    def is_answer(self) -> bool:
        """Somebody or something took the call."""
        return self in _ANSWERED


_ANSWERED = frozenset(
    {
        Outcome.COMPLETED,
        Outcome.ABANDONED,
        Outcome.MESSAGE,
        Outcome.MACHINE,
        Outcome.HUNG_UP_EARLY,
    }
)
_CHINESE = {
    Outcome.COMPLETED: "已通话",
    Outcome.ABANDONED: "呼损",
    Outcome.MESSAGE: "已播报",
    Outcome.MACHINE: "语音信箱",
    Outcome.HUNG_UP_EARLY: "接通即挂",
    Outcome.BUSY: "忙",
    Outcome.NO_ANSWER: "无人接听",
    Outcome.REJECTED: "拒接",
    Outcome.INVALID_NUMBER: "空号",
    Outcome.OUT_OF_SERVICE: "停机",
    Outcome.SWITCHED_OFF: "关机",
    Outcome.UNREACHABLE: "无法接通",
    Outcome.CONGESTION: "线路拥塞",
    Outcome.INCOMPATIBLE: "媒体不兼容",
    Outcome.BARRED: "呼叫受限",
    Outcome.FAILED: "呼叫失败",
    Outcome.CANCELLED: "已取消",
    Outcome.LOST: "结果不明",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What the PBX said when a channel ended.

    cause: Q.850 value, 0 when unknown. sip: final SIP status, None when the PBX did not tell. text:
    the PBX's words. seen: False when the end was inferred (the channel was gone when we looked).
    """

    cause: int = 0
    sip: int | None = None
    text: str = ""
    seen: bool = True
    answered: bool = False
    bridged: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: the outcome, whether the trunk is to blame (failover, breaker), and
    where the row comes from.
    """

    outcome: Outcome
    trunk_fault: bool
    source: str


def _q850(outcome: Outcome, words: str, trunk_fault: bool = False) -> Rule:
    return Rule(outcome, trunk_fault, f"Q.850 {words}")


def _sip(outcome: Outcome, words: str, trunk_fault: bool = False) -> Rule:
    return Rule(outcome, trunk_fault, words)


BY_CAUSE: dict[int, Rule] = {
    1: _q850(Outcome.INVALID_NUMBER, "1 unallocated number: 空号"),
    2: _q850(Outcome.FAILED, "2 no route to transit network", True),
    3: _q850(Outcome.FAILED, "3 no route to destination", True),
    16: _q850(Outcome.NO_ANSWER, "16 normal clearing, before an answer"),
    17: _q850(Outcome.BUSY, "17 user busy: 忙"),
    18: _q850(Outcome.NO_ANSWER, "18 no user responding"),
    19: _q850(Outcome.NO_ANSWER, "19 no answer from user (alerted): 无人接听"),
    20: _q850(Outcome.SWITCHED_OFF, "20 subscriber absent: 关机"),
    21: _q850(Outcome.REJECTED, "21 call rejected: 拒接"),
    22: _q850(Outcome.INVALID_NUMBER, "22 number changed"),
    26: _q850(Outcome.CANCELLED, "26 non-selected user clearing"),
    27: _q850(Outcome.OUT_OF_SERVICE, "27 destination out of order: 停机"),
    28: _q850(Outcome.INVALID_NUMBER, "28 invalid number format"),
    31: _q850(Outcome.FAILED, "31 normal, unspecified"),
    34: _q850(Outcome.CONGESTION, "34 no circuit available", True),
    38: _q850(Outcome.CONGESTION, "38 network out of order", True),
    41: _q850(Outcome.CONGESTION, "41 temporary failure", True),
    42: _q850(Outcome.CONGESTION, "42 switching equipment congestion", True),
    44: _q850(Outcome.CONGESTION, "44 requested circuit not available", True),
    50: _q850(Outcome.BARRED, "50 requested facility not subscribed"),
    52: _q850(Outcome.BARRED, "52 outgoing calls barred"),
    55: _q850(Outcome.BARRED, "55 incoming calls barred within CUG"),
    57: _q850(Outcome.INCOMPATIBLE, "57 bearer capability not authorized"),
    58: _q850(Outcome.INCOMPATIBLE, "58 bearer capability not presently available"),
    65: _q850(Outcome.INCOMPATIBLE, "65 bearer capability not implemented"),
    79: _q850(Outcome.INCOMPATIBLE, "79 service or option not implemented"),
    88: _q850(Outcome.INCOMPATIBLE, "88 incompatible destination"),
    102: _q850(Outcome.UNREACHABLE, "102 recovery on timer expiry: 无法接通"),
    111: _q850(Outcome.FAILED, "111 protocol error", True),
    127: _q850(Outcome.FAILED, "127 interworking, unspecified"),
}

BY_SIP: dict[int, Rule] = {
    403: _sip(Outcome.BARRED, "RFC 3261 21.4.4; RFC 3398: cause 21"),
    404: _sip(Outcome.INVALID_NUMBER, "RFC 3398: cause 1: 空号"),
    407: _sip(Outcome.FAILED, "RFC 3261 21.4.8: the carrier wants authentication", True),
    401: _sip(Outcome.FAILED, "RFC 3261 21.4.2: the carrier wants authentication", True),
    408: _sip(Outcome.UNREACHABLE, "RFC 3398: cause 102: 无法接通"),
    410: _sip(Outcome.OUT_OF_SERVICE, "RFC 3398: cause 22, gone: 停机"),
    415: _sip(Outcome.INCOMPATIBLE, "RFC 3398: cause 79"),
    480: _sip(
        Outcome.SWITCHED_OFF,
        "RFC 3261 21.4.18 callee not logged in: 关机 (carriers of China send it so)",
    ),
    484: _sip(Outcome.INVALID_NUMBER, "RFC 3398: cause 28 address incomplete"),
    486: _sip(Outcome.BUSY, "RFC 3398: cause 17: 忙"),
    487: _sip(Outcome.NO_ANSWER, "RFC 3261 21.4.25: ended by our CANCEL: 无人接听"),
    488: _sip(Outcome.INCOMPATIBLE, "RFC 3261 21.4.26 not acceptable here (codec)"),
    500: _sip(Outcome.CONGESTION, "RFC 3398: cause 41", True),
    502: _sip(Outcome.UNREACHABLE, "RFC 3398: cause 38: 无法接通", True),
    503: _sip(Outcome.CONGESTION, "RFC 3398: cause 41", True),
    504: _sip(Outcome.UNREACHABLE, "RFC 3398: cause 102: 无法接通", True),
    600: _sip(Outcome.BUSY, "RFC 3398: cause 17: 忙"),
    603: _sip(Outcome.REJECTED, "RFC 3398: cause 21: 拒接"),
    604: _sip(Outcome.INVALID_NUMBER, "RFC 3398: cause 1: 空号"),
    606: _sip(Outcome.INCOMPATIBLE, "RFC 3261 21.6.4 not acceptable"),
}

# Of a call for which the PBX says that there is no channel; `compliance.arrival` knows it by these words.
REFUSED_BY_PBX = "the PBX refused to dial"
UNKNOWN_ENDING = Rule(Outcome.FAILED, False, "no row of the table")
GONE_UNSEEN = Rule(Outcome.LOST, False, "the channel was gone when the daemon looked")


def classify(ending: Ending) -> Rule:
    """The row for a call that was never answered."""
    if not ending.seen:
        return GONE_UNSEEN
    if ending.sip is not None and ending.sip in BY_SIP:
        return BY_SIP[ending.sip]
    return BY_CAUSE.get(ending.cause, UNKNOWN_ENDING)
