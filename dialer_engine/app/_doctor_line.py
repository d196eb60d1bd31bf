"""Judges what was seen of a PBX: facts in, findings out. Here: the dialplan, the trunks, clock and limits.

Rules: those of `_doctor_pbx`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dialer_engine.ami.examine import (
    CONTEXTS,
    DOCTOR_CONTEXT,
    PHONES_CONTEXT,
    EndpointFacts,
    PbxFacts,
)
from dialer_engine.app._config_pbx import PbxNode
from dialer_engine.domain.findings import Finding, fail, ok, warn

# A permit's times and the order of events are by our clock, notes of ended calls by the PBX's in buckets of ten
# minutes: seconds do no harm, minutes do.
_CLOCK_WARN_S, _CLOCK_FAIL_S = 2.0, 60.0
# Handles for a call: two legs with RTP and RTCP, a recording, timers; asterisk.conf reckons the same.
_FILES_A_CALL = 6
# RTP and RTCP of both legs; a nailed-up agent's leg counts as one of them.
_PORTS_A_CALL = 4


# States of a contact that nobody has sent OPTIONS to (res_pjsip/pjsip_options.c).
_UNASKED = frozenset({"NonQualified", "Unqualified", "Unknown", "Created"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What this node is to bear. channels: of its trunks together; agents: with a phone at it."""

    node: PbxNode
    channels: int = 0
    agents: int = 0
    other_dials: tuple[str, ...] = ()


def judge_line(facts: PbxFacts, wanted: Wanted) -> Iterator[Finding]:
    """What calls need of a node that answers."""
    name = wanted.node.name
    yield from _contexts(name, facts)
    yield from _trial(name, facts)
    yield from _prompts(name, facts)
    yield from _trunks(name, facts, wanted)
    yield from _phones(name, facts)
    yield from _clock(name, facts)
    yield from _limits(name, facts, wanted)


def see_trial() -> tuple[str, str]:
    """Advice where a test call would have told."""
    return "see the finding on the test call", "参见测试呼叫一项"


# -- the dialplan ----------------------------------------------------------------------------------


def _contexts(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} dialplan"
    missing = [one for one in CONTEXTS if facts.contexts.get(one) is False]
    unasked = [one for one in CONTEXTS if facts.contexts.get(one) is None]
    if missing:
        yield fail(
            check,
            f"missing contexts: {', '.join(missing)}",
            f"缺少 context:{', '.join(missing)}",
            "merge docker/asterisk/pbx/extensions.conf into extensions.conf, then `dialplan reload`",
            "将 docker/asterisk/pbx/extensions.conf 并入拨号方案,然后执行 dialplan reload",
        )
    if unasked:
        yield warn(
            check,
            f"not to be seen: {', '.join(unasked)}",
            f"无法查看:{', '.join(unasked)}",
            "grant the right reporting (write), for ShowDialPlan",
            "在 write 中加入 reporting",
        )
    if not (missing or unasked):
        yield ok(
            check, f"all {len(CONTEXTS)} contexts are there", f"{len(CONTEXTS)} 个 context 齐全"
        )
    if facts.contexts.get(PHONES_CONTEXT) is False:
        yield warn(
            check,
            f"no context {PHONES_CONTEXT}: agents cannot dial in to log in",
            "坐席话机无法拨入登录",
            f"include => {PHONES_CONTEXT}, or let the daemon call the phones (agents login)",
            "加入该 context,或由守护进程呼叫坐席话机",
        )
    if facts.contexts.get(DOCTOR_CONTEXT) is False:
        yield warn(
            check,
            f"no context {DOCTOR_CONTEXT}: events, prompts and recording cannot be tried",
            "无法进行测试呼叫",
            "take it from docker/asterisk/pbx/extensions.conf",
            "从 docker/asterisk/pbx/extensions.conf 复制",
        )


def _trial(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check, trial = f"{name} test call", facts.trial
    if not trial.made:
        yield warn(
            check,
            f"not made: {trial.refused}",
            f"未进行:{trial.refused}",
            "mend the dialplan and the rights, then run doctor again",
            "修正拨号方案和权限后重试",
        )
        return
    missing = [one for one in ("DialerAnswered", "DialerAbandoned") if one not in trial.user_events]
    if trial.refused or missing:
        what = trial.refused or f"no UserEvent {', '.join(missing)}"
        yield fail(
            check,
            f"answered call did not go its way: {what}",
            f"测试呼叫异常:{what}",
            "compare dialer-outbound and dialer-abandon with docker/asterisk/pbx/extensions.conf; are app_userevent,"
            " app_bridgewait, app_mixmonitor and bridge_holding loaded?",
            "核对 dialer-outbound、dialer-abandon,并确认相关模块已加载",
        )
    else:
        yield ok(
            check,
            f"answered, waited, heard the safe-harbour message, ended ({trial.seconds:.1f} s)",
            f"接通、等待、播放致歉语、结束({trial.seconds:.1f} 秒)",
        )
    if trial.noted is False:
        yield fail(
            check,
            "its end was not written down: after a restart of the daemon outcomes would be lost",
            "未记录呼叫结果",
            "context dialer-ended, app_stack, func_db; is the PBX's astdb writable?",
            "检查 dialer-ended、app_stack、func_db 与 astdb 写权限",
        )
    elif trial.noted is None:
        yield warn(
            check,
            "whether its end was written down could not be asked",
            "无法确认呼叫结果是否记录",
            "grant the right reporting (write), for DBGet",
            "在 write 中加入 reporting",
        )


def _prompts(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} prompts"
    silent = facts.values.get("DE_SAFE_HARBOUR") == ""
    if silent:
        yield fail(
            check,
            "DE_SAFE_HARBOUR is not set: abandoned calls end in silence",
            "未设置 DE_SAFE_HARBOUR",
            "extensions.conf [globals]: DE_SAFE_HARBOUR = your message",
            "在 extensions.conf [globals] 中设置",
        )
    missing = [sound for sound, played in facts.prompts.items() if not played]
    if missing:
        yield fail(
            check,
            f"cannot be played: {', '.join(missing)}",
            f"无法播放:{', '.join(missing)}",
            "install Asterisk's core sounds in the PBX's language, or record these files",
            "安装 Asterisk 核心语音包或录制这些文件",
        )
    elif facts.prompts and not silent:
        yield ok(check, f"played: {', '.join(facts.prompts)}", "登录提示音正常")
    elif not facts.prompts:
        yield warn(check, "not tried, for there was no test call", "未能测试", *see_trial())


# -- ways out --------------------------------------------------------------------------------------


def _trunks(name: str, facts: PbxFacts, wanted: Wanted) -> Iterator[Finding]:
    for dial in wanted.other_dials:
        yield warn(
            f"{name} trunk",
            f"cannot be looked at: {dial} is not of the form PJSIP/{{number}}@endpoint",
            "无法检查该中继",
            "look at it on the PBX",
            "请在 PBX 上检查",
        )
    for endpoint in facts.endpoints:
        yield from _trunk(f"{name} trunk {endpoint.name}", endpoint)


def _trunk(check: str, seen: EndpointFacts) -> Iterator[Finding]:
    # Asterisk leaves unreachable addresses out of what can be dialled; an endpoint with codecs is there all the same.
    if not seen.dialable and not seen.contacts:
        yield _trunk_without_address(check, there=seen.codecs is not None)
        return
    contacts = set(seen.contacts or ())
    wrong = list(_trunk_faults(check, seen, sorted(contacts - _UNASKED - {"Reachable"})))
    yield from wrong
    if unseen := _trunk_unseen(seen, unasked=bool(contacts & _UNASKED)):
        yield warn(
            check,
            f"not to be seen: {', '.join(unseen)}",
            f"无法查看:{', '.join(unseen)}",
            "load these modules; set qualify_frequency on the aor; a PBX that has just started asks within that time",
            "加载这些模块;设置 qualify_frequency;PBX 刚启动时请稍候再试",
        )
    elif not wrong:
        registered = ", registered" if seen.registration else ""
        yield ok(
            check,
            f"reachable{registered}, {','.join(seen.codecs or ())}",
            f"可达,编解码 {','.join(seen.codecs or ())}",
        )


def _trunk_without_address(check: str, *, there: bool) -> Finding:
    return fail(
        check,
        "has no address that answers"
        if there
        else "there is no such PJSIP endpoint, or it has no address",
        "没有可用地址" if there else "没有该 PJSIP endpoint 或没有地址",
        "pjsip.conf: an endpoint of the name in trunks[].dial, with an aor that has a contact",
        "在 pjsip.conf 中配置 trunks[].dial 所用的 endpoint 及其 aor contact",
    )


def _trunk_faults(check: str, seen: EndpointFacts, unwell: list[str]) -> Iterator[Finding]:
    if unwell:
        yield fail(
            check,
            f"the carrier does not answer (contact {', '.join(unwell)})",
            f"运营商无响应({', '.join(unwell)})",
            "address, firewall, and whether the carrier answers OPTIONS (qualify_frequency)",
            "检查地址、防火墙以及对方是否响应 OPTIONS",
        )
    if seen.registration not in (None, "Registered"):
        yield fail(
            check,
            f"registration: {seen.registration}",
            f"注册状态:{seen.registration}",
            "pjsip.conf: user, password and server_uri of the registration",
            "检查注册的用户名、密码和 server_uri",
        )
    if seen.direct_media:
        yield fail(
            check,
            "direct_media is on: the audio passes by the PBX and the recordings are empty",
            "direct_media 已开启,录音为空",
            "pjsip.conf: direct_media = no",
            "pjsip.conf:direct_media = no",
        )


def _trunk_unseen(seen: EndpointFacts, *, unasked: bool) -> list[str]:
    """What could not be looked at, and why."""
    unseen: list[str] = []
    if seen.codecs is None:
        unseen.append("codecs (func_pjsip_endpoint.so)")
    if seen.contacts is None:
        unseen.append("reachability (func_pjsip_aor.so, func_pjsip_contact.so)")
    if unasked:
        unseen.append("reachability (not asked yet, or qualify_frequency is 0)")
    return unseen


def _phones(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} phones"
    if not facts.phones:
        return
    gone = [phone.name for phone in facts.phones if not phone.dialable]
    if gone:
        yield warn(
            check,
            f"not registered: {', '.join(gone)}",
            f"未注册:{', '.join(gone)}",
            "an agent whose phone is away gets no calls; is the endpoint of that name in pjsip.conf?",
            "话机未注册的坐席无法接听;检查 pjsip.conf",
        )
    trunk = {trunk.codecs[0] for trunk in facts.endpoints if trunk.codecs}
    other = [
        phone.name
        for phone in facts.phones
        if phone.codecs and trunk and phone.codecs[0] not in trunk
    ]
    if other:
        yield warn(
            check,
            f"first codec is not the trunk's ({', '.join(sorted(trunk))}): {', '.join(other)}",
            "坐席与中继编解码不同",
            "pjsip.conf: the same codec first for phones and trunks; transcoding costs CPU for each call",
            "让话机与中继使用相同的首选编解码,避免转码",
        )
    if not gone and not other:
        yield ok(
            check, f"{len(facts.phones)} looked at: all there", f"已检查 {len(facts.phones)} 部话机"
        )


# -- clock and limits ------------------------------------------------------------------------------


def _clock(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} clock"
    if facts.offset_s is None:
        yield warn(
            check,
            "the PBX does not tell its time",
            "无法读取 PBX 时间",
            "manager.conf: timestampevents = yes",
            "manager.conf:timestampevents = yes",
        )
        return
    # What is within the journey's time cannot be told apart.
    off = max(0.0, abs(facts.offset_s) - facts.round_trip_s / 2)
    text, zh = f"{facts.offset_s:+.3f} s from ours", f"与本机相差 {facts.offset_s:+.3f} 秒"
    if off >= _CLOCK_WARN_S:
        make = fail if off >= _CLOCK_FAIL_S else warn
        yield make(check, text, zh, "run chrony on both machines", "在两台机器上运行 chrony")
    else:
        yield ok(check, text, zh)


def _limits(name: str, facts: PbxFacts, wanted: Wanted) -> Iterator[Finding]:
    check = f"{name} limits"
    calls = wanted.channels + wanted.agents
    trouble = [*_too_few(check, facts, wanted, calls), *_ports(check, facts, calls)]
    yield from trouble
    if not trouble:
        yield ok(
            check,
            f"room for {wanted.channels} calls and {wanted.agents} agents",
            f"可容纳 {wanted.channels} 路通话和 {wanted.agents} 名坐席",
        )


def _too_few(check: str, facts: PbxFacts, wanted: Wanted, calls: int) -> Iterator[Finding]:
    if facts.max_calls is None or facts.max_files is None:
        yield warn(
            check,
            "maxcalls and maxfiles are not told",
            "无法读取 maxcalls 与 maxfiles",
            "grant the right reporting (write), for CoreSettings",
            "在 write 中加入 reporting",
        )
        return
    if 0 < facts.max_calls < calls:
        yield fail(
            check,
            f"maxcalls {facts.max_calls} is below {calls}: the trunks' channels and the agents",
            "maxcalls 过小",
            "asterisk.conf: maxcalls = 0 or more; or lower trunks[].max_channels",
            "调大 maxcalls 或减小 max_channels",
        )
    # 0: Asterisk leaves the system's own limit, which it does not tell.
    if 0 < facts.max_files < calls * _FILES_A_CALL:
        yield fail(
            check,
            f"maxfiles {facts.max_files} is below {calls * _FILES_A_CALL}",
            "maxfiles 过小",
            "asterisk.conf: maxfiles = 65536",
            "asterisk.conf:maxfiles = 65536",
        )
    elif facts.max_files == 0:
        yield warn(
            check,
            "maxfiles is not set: the system's own limit holds, and is not told",
            "未设置 maxfiles",
            "asterisk.conf: maxfiles = 65536",
            "asterisk.conf:maxfiles = 65536",
        )


def _ports(check: str, facts: PbxFacts, calls: int) -> Iterator[Finding]:
    span = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", facts.values.get("DE_RTP_PORTS") or "")
    if span is None:
        yield warn(
            check,
            "the media ports are not told",
            "无法读取 RTP 端口范围",
            f"rtp.conf needs {calls * _PORTS_A_CALL} ports; write them in extensions.conf too:"
            " DE_RTP_PORTS = 10000-20000",
            f"rtp.conf 至少需要 {calls * _PORTS_A_CALL} 个端口;并在 extensions.conf 设置 DE_RTP_PORTS",
        )
        return
    ports = int(span[2]) - int(span[1]) + 1
    if ports < calls * _PORTS_A_CALL:
        yield fail(
            check,
            f"{ports} media ports are too few for {calls} legs and calls",
            "RTP 端口不足",
            f"rtp.conf: at least {calls * _PORTS_A_CALL} ports between rtpstart and rtpend",
            f"rtp.conf 至少 {calls * _PORTS_A_CALL} 个端口",
        )
