"""The codes of collections, each with its English and its Chinese name.

Rules: the value is what stores, files and conditions carry and never changes; the labels are for
people; a text is read by value or by either label, and what is none of them is refused, never
guessed. The reasons, attitudes and occupations are the ones that collectors sort debtors by in
practice (逾期原因, 能力与意愿, 职业).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from dialer_engine.domain.errors import BadValue

C = TypeVar("C", bound="Code")


class Code(StrEnum):
    """A code with two labels."""

    english: str
    chinese: str

    def __new__(cls, value: str, english: str = "", chinese: str = "") -> Code:
        """value: what is stored. Only a look-up by value leaves the labels out."""
        made = str.__new__(cls, value)
        made._value_ = value
        made.english, made.chinese = english, chinese
        return made


class among:  # noqa: N801 - it is written where a property would be
    """A yes or no of each member of a code: whether its value is one of these.

    It stands in the class beside the members, and none of them is it.
    """

    def __init__(self, *values: str) -> None:
        self.values = frozenset(values)

    def __get__(self, member: Code, kind: type[Code]) -> bool:
        return member.value in self.values


def read_code(kind: type[C], text: str) -> C:
    """The member whose value or label `text` is, whatever its case; BadValue names the choices."""
    plain = text.strip().casefold()
    for member in kind:
        if plain in (member.value.casefold(), member.english.casefold(), member.chinese):
            return member
    raise BadValue(f"{kind.__name__}: choose one of {', '.join(m.value for m in kind)}")


class Stage(Code):
    """How far overdue, in buckets whose edges the product sets."""

    PRE_DUE = "pre_due", "before the due date", "未到期"
    M0 = "M0", "due, in grace", "M0"
    M1 = "M1", "first bucket overdue", "M1"
    M2 = "M2", "second bucket overdue", "M2"
    M3 = "M3", "third bucket overdue", "M3"
    M4 = "M4", "fourth bucket overdue", "M4"
    M5 = "M5", "fifth bucket overdue", "M5"
    M6 = "M6", "sixth bucket overdue", "M6"
    M7_PLUS = "M7+", "seventh bucket and later", "M7+"
    SETTLED = "settled", "paid in full", "已结清"


class Phase(Code):
    """What collecting a debt is about at its stage (风险预防 … 清收保全)."""

    PREVENTION = "prevention", "prevention: reminders", "风险预防"
    EARLY = "early", "early collection", "早期催收"
    LATE = "late", "late collection", "晚期催收"
    RECOVERY = "recovery", "recovery and legal preparation", "清收保全"
    DONE = "done", "nothing to collect", "已结清"


class DebtType(Code):
    """What the debt is from."""

    CREDIT_CARD = "credit_card", "credit card", "信用卡"
    CONSUMER_LOAN = "consumer_loan", "consumer loan", "消费贷款"
    MORTGAGE = "mortgage", "mortgage", "房贷"
    CAR_LOAN = "car_loan", "car loan", "车贷"
    BUSINESS_LOAN = "business_loan", "business loan", "经营贷款"
    UTILITY = "utility", "water, power, gas", "水电燃气费"
    TELECOM = "telecom", "telephone and internet", "通信费"
    PROPERTY_FEE = "property_fee", "property management fee", "物业费"
    OTHER = "other", "other", "其他"


class PartyType(Code):
    """Who collects: the creditor itself, or somebody else for it."""

    FIRST = "first", "the creditor itself", "自催"
    THIRD = "third", "an agency for the creditor", "委外"


class Reason(Code):
    """Why the debtor is overdue (逾期原因)."""

    UNKNOWN = "unknown", "not known", "未知"
    ORDINARY = "ordinary", "ordinary, forgot or was short for a moment", "一般逾期"
    FIRST_PAYMENT = "first_payment", "never paid, from the first instalment", "首期逾期"
    HABITUAL = "habitual", "pays late out of habit", "惯性逾期"
    HARDSHIP = "hardship", "financial hardship", "财务困难"
    UNREACHABLE = "unreachable", "cannot be reached", "联络困难"
    FALSE_OVERDUE = "false_overdue", "not really overdue: posting or system", "虚假逾期"
    ILLNESS_OR_DEATH = "illness_or_death", "serious illness or death", "重病/死亡"


class Ability(Code):
    """Whether the debtor could pay."""

    UNKNOWN = "unknown", "not known", "未知"
    ABLE = "able", "able to pay", "有能力"
    UNABLE = "unable", "unable to pay", "无能力"


class Willingness(Code):
    """Whether the debtor wants to pay."""

    UNKNOWN = "unknown", "not known", "未知"
    WILLING = "willing", "willing to pay", "有意愿"
    UNWILLING = "unwilling", "unwilling to pay", "无意愿"


class Attitude(Code):
    """Ability × willingness, as collectors speak of it."""

    UNKNOWN = "unknown", "not known", "未知"
    NO_TIME = "able_willing_no_time", "able and willing, has no time", "有能力有意愿无时间"
    ABLE_UNWILLING = "able_unwilling", "able, unwilling", "有能力无意愿"
    WILLING_UNABLE = "willing_unable", "willing, unable", "有意愿无能力"
    NEITHER = "neither", "neither able nor willing", "无意愿无能力"


def attitude(ability: Ability, willingness: Willingness) -> Attitude:
    """The quadrant; unknown when either side is."""
    if Ability.UNKNOWN in (ability, willingness) or Willingness.UNKNOWN in (ability, willingness):
        return Attitude.UNKNOWN
    if ability is Ability.ABLE:
        return Attitude.NO_TIME if willingness is Willingness.WILLING else Attitude.ABLE_UNWILLING
    return Attitude.WILLING_UNABLE if willingness is Willingness.WILLING else Attitude.NEITHER


class Occupation(Code):
    """What the debtor does (职业)."""

    UNKNOWN = "unknown", "not known", "未知"
    WHITE_COLLAR = "white_collar", "office worker", "公司白领"
    SENSITIVE = "sensitive", "sensitive: press, law, police, officials, soldiers", "敏感人群"
    BUSINESS_OWNER = "business_owner", "owner of a small business", "中小企业主"
    FACTORY_WORKER = "factory_worker", "factory worker", "工厂工人"
    FREELANCER = "freelancer", "freelancer", "自由职业者"
    FARMER = "farmer", "farmer", "农民"
    LAID_OFF = "laid_off", "laid off", "下岗职工"
    RETIRED = "retired", "retired", "退休人员"
    UNEMPLOYED_YOUTH = "unemployed_youth", "young and without work", "待业青年"
    STUDENT = "student", "student", "学生"
    OTHER = "other", "other", "其他"


class Behaviour(Code):
    """What the debtor's history of paying and answering looks like (行为属性)."""

    UNKNOWN = "unknown", "not known", "未知"
    PAYS_ON_TIME = "pays_on_time", "pays on time", "按时还款"
    PAYS_AFTER_REMINDER = "pays_after_reminder", "pays after a reminder", "提醒后还款"
    PAYS_LATE = "pays_late", "pays late, but pays", "习惯性迟还"
    PAYS_IN_PART = "pays_in_part", "pays in part", "部分还款"
    BREAKS_PROMISES = "breaks_promises", "breaks promises", "屡次违约承诺"
    AVOIDS_CONTACT = "avoids_contact", "avoids contact", "回避联系"
    NEVER_PAID = "never_paid", "has never paid", "从未还款"


class IncomeBand(Code):
    """Bands; what they mean in money is the creditor's own."""

    UNKNOWN = "unknown", "not known", "未知"
    NONE = "none", "no income", "无收入"
    LOW = "low", "low", "低"
    LOWER_MIDDLE = "lower_middle", "lower middle", "中低"
    MIDDLE = "middle", "middle", "中"
    UPPER_MIDDLE = "upper_middle", "upper middle", "中高"
    HIGH = "high", "high", "高"


class HoldKind(Code):
    """Why a case is left alone. The value is what `CaseFacts.holds` has."""

    DISPUTE = "dispute", "the debt is disputed", "争议"
    DECEASED = "deceased", "the debtor has died", "身故"
    LAWYER = "lawyer", "represented by a lawyer", "律师代理"
    BANKRUPTCY = "bankruptcy", "bankruptcy", "破产"
    VULNERABLE = "vulnerable", "vulnerable person", "弱势群体"
    LEGAL = "legal", "before a court", "诉讼中"
    COMPLAINT = "complaint", "a complaint is open", "投诉处理中"
    MANUAL = "manual", "held by a person", "人工停催"


class Role(Code):
    """What a person is to the debt."""

    DEBTOR = "debtor", "debtor", "债务人"
    CO_DEBTOR = "co_debtor", "co-debtor", "共同债务人"
    GUARANTOR = "guarantor", "guarantor", "担保人"
    SPOUSE = "spouse", "spouse", "配偶"
    FAMILY = "family", "family", "家属"
    EMERGENCY_CONTACT = "emergency_contact", "emergency contact", "紧急联系人"
    EMPLOYER = "employer", "employer", "单位"
    LAWYER = "lawyer", "lawyer", "律师"
    EXECUTOR = "executor", "executor or heir", "遗产管理人/继承人"
    OTHER = "other", "other", "其他"

    # Liable for the debt; everybody else is a third party.
    owes = among("debtor", "co_debtor", "guarantor")


class PointKind(Code):
    """By what a person is reached."""

    MOBILE = "mobile", "mobile", "手机"
    HOME = "home", "home telephone", "家庭电话"
    WORK = "work", "work telephone", "单位电话"
    PHONE = "phone", "telephone", "电话"
    EMAIL = "email", "e-mail", "邮箱"
    ADDRESS = "address", "postal address", "地址"
    MESSENGER = "messenger", "messenger", "即时通讯"


class Source(Code):
    """Where a contact came from."""

    DEBTOR = "debtor", "the debtor", "本人提供"
    CREDITOR = "creditor", "the creditor's file", "委托方"
    CONTRACT = "contract", "the contract", "合同"
    THIRD_PARTY = "third_party", "another person", "第三方"
    REPAIR = "repair", "a lawful tracing service", "信息修复"
    UNKNOWN = "unknown", "not known", "未知"


class Consent(Code):
    """Whether this contact may be used."""

    UNKNOWN = "unknown", "nothing said", "未表示"
    GIVEN = "given", "given", "同意"
    REVOKED = "revoked", "revoked", "撤回"


class NumberState(Code):
    """What outcomes taught about a number."""

    UNTRIED = "untried", "not tried", "未拨"
    GOOD = "good", "somebody answers", "有效"
    QUIET = "quiet", "rings, nobody answers", "无人接"
    UNREACHABLE = "unreachable", "off or out of reach", "关机/无法接通"
    EMPTY = "empty", "no such number", "空号"
    OUT_OF_SERVICE = "out_of_service", "out of service", "停机"
    WRONG = "wrong", "not this person's", "错号"

    # Not to be dialled for this person any more.
    is_bad = among("empty", "out_of_service", "wrong")


class Channel(Code):
    """How a debtor was, or got, in touch."""

    CALL = "call", "call", "电话"
    BOT_CALL = "bot_call", "call by a bot", "机器人外呼"
    INBOUND_CALL = "inbound_call", "call from the debtor", "来电"
    SMS = "sms", "text message", "短信"
    EMAIL = "email", "e-mail", "邮件"
    MESSENGER = "messenger", "messenger", "即时通讯"
    LETTER = "letter", "letter", "信函"
    VISIT = "visit", "visit", "外访"
    PORTAL = "portal", "self-service", "自助"
    NOTE = "note", "note", "备注"


class CaseState(Code):
    """The case as a whole."""

    OPEN = "open", "open", "在催"
    PAID = "paid", "paid in full", "已结清"
    RECALLED = "recalled", "taken back by the creditor", "已回收"
    CLOSED = "closed", "closed", "已关闭"
