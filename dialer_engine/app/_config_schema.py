"""Every key of the configuration: its type, default, meaning and bounds.

Rules: a default is safe and works on one machine; times of day are local to the debtor; a duration ends in `_s` and is
in seconds. `config/dialer.yaml` is made from this file (`python -m dialer_engine.app.config`), never edited against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from dialer_engine.app._config_fields import (
    NAME,
    PORT,
    REQUIRED,
    SecretUrl,
    at_least,
    between,
    matches,
    opt,
    section,
)
from dialer_engine.app._config_pbx import Pbx, TrunkOptions
from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.campaign import DialMode, Period
from dialer_engine.strategy.variables import VARIABLES

# What a token may; web/guard.py has the same names.
RIGHTS = ("exchange.read", "exchange.write", "unmask")
LogFormat = Literal["auto", "json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]


def _zone(value: str) -> str | None:
    known = not value or value in available_timezones()
    return (
        None
        if known
        else f"must be an IANA time zone such as Asia/Shanghai, or empty, not {value!r}"
    )


def _phone_template(value: str) -> str | None:
    return None if "{phone}" in value else "must contain {phone}"


def _weekdays(value: tuple[int, ...]) -> str | None:
    right = value and all(1 <= day <= 7 for day in value) and len(set(value)) == len(value)
    return None if right else "must be ISO weekdays, 1 (Monday) to 7, each once"


def _digits(value: Mapping[str, str]) -> str | None:
    wrong = [key for key in value if len(key) != 1 or key not in "0123456789*#"]
    return f"keys are single digits, * or #, not {wrong[0]!r}" if wrong else None


def _script_words(value: Mapping[str, str]) -> str | None:
    texts = [name for name, variable in VARIABLES.items() if variable.kind == "text"]
    wrong = [key for key in value if key not in texts]
    return f"no script has {wrong[0]!r}; there are {', '.join(texts)}" if wrong else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The process itself."""

    state_dir: Path = opt(
        Path("/var/lib/dialer"), "Where the daemon keeps its own files.", "守护进程自己的文件"
    )
    socket: Path = opt(
        Path("/run/dialer/api.sock"),
        "Unix socket of the HTTP API; the command line talks to the daemon here.",
        "命令行与守护进程通信的套接字",
    )
    drain_limit_s: float = opt(
        300.0,
        "A graceful stop waits this long for talks to end; those left go on at the PBX, for the next start.",
        "平滑停止时等待通话结束的最长秒数,其后的通话由 PBX 继续",
        live=True,
        check=between(0, 86400),
    )
    log_format: LogFormat = opt(
        "auto",
        "auto: JSON under systemd or into a file, readable on a terminal. Or: json, console.",
        "日志格式",
    )
    log_level: LogLevel = opt("info", "debug, info, warning or error.", "日志级别", live=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Cases, attempts, outcomes."""

    url: SecretUrl = opt(
        SecretUrl("sqlite:////var/lib/dialer/dialer.db"),
        "SQLAlchemy URL. PostgreSQL: postgresql+psycopg://user@host/db (url_file keeps the password out of here).",
        "数据库地址",
    )
    key_file: Path | None = opt(
        None,
        "Master key of the personal data (mode 0600, made by `db upgrade`); empty: $DIALER_MASTER_KEY_FILE, else"
        " beside an SQLite file as NAME.key. Back it up apart from the database: nothing else opens the names.",
        "个人信息主密钥文件(权限 0600,由 db upgrade 生成);须与数据库分开备份,丢失则无法解密",
    )
    pool_size: int = opt(
        10, "Connections kept open (PostgreSQL only).", "连接池大小", check=between(1, 200)
    )
    busy_timeout_s: float = opt(
        5.0,
        "A write waits this long for a locked store before dialling stops.",
        "数据库锁等待秒数",
        check=between(0.1, 60),
    )
    sqlite_cache_mib: int = opt(
        64,
        "Page cache of each of SQLite's connections (up to three); the daemon grows by as much.",
        "SQLite 每个连接的缓存",
        check=between(1, 4096),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """Leases and live feeds across daemons; one daemon does without."""

    url: SecretUrl | None = opt(
        None,
        "redis://host:6379/0; empty: not used.",
        "留空则不使用 Redis",
        example="redis://localhost:6379/0",
    )
    prefix: str = opt("dialer:", "Before every key, so that one Redis can serve several.", "键前缀")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    """Defaults for agents; an agent or campaign may have its own."""

    mode: AgentMode = opt(
        AgentMode.NAILED,
        "nailed: the leg stays up between calls. ring: the phone rings for each call.",
        "坐席模式",
    )
    wrap_up_s: float = opt(
        20.0,
        "Limit of wrap-up after a talk; 0: none.",
        "话后整理秒数",
        live=True,
        check=between(0, 3600),
    )
    callback_s: float = opt(
        1.0,
        "Pause before a dropped leg is called back; doubles with each failure.",
        "断线回拨间隔",
        check=between(0.1, 60),
    )
    callback_max_s: float = opt(
        30.0, "The longest such pause.", "最长回拨间隔", check=between(1, 3600)
    )
    ring_timeout_s: float = opt(
        30.0,
        "How long an agent's phone rings.",
        "坐席话机振铃秒数",
        live=True,
        check=between(1, 120),
    )
    dial: str = opt(
        "PJSIP/{phone}",
        "Channel of an agent's phone; {phone} is the agent's phone.",
        "坐席话机拨号串",
        check=_phone_template,
    )
    dispositions: Mapping[str, str] = opt(
        {
            "1": "promise",
            "2": "refused",
            "3": "callback",
            "4": "wrong_person",
            "5": "dispute",
            "0": "other",
        },
        "What a digit pressed in wrap-up means.",
        "话后按键对应的处理结果",
        live=True,
        check=_digits,
    )
    break_reasons: tuple[str, ...] = opt(
        ("lunch", "rest", "training", "meeting"), "Reasons for a break.", "小休原因", live=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """Defaults for campaigns."""

    mode: DialMode = opt(
        DialMode.PROGRESSIVE,
        "predictive: as many calls as the target allows. progressive: one line for each free agent. ratio: as below."
        " preview, manual: agents choose. robot: no agents, a message.",
        "外呼模式",
        live=True,
    )
    ratio: float = opt(
        1.0,
        "Lines for each free agent in mode ratio.",
        "每名空闲坐席的线路数",
        live=True,
        check=between(1, 10),
    )
    tick_s: float = opt(0.25, "How often a campaign decides.", "决策间隔", check=between(0.05, 5))
    ring_timeout_s: float = opt(
        25.0, "How long a debtor's phone rings.", "振铃秒数", live=True, check=between(1, 120)
    )
    wait_limit_s: float = opt(
        2.0,
        "Abandonment limit: somebody who answered hears the safe-harbour message after this time without an agent.",
        "呼损时限:接通后无坐席即播放致歉语",
        live=True,
        check=between(0.1, 30),
    )
    max_ringing_per_agent: float = opt(
        12.0,
        "Never more lines in flight for each agent, in any campaign.",
        "每名坐席的在途呼叫上限(所有活动)",
        live=True,
        check=between(1, 100),
    )
    target: float = opt(
        0.03,
        "Share of live answers that may be abandoned in mode predictive.",
        "预测式外呼的呼损率上限",
        live=True,
        check=between(0, 0.2),
    )
    period: Period = opt(
        Period.DAY,
        "Over what abandoned answers are counted: day, week or month, by compliance.default_zone.",
        "呼损统计周期",
        live=True,
    )
    min_ring_s: float = opt(
        15.0,
        "Nobody is hung up on earlier, save when agents vanish.",
        "最短振铃秒数",
        live=True,
        check=between(0, 120),
    )
    priors: str = opt(
        "",
        "What a campaign that never dialled begins with: a file of `dialer-engine pacing export`; empty: none.",
        "新活动的先验数据文件",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """What the law wants of every call. Whoever is unsure here must not dial."""

    default_country: str = opt(
        "",
        "ISO country of numbers imported without +country code; empty: such rows are rejected.",
        "无国际区号时的默认国家",
        check=matches(r"([A-Z]{2})?", "two capital letters such as CN, or empty"),
    )
    default_zone: str = opt(
        "",
        "Time zone of numbers whose own is unknown; empty: they are not dialled.",
        "号码时区未知时使用的时区;留空则不拨",
        live=True,
        check=_zone,
    )
    window_start: time = opt(
        time(8, 0),
        "No call before, in the debtor's local time.",
        "每日开始时间(对方当地)",
        live=True,
    )
    window_end: time = opt(
        time(20, 0),
        "No call from then on, in the debtor's local time.",
        "每日结束时间(对方当地)",
        live=True,
    )
    weekdays: tuple[int, ...] = opt(
        (1, 2, 3, 4, 5, 6, 7), "Days, 1 is Monday.", "星期,1 为周一", live=True, check=_weekdays
    )
    daily_cap: int = opt(
        3,
        "Attempts for each number and local day.",
        "每号码每日次数上限",
        live=True,
        check=between(0, 100),
    )
    guard_s: float = opt(
        60.0,
        "No call starts this shortly before the window ends.",
        "窗口结束前的保护秒数",
        live=True,
        check=between(0, 3600),
    )
    permit_ttl_s: float = opt(
        10.0,
        "How long a permit may be used.",
        "拨号许可有效秒数",
        live=True,
        check=between(0.5, 60),
    )
    presets: tuple[str, ...] = opt(
        (),
        "Rules of law that hold beside the window and the cap above: names of `compliance rules`, such as cn, us, uk.",
        "法规预设(与上面的时段和上限同时生效)",
    )
    files: tuple[str, ...] = opt(
        (),
        "Rule files of your own, in the same form (docs/reference/compliance.md).",
        "自有规则文件",
    )
    calendars: tuple[str, ...] = opt(
        (),
        "Holidays and make-up working days that differ from the library's: PLACE=FILE, such as CN=/etc/dialer/cn.yaml.",
        "节假日与调休文件(地区=文件)",
    )
    disclosures: tuple[str, ...] = opt(
        (),
        "What every script and line here promises to say or do; a rule that wants another one denies the call.",
        "话术与线路已保证的披露事项",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategies:
    """Who is called why, when, and with which words."""

    folder: Path | None = opt(
        None,
        "Your own strategies, their scripts in `scripts` below; by name they take the place of those that ship.",
        "自有策略目录(话术在其下 scripts);同名覆盖自带策略",
        live=True,
    )
    words: Mapping[str, str] = opt(
        {},
        "What scripts say of your house: institution, callback, complaint_line, pay_how; a case's own attribute wins.",
        "话术中的机构信息",
        live=True,
        check=_script_words,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """Two-channel recordings, made by the PBX."""

    enabled: bool = opt(True, "Record every answered call.", "录音")
    slow_free_mib: int = opt(
        10240,
        "Below this much free disk: dial at half speed and warn.",
        "磁盘低水位(减速)",
        check=at_least(0),
    )
    stop_free_mib: int = opt(
        2048,
        "Below this much free disk: do not dial.",
        "磁盘停拨水位",
        check=at_least(0),
    )
    verify_tolerance_s: float = opt(
        1.0,
        "A file may be this much shorter or longer than the talk.",
        "时长允许误差",
        check=between(0.1, 10),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeHarbour:
    """What somebody hears who answered and for whom there is no agent."""

    sound: str = opt(
        "",
        "Prompt(s) on the PBX, joined by &; empty: the PBX's own DE_SAFE_HARBOUR.",
        "致歉语音;留空用 PBX 的设置",
        live=True,
        check=matches(r"[A-Za-z0-9_/.&-]*", "sound names joined by &"),
    )
    file: Path | None = opt(
        None,
        "A copy of that prompt on this machine: its SHA-256 goes into the evidence of every call.",
        "致歉语音文件副本,其摘要记入每次呼叫的证据",
        live=True,
    )
    pbx_wait_s: int = opt(
        5,
        "Without a word from this daemon the PBX plays it by itself after this time, from the answer on.",
        "守护进程无响应时 PBX 自行播放前的秒数",
        live=True,
        check=between(1, 30),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Amd:
    """Answering machine detection by the PBX. It errs, and delays the first word."""

    enabled: bool = opt(False, "Default for new campaigns.", "默认是否检测语音信箱", live=True)
    unsure_is_machine: bool = opt(
        False,
        "Hang up when it is not sure; off: give the call to an agent.",
        "不确定时视为机器",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Prometheus."""

    enabled: bool = opt(False, "Serve /metrics on a port of its own.", "是否开启指标")
    host: str = opt("127.0.0.1", "Address to listen on.", "监听地址")
    port: int = opt(9464, "Port to listen on.", "监听端口", check=PORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The HTTP API on the Unix socket: whoever may open the socket may command the daemon."""

    socket_mode: str = opt(
        "0660",
        "File mode of the socket.",
        "套接字权限",
        check=matches(r"0?[0-7]{3}", "an octal mode such as 0660"),
    )
    socket_group: str = opt("", "Group of the socket; empty: the daemon's.", "套接字所属组")
    feed_queue: int = opt(
        1000,
        "Events kept for a slow listener before it is dropped.",
        "慢订阅者的事件缓存",
        check=between(10, 100_000),
    )


def _rights(value: tuple[str, ...]) -> str | None:
    wrong = [one for one in value if one not in RIGHTS]
    if wrong or not value:
        return f"must be some of {', '.join(RIGHTS)}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeToken:
    """One of the bank's systems."""

    name: str = opt(
        REQUIRED, "Who has it; stands in the record.", "持有方", check=NAME, example="core-bank"
    )
    sha256: str = opt(
        REQUIRED,
        "SHA-256 of the token; `dialer-engine token` makes both.",
        "令牌的 SHA-256(由 dialer-engine token 生成)",
        live=True,
        check=matches(
            r"[0-9a-f]{64}", "64 hexadecimal digits, as `dialer-engine token` prints them"
        ),
        example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    rights: tuple[str, ...] = opt(
        ("exchange.read",),
        "Some of exchange.read, exchange.write, unmask (personal fields in full).",
        "权限",
        live=True,
        check=_rights,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The exchange with a bank's systems over the network."""

    enabled: bool = opt(
        False, "Listen on the network; on the Unix socket it is there in any case.", "是否监听网络"
    )
    host: str = opt("127.0.0.1", "Address to listen on.", "监听地址")
    port: int = opt(9465, "Port to listen on.", "监听端口", check=PORT)
    certificate: Path | None = opt(
        None, "TLS certificate with its chain (PEM); empty: no TLS here.", "TLS 证书(PEM)"
    )
    certificate_key: Path | None = opt(None, "Its private key (PEM, mode 0600).", "TLS 私钥(PEM)")
    behind_proxy: bool = opt(
        False,
        "A proxy in front does TLS: allow other addresses than this machine's own without a certificate.",
        "前置代理负责 TLS",
    )
    max_connections: int = opt(
        64, "Connections at once; more are answered 503.", "最大并发连接", check=between(1, 10_000)
    )
    currency: str = opt(
        "CNY",
        "Of amounts that come without one (ISO 4217).",
        "默认币种",
        live=True,
        check=matches(r"[A-Z]{3}", "three capital letters such as CNY"),
    )
    tokens: tuple[ExchangeToken, ...] = section(
        tuple, "Who may ask, and what they may.", "访问令牌", live=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """Who sees personal fields in full."""

    unmask: tuple[str, ...] = opt(
        (),
        "Users and groups of the operating system who may use --unmask; empty: root and the owner of"
        " daemon.state_dir. Root always may.",
        "可用 --unmask 查看完整个人信息的系统用户与用户组;缺省为 root 与 daemon.state_dir 的属主",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration. Immutable; a reload makes a new one."""

    daemon: Daemon = section(Daemon, "The process itself.", "守护进程")
    store: Store = section(Store, "Cases, attempts, outcomes.", "数据库")
    redis: Redis = section(
        Redis, "Leases and live feeds across daemons; one daemon does without.", "多守护进程协作"
    )
    pbx: Pbx = section(Pbx, "The switches that dial for us.", "交换机")
    trunks: tuple[TrunkOptions, ...] = section(
        tuple, "Ways to the telephone network.", "中继线路", live=True
    )
    agents: Agents = section(Agents, "Defaults for agents.", "坐席默认值")
    pacing: Pacing = section(Pacing, "Defaults for campaigns.", "外呼节奏默认值")
    compliance: Compliance = section(Compliance, "What the law wants of every call.", "合规")
    strategies: Strategies = section(
        Strategies, "Who is called why, when, and with which words.", "策略与话术"
    )
    recordings: RecordingOptions = section(
        RecordingOptions, "Two-channel recordings, made by the PBX.", "双声道录音"
    )
    safe_harbour: SafeHarbour = section(
        SafeHarbour, "What an answered person without an agent hears.", "呼损致歉语"
    )
    amd: Amd = section(
        Amd, "Answering machine detection; it errs, and delays the first word.", "语音信箱检测"
    )
    metrics: Metrics = section(Metrics, "Prometheus.", "监控指标")
    api: Api = section(
        Api, "The HTTP API on daemon.socket: whoever opens it commands the daemon.", "接口"
    )
    exchange: Exchange = section(
        Exchange, "The exchange with a bank's systems over the network.", "与银行系统的数据交换"
    )
    personal: Personal = section(
        Personal, "Who sees personal fields in full, by command.", "个人信息查看权限"
    )
