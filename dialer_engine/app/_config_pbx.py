"""The keys of the configuration that say how to reach the telephone network: PBX nodes and trunks.

Rules: those of `_config_schema`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dialer_engine.app._config_fields import (
    NAME,
    PORT,
    REQUIRED,
    Secret,
    between,
    matches,
    opt,
    section,
)


def _template(value: str) -> str | None:
    return None if "{number}" in value else "must contain {number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS towards the PBX."""

    enabled: bool = opt(
        False, "Connect with TLS (AMI: tlsbindaddr, usually port 5039).", "使用 TLS", live=True
    )
    ca: Path | None = opt(None, "CA file; empty: the system's.", "CA 证书文件", live=True)
    verify: bool = opt(True, "Check the certificate. Off only for a test.", "校验证书", live=True)
    server_name: str | None = opt(
        None, "Name in the certificate; empty: the host.", "证书中的名称", live=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxNode:
    """One PBX."""

    name: str = opt(
        REQUIRED, "How calls, agents and trunks refer to it.", "节点名", check=NAME, example="main"
    )
    kind: Literal["asterisk"] = opt("asterisk", "asterisk.", "类型")
    host: str = opt(REQUIRED, "Address of its AMI.", "AMI 地址", example="127.0.0.1", live=True)
    port: int = opt(5038, "Port of its AMI.", "AMI 端口", check=PORT, live=True)
    username: str = opt(
        REQUIRED,
        "AMI user, as in manager.conf.",
        "AMI 用户名",
        check=matches(r"[^\r\n\0]+", "one line and not empty"),
        example="dialer",
        live=True,
    )
    secret: Secret = opt(
        REQUIRED,
        "AMI secret. Better `secret_file: /path`, or DIALER_PBX__NODES__0__SECRET.",
        "AMI 密码(建议使用 secret_file)",
        check=lambda value: None if value else "must not be empty",
        example="change-me",
        live=True,
    )
    tls: Tls = section(Tls, "TLS on this link.", "TLS")
    connect_timeout_s: float = opt(
        5.0, "Limit for connecting.", "连接超时", check=between(0.1, 60), live=True
    )
    ping_interval_s: float = opt(
        10.0, "Silence after which the link is tried.", "心跳间隔", check=between(1, 300), live=True
    )
    ping_deadline_s: float = opt(
        5.0,
        "No answer for this long: the link is taken for dead.",
        "心跳期限",
        check=between(0.5, 60),
        live=True,
    )
    command_timeout_s: float = opt(
        10.0,
        "A command without answer for this long is 'unknown'.",
        "命令超时",
        check=between(0.5, 120),
    )
    recordings_dir: str = opt(
        "/var/spool/dialer/rec",
        "Recording folder as the PBX sees it (absolute).",
        "PBX 上的录音目录",
        check=matches(r"/[^\r\n\0,]*", "an absolute path without comma"),
    )
    recordings_dir_local: Path = opt(
        Path("/var/spool/dialer/rec"),
        "The same folder as this daemon sees it.",
        "本机看到的同一目录",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pbx:
    """The switches that dial for us."""

    nodes: tuple[PbxNode, ...] = section(tuple, "One entry for each PBX.", "每台 PBX 一项")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOptions:
    """When a trunk that fails is left alone."""

    window: int = opt(
        20,
        "Judged by its last calls, this many.",
        "统计最近呼叫数",
        live=True,
        check=between(1, 1000),
    )
    share: float = opt(
        0.5,
        "Open when this share of them failed by the trunk's fault.",
        "故障比例",
        live=True,
        check=between(0.05, 1),
    )
    pause_s: float = opt(
        30.0,
        "Try one call again after this pause.",
        "重试前的暂停秒数",
        live=True,
        check=between(1, 3600),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkOptions:
    """One way to the telephone network."""

    name: str = opt(REQUIRED, "How reports name it.", "中继名", check=NAME, example="carrier-a")
    node: str = opt(
        REQUIRED, "The PBX it belongs to (pbx.nodes[].name).", "所属 PBX", example="main"
    )
    dial: str = opt(
        REQUIRED,
        "Channel to dial; {number} is the number in the form below.",
        "拨号串",
        live=True,
        check=_template,
        example="PJSIP/{number}@carrier-a",
    )
    number_format: Literal["e164", "plus", "national"] = opt(
        "e164",
        "e164: 447700900123. plus: +447700900123. national: 07700900123.",
        "号码格式",
        live=True,
    )
    max_channels: int = opt(
        30,
        "Calls at once, ringing ones included.",
        "最大并发",
        live=True,
        check=between(1, 100_000),
    )
    max_cps: float = opt(
        5.0, "New calls a second.", "每秒新呼叫数", live=True, check=between(0.1, 1000)
    )
    caller_id: str = opt(
        "",
        "Number shown to the debtor; empty: what the trunk itself is set to.",
        "主叫号码",
        live=True,
        check=matches(r"\+?[0-9]{0,15}", "a number or empty"),
    )
    carrier: str = opt(
        "",
        "Whose limits hold on it (scope of carrier rules), such as aliyun or volc; empty: none's.",
        "线路所属运营商(其限制生效)",
        live=True,
    )
    priority: int = opt(
        0,
        "Lower is tried first; equal ones share.",
        "优先级,小者优先",
        live=True,
        check=between(0, 1000),
    )
    breaker: BreakerOptions = section(BreakerOptions, "Stops dialling into a fault.", "故障熔断")
