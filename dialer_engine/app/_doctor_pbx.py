"""Judges what was seen of a PBX: facts in, findings out. Here: the link, its rights and its events.

Rules: nothing is asked here; every finding that is not ok says what to change; a fact that is None becomes a warning.
The names of files and rights are those of docker/asterisk/pbx.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from dialer_engine.ami.examine import PbxFacts
from dialer_engine.app._config_pbx import PbxNode
from dialer_engine.app._doctor_line import Wanted, judge_line, see_trial
from dialer_engine.domain.errors import LoginRefused, TlsRefused, WrongPeer
from dialer_engine.domain.findings import Finding, fail, ok, warn

# What the daemon itself sends, with the right in manager.conf that allows it.
NEEDED = {
    "Originate": "originate", "Bridge": "call", "Redirect": "call", "Hangup": "call", "Setvar": "call",
    "CoreShowChannels": "reporting", "DBGet": "reporting",
}  # fmt: skip
# What only this examination asks.
WISHED = {
    "Getvar": "call", "CoreSettings": "reporting", "ShowDialPlan": "reporting",
    "PJSIPShowRegistrationsOutbound": "reporting",
}  # fmt: skip
_GRANTED = frozenset({"originate", "call", "reporting"})
# With either, and Originate, whoever knows the secret runs programs on the PBX (README-SERIOUSLY.bestpractices).
_SHELL = frozenset({"command", "system"})
# Events of the test call without which the daemon is blind, with the read right that brings them.
_WANTED = {
    "Newstate": "call", "OriginateResponse": "call", "BridgeEnter": "call", "BridgeLeave": "call", "Hangup": "call",
    "UserEvent": "user",
}  # fmt: skip
# Several for each call, and more for each second of it.
_FLOODS = frozenset({"VarSet", "Newexten", "RTCPSent", "RTCPReceived"})
OLDEST_MAJOR = 20
_LOOPBACK = ("127.", "::1", "localhost")


def judge(facts: PbxFacts, wanted: Wanted) -> list[Finding]:
    """Every finding about one node."""
    name = wanted.node.name
    if facts.error is not None:
        return [*_plain(wanted), _unreached(name, facts.error, wanted.node)]
    parts: Iterable[Iterable[Finding]] = (
        _plain(wanted),
        _version(name, facts),
        _rights(name, facts),
        _events(name, facts),
        judge_line(facts, wanted),
    )
    return [finding for part in parts for finding in part]


# -- the link --------------------------------------------------------------------------------------


def _unreached(name: str, error: Exception, node: PbxNode) -> Finding:
    if isinstance(error, LoginRefused):
        return fail(
            f"{name} login",
            str(error),
            "PBX 拒绝登录(用户名、密码或 permit/deny)",
            f"pbx.nodes[{name}].username and .secret must be those of manager.conf; look at permit and deny there",
            f"核对 pbx.nodes[{name}] 的用户名和密码与 manager.conf 一致,并检查 permit/deny",
        )
    if isinstance(error, TlsRefused):
        return fail(
            f"{name} TLS",
            str(error),
            "TLS 证书校验失败",
            f"pbx.nodes[{name}].tls: the CA file, the server name, the certificate's dates",
            f"检查 pbx.nodes[{name}].tls 的 CA 文件、服务器名和证书有效期",
        )
    if isinstance(error, WrongPeer):
        return fail(
            f"{name} version",
            str(error),
            "对端不是 Asterisk 20 或更新版本的 AMI",
            f"pbx.nodes[{name}].host and .port must lead to the AMI of an Asterisk {OLDEST_MAJOR} or newer",
            f"pbx.nodes[{name}] 的地址和端口必须指向 Asterisk {OLDEST_MAJOR} 或更新版本的 AMI",
        )
    return fail(
        f"{name} AMI",
        f"cannot be reached at {node.host}:{node.port}: {error}",
        f"无法连接 AMI {node.host}:{node.port}",
        "start the PBX; manager.conf: enabled = yes, bindaddr, port; a firewall between",
        "启动 PBX;检查 manager.conf 的 enabled、bindaddr、port 以及防火墙",
    )


def _plain(wanted: Wanted) -> Iterator[Finding]:
    node, check = wanted.node, f"{wanted.node.name} TLS"
    if node.tls.enabled and not node.tls.verify:
        yield warn(
            check,
            "the certificate is not checked",
            "未校验证书",
            f"pbx.nodes[{node.name}].tls.verify: true",
            f"设置 pbx.nodes[{node.name}].tls.verify: true",
        )
    elif node.tls.enabled:
        yield ok(check, "on, the certificate is checked", "已启用并校验证书")
    elif node.host.startswith(_LOOPBACK):
        yield ok(check, "off; the link stays on this machine", "未启用;连接仅在本机")
    else:
        yield fail(
            check,
            "off, and the link leaves this machine: calls can be heard of and taken over",
            "未启用,且连接跨越网络",
            "manager.conf: tlsenable, tlsbindaddr, tlscertfile; then pbx.nodes[].tls.enabled: true and port 5039",
            "在 manager.conf 启用 TLS,并设置 pbx.nodes[].tls.enabled: true、端口 5039",
        )


def _version(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} AMI"
    found = re.match(r"\d+", facts.version)
    if found is None:
        yield warn(
            check,
            f"connected; the version is not told (AMI {facts.ami or 'unknown'})",
            "已连接,但未告知版本",
            "grant the right reporting (write) in manager.conf",
            "在 manager.conf 的 write 中加入 reporting",
        )
    elif int(found[0]) < OLDEST_MAJOR:
        yield fail(
            check,
            f"Asterisk {facts.version}",
            f"Asterisk {facts.version} 过旧",
            f"Asterisk {OLDEST_MAJOR} or newer",
            f"请升级到 Asterisk {OLDEST_MAJOR} 或更新版本",
        )
    else:
        yield ok(
            check,
            f"logged in; Asterisk {facts.version}, AMI {facts.ami}",
            f"已登录;Asterisk {facts.version}",
        )
    if not facts.booted:
        yield fail(
            check,
            "FullyBooted did not come: the PBX is still starting, or the event is kept back",
            "未收到 FullyBooted",
            "wait; else manager.conf [user]: read has system, eventfilter lets FullyBooted pass",
            "稍候再试;否则检查 manager.conf 的 read(system)与 eventfilter",
        )


def _rights(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} rights"
    if facts.rights is None:
        yield warn(
            check,
            "ListCommands was refused: the rights cannot be seen",
            "无法读取权限列表",
            "compare manager.conf with docker/asterisk/pbx/manager.conf by hand",
            "请人工核对 manager.conf",
        )
        return
    missing = [action for action in NEEDED if action not in facts.rights]
    if missing:
        rights = ",".join(sorted({NEEDED[action] for action in missing}))
        yield fail(
            check,
            f"missing: {', '.join(missing)}",
            f"缺少:{', '.join(missing)}",
            f"manager.conf: write = originate,call,reporting ({rights} is missing)",
            f"manager.conf 的 write 需包含 originate,call,reporting(缺 {rights})",
        )
    unseen = [action for action in WISHED if action not in facts.rights]
    if unseen:
        yield warn(
            check,
            f"not all can be examined: {', '.join(unseen)} may not be used",
            f"部分检查无法进行:{', '.join(unseen)}",
            "manager.conf: write = originate,call,reporting",
            "manager.conf:write = originate,call,reporting",
        )
    extra = _extra(facts.rights)
    yield from _too_many(check, extra)
    if not (missing or unseen or extra):
        yield ok(check, "what is needed and no more", "权限恰当")


def _extra(rights: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Rights that the user must have because an action is open which none of those we ask for would open."""
    strange = [asked for asked in rights.values() if asked and not asked & _GRANTED]
    shell = [asked & _SHELL for asked in strange if asked & _SHELL]
    return frozenset(right for asked in (shell or strange) for right in asked)


def _too_many(check: str, extra: frozenset[str]) -> Iterator[Finding]:
    names = ", ".join(sorted(extra))
    if extra & _SHELL:
        yield fail(
            check,
            f"too many: {names}; whoever knows the secret can run programs on the PBX",
            f"权限过大:{names}",
            "manager.conf: write = originate,call,reporting and nothing else (not all, command, system, config)",
            "manager.conf:write = originate,call,reporting,去掉 all、command、system、config",
        )
    elif extra:
        yield warn(
            check,
            f"more than needed: {names}",
            f"多余权限:{names}",
            "manager.conf: write = originate,call,reporting",
            "manager.conf:write = originate,call,reporting",
        )


# -- events ----------------------------------------------------------------------------------------


def _events(name: str, facts: PbxFacts) -> Iterator[Finding]:
    check = f"{name} events"
    floods = sorted(set(facts.others) & _FLOODS)
    others = sorted(set(facts.others) - _FLOODS)
    if floods:
        yield fail(
            check,
            f"{', '.join(floods)} come through: some hundred calls flood the link",
            f"未过滤:{', '.join(floods)}",
            "manager.conf: take every eventfilter line of docker/asterisk/pbx/manager.conf",
            "在 manager.conf 中加入 docker/asterisk/pbx/manager.conf 的全部 eventfilter",
        )
    elif others:
        yield warn(
            check,
            f"needless: {', '.join(others)}",
            f"多余事件:{', '.join(others)}",
            "manager.conf: eventfilter as in docker/asterisk/pbx/manager.conf",
            "按范例设置 eventfilter",
        )
    if not facts.trial.made:
        yield warn(
            check, "not tried, for there was no test call", "未能测试(没有测试呼叫)", *see_trial()
        )
        return
    missing = [event for event in _WANTED if event not in facts.trial.events]
    if missing:
        rights = ",".join(sorted({_WANTED[event] for event in missing}))
        yield fail(
            check,
            f"did not come: {', '.join(missing)}",
            f"未收到:{', '.join(missing)}",
            f"manager.conf: read = system,call,user,dtmf,reporting (these need {rights}),"
            " and eventfilter lets them pass",
            "检查 manager.conf 的 read 与 eventfilter",
        )
    elif not (floods or others):
        yield ok(check, "those that are wanted came, no others", "事件过滤正确")
