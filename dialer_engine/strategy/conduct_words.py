"""The words that rules of conduct point at, in both languages.

Rules: a word list of this project's own; each row has its kind, its language, the words as one
regular expression, and why they do not belong into a script; English words match whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialer_engine.strategy.scripts import Claim


@dataclass(frozen=True, slots=True)
class Rule:
    """Words that do not belong into a script. claim: with it declared, they may. unverified: only
    wrong before the person is known to be the debtor.
    """

    kind: str
    language: str
    pattern: re.Pattern[str]
    why: str
    claim: Claim | None = None
    unverified: bool = False


def _rule(
    kind: str,
    language: str,
    words: str,
    why: str,
    claim: Claim | None = None,
    unverified: bool = False,
) -> Rule:
    ends = r"\b(?:{})\b" if language == "en" else r"(?:{})"
    return Rule(
        kind, language, re.compile(ends.format(words), re.IGNORECASE), why, claim, unverified
    )


RULES: tuple[Rule, ...] = (
    # -- threats
    _rule(
        "threat",
        "zh",
        "坐牢|抓你|抓人|逮捕|拘留|刑拘|判刑|刑事责任|报警抓|牢饭|通缉|警察上门|公安立案",
        "a debt is no crime: no arrest and no police",
    ),
    _rule(
        "threat",
        "en",
        r"arrest(?:ed)?|jail|prison|police|criminal(?:ly)?|warrant|handcuff\w*|"
        r"deport\w*|immigration",
        "a debt is no crime: no arrest and no police",
    ),
    _rule(
        "threat",
        "zh",
        "后果自负|走着瞧|等着瞧|不客气|好看|弄死|打断|砍|放火|泼油漆|上门闹|"
        "堵门|跟踪|收拾你|小心点|给你颜色",
        "a threat of violence or of harm",
    ),
    _rule(
        "threat",
        "en",
        r"or else|watch out|you will regret|you(?:'ll| will) be sorry|hurt you|"
        r"we know where you (?:live|work)|consequences will be yours",
        "a threat of violence or of harm",
    ),
    _rule(
        "exposure",
        "zh",
        "曝光|公之于众|爆通讯录|通讯录(?:里|中)?的?人|群发|告诉你(?:的)?(?:家人|"
        "父母|单位|同事|领导|邻居)|通知你(?:的)?(?:家人|父母|单位|同事|"
        "领导|村委|居委)|(?:联系|找)你(?:的)?(?:家人|父母|单位|同事|领导|"
        "邻居|学校)|村委会|居委会|贴(?:大字报|告示)|老赖",
        "a debt is told to nobody else, and nobody is shamed",
    ),
    _rule(
        "exposure",
        "en",
        r"(?:tell|call|inform|contact|notify) your (?:family|parents|employer|"
        r"boss|neighbou?rs|friends|colleagues|school)|expose|publish(?:ed)? your|"
        r"wall of shame|deadbeat",
        "a debt is told to nobody else, and nobody is shamed",
    ),
    _rule(
        "seizure",
        "zh",
        "查封|拍卖|扣押|冻结|没收|扣工资|限制高消费|失信(?:人|被执行)|强制执行|搬走",
        "only a court can order this: it is not the caller's to announce",
    ),
    _rule(
        "seizure",
        "en",
        r"seize\w*|garnish\w*|repossess\w*|freeze your|frozen account|evict\w*|"
        r"take your (?:house|car|wages|property)|bailiffs?",
        "only a court can order this: it is not the caller's to announce",
    ),
    # -- untruths
    _rule(
        "authority",
        "zh",
        "(?:我是|这里是|我们是|本)(?:法院|公安|检察院|派出所|律师|银监|"
        "政府|调解中心|反诈)|法务部|经侦|律师函|传票|立案通知|起诉状",
        "nobody passes for a court, an authority or a lawyer",
    ),
    _rule(
        "authority",
        "en",
        r"(?:i am|this is|we are|from) (?:a |an |the |your )?(?:court|police|"
        r"attorney|lawyer|law firm|government|marshal|sheriff|officer)|"
        r"legal department|subpoena|summons|court order",
        "nobody passes for a court, an authority or a lawyer",
    ),
    _rule(
        "false-deadline",
        "zh",
        "最后(?:一次)?(?:机会|通牒|通知|警告)|今天必须|马上还|立刻还清|"
        "立即还清|否则(?:后果|将)|逾期不候|限你|勒令",
        "a last chance that is none, or an order",
    ),
    _rule(
        "false-deadline",
        "en",
        r"final (?:notice|warning|chance)|last (?:chance|warning|notice)|"
        r"you must pay (?:today|now|immediately)|immediately or|within the hour|"
        r"act now|pay up",
        "a last chance that is none, or an order",
    ),
    _rule(
        "false-promise",
        "zh",
        "保证(?:不|免|减)|一定(?:能|可以)(?:减免|免除)|全部免除|绝对|还了就没事|"
        "征信(?:会)?(?:马上|立即|立刻)恢复|帮你(?:消除|修复)征信",
        "a promise that the caller cannot keep",
    ),
    _rule(
        "false-promise",
        "en",
        r"guarantee[ds]?|we(?:'ll| will) (?:erase|fix|repair|clean) your credit|"
        r"nothing will happen to you|debt[- ]free|wiped? (?:out|clean)",
        "a promise that the caller cannot keep",
    ),
    # -- insults and pressure
    _rule(
        "insult",
        "zh",
        "无赖|骗子|诈骗|不要脸|丢人|可耻|没良心|良心|人渣|垃圾|赖账|赖皮|"
        "混蛋|王八|傻|穷鬼|恶意(?:拖欠|欠款|逃废)",
        "an insult, or a guess at what moves the person",
    ),
    _rule(
        "insult",
        "en",
        r"liar|cheat(?:er)?|thief|fraud(?:ster)?|scum|shame(?:ful|less)?|"
        r"ashamed|disgrace\w*|stupid|idiot|lazy|dishonest|criminals?",
        "an insult, or a guess at what moves the person",
    ),
    _rule(
        "pressure",
        "zh",
        "借钱还|借(?:一)?点钱|找(?:亲戚|朋友|家人)借|卖(?:房|车|血)|刷(?:其他|"
        "别的)卡|以贷养贷|套现",
        "nobody is pushed into another debt, or into selling what is needed",
    ),
    _rule(
        "pressure",
        "en",
        r"borrow (?:from|money)|ask (?:your )?(?:family|friends|parents|"
        r"relatives) (?:for|to)|sell your|another (?:loan|card)|cash advance|"
        r"payday loan",
        "nobody is pushed into another debt, or into selling what is needed",
    ),
    _rule(
        "pressure",
        "zh",
        "每天(?:都)?(?:会)?打|不停(?:地)?打|打到你(?:还|接)|一直打",
        "no calls as a means of pressure",
    ),
    _rule(
        "pressure",
        "en",
        r"keep calling|call you every|call (?:you )?until|not stop calling",
        "no calls as a means of pressure",
    ),
    # -- lawful only where it is true
    _rule(
        "claim",
        "zh",
        "起诉|诉讼|法院|仲裁|法律(?:途径|程序|手段|措施|责任)|司法",
        "legal steps: the script has to declare the claim legal",
        Claim.LEGAL,
    ),
    _rule(
        "claim",
        "en",
        r"court|lawsuit|sue|sued|litigation|legal (?:action|steps|proceedings|"
        r"measures)|arbitration|judge?ment",
        "legal steps: the script has to declare the claim legal",
        Claim.LEGAL,
    ),
    _rule(
        "claim",
        "zh",
        "征信|信用记录|信用报告|信用评级",
        "credit registers: the script has to declare the claim credit_report",
        Claim.CREDIT_REPORT,
    ),
    _rule(
        "claim",
        "en",
        r"credit (?:register|report|record|score|file|bureau|rating|reference)\w*",
        "credit registers: the script has to declare the claim credit_report",
        Claim.CREDIT_REPORT,
    ),
    _rule(
        "claim",
        "zh",
        "停机|停水|停电|停气|断网|暂停服务|停止服务|限制服务",
        "limiting a service: the script has to declare the claim service",
        Claim.SERVICE,
    ),
    _rule(
        "claim",
        "en",
        r"disconnect\w*|suspend(?:ed|ing)? (?:your |the )?service|cut off|"
        r"limit(?:ed|ing)? (?:your |the )?service|service (?:may|can|will) be (?:limited|"
        r"suspended)",
        "limiting a service: the script has to declare the claim service",
        Claim.SERVICE,
    ),
    # -- before it is known who answers
    _rule(
        "disclosure",
        "zh",
        "欠款|逾期|欠费|贷款|借款|还款|催收|债务|债权|账单|信用卡|未缴|应还",
        "tells of a debt before the person is known to be the debtor",
        unverified=True,
    ),
    _rule(
        "disclosure",
        "en",
        r"debts?|overdue|past due|owe[ds]?|owing|loans?|collect(?:ion|or|"
        r"ing)s?|arrears|balance|payments?|bills?|credit card",
        "tells of a debt before the person is known to be the debtor",
        unverified=True,
    ),
)
