"""Looks at this machine: configuration, store, state folder, socket, clock, data files.

Rules: nothing is left behind, and nothing of a running daemon is disturbed; a check that could not be made is a
warning. Everything here blocks and is called in a thread.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone as phone_zones

from dialer_engine.app.config import Config, Loaded
from dialer_engine.domain.errors import ConfigError, DialerError, SchemaOutdated
from dialer_engine.domain.findings import Finding, fail, ok, warn
from dialer_engine.store import upgrade as schema
from dialer_engine.store.engine import store_url
from dialer_engine.store.keyring import load_vault
from dialer_engine.store.probe import write_test

_MIB = 1024 * 1024
# A few days of attempts; the database stops taking writes when the disk is full.
_STORE_FREE_MIB = 1024
# RTP is the PBX's; we need a handle for each request, database connection and log.
_FILES_WANTED = 1024
# Governments change zones with a few months' notice; IANA makes several releases a year (data.iana.org/time-zones).
_ZONES_OLD_DAYS = 550
# adjtimex(2): the clock is not synchronised.
_TIME_ERROR, _STA_UNSYNC = 5, 0x0040
# A number of Ofcom's drama range for London, and its zone.
_SAMPLE, _SAMPLE_ZONE = "+442079460000", "Europe/London"
_OTHERS = stat.S_IRWXO


def look(settings: Loaded, *, inside: bool) -> list[Finding]:
    """Every finding about this machine. inside: asked by the running daemon itself."""
    config = settings.config
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _configuration(settings),
        lambda: _state_dir(config, inside),
        lambda: _socket(config, inside),
        lambda: _store(config),
        lambda: _zones(config),
        _numbers,
        _clock,
        lambda: _files(inside),
    ]
    return [finding for check in checks for finding in check()]


# -- configuration and folders ---------------------------------------------------------------------


def _configuration(settings: Loaded) -> Iterator[Finding]:
    for warning in settings.warnings:
        yield warn(
            "configuration",
            warning,
            warning,
            "dialer-engine config show",
            "dialer-engine config show",
        )
    exposed = [file.name for file in settings.files if _readable_by_all(file)]
    if exposed:
        yield warn(
            "configuration",
            f"everybody on this machine may read {', '.join(exposed)}",
            f"任何本机用户可读:{', '.join(exposed)}",
            "chmod 0640, or keep secrets in files of their own (secret_file, url_file)",
            "chmod 0640,或使用 secret_file、url_file",
        )
    if not settings.warnings and not exposed:
        count = len(settings.files)
        yield ok("configuration", f"{count} file(s), no complaint", f"{count} 个文件,无问题")


def _readable_by_all(file: Path) -> bool:
    """Whether others may read a file that holds a secret."""
    try:
        secret = re.search(r"(?m)^\s*(-\s*)?secret:\s*[^\s#]", file.read_text(encoding="utf-8"))
        return secret is not None and bool(file.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _state_dir(config: Config, inside: bool) -> Iterator[Finding]:
    folder = config.daemon.state_dir
    if not folder.exists() and os.access(_nearest(folder), os.W_OK | os.X_OK):
        yield ok("state folder", f"{folder} will be made", f"{folder} 将自动创建")
        return
    trouble = _unwritable(folder)
    if trouble:
        yield fail(
            "state folder",
            f"{folder}: {trouble}",
            f"{folder}:{trouble}",
            "make it, and give it to the daemon's user (daemon.state_dir)",
            "创建该目录并授权给守护进程用户(daemon.state_dir)",
        )
        return
    yield ok("state folder", f"{folder} takes files", f"{folder} 可写")
    if not inside and _held(folder / "daemon.lock"):
        yield warn(
            "daemon",
            "a daemon runs in this state folder, but did not answer on the socket",
            "该目录已有守护进程运行,但套接字无响应",
            "name its socket with --socket, or look at its log",
            "用 --socket 指定套接字,或查看日志",
        )


def _nearest(folder: Path) -> Path:
    """The first folder upwards that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def _unwritable(folder: Path) -> str:
    """Why a file cannot be made there; empty when it can."""
    trial = folder / f".doctor-{os.getpid()}"
    try:
        descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)
        trial.unlink()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _socket(config: Config, inside: bool) -> Iterator[Finding]:
    path = config.daemon.socket
    if not inside:
        folder = path.parent
        if folder.is_dir() and not os.access(folder, os.W_OK):
            yield fail(
                "socket",
                f"{folder} does not take files of this user",
                f"当前用户无法写入 {folder}",
                "run as the daemon's user, or set daemon.socket",
                "以守护进程用户运行,或设置 daemon.socket",
            )
        return
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield fail(
            "socket",
            f"{path}: {error.strerror}",
            f"{path}:{error.strerror}",
            "somebody has removed it; restart the daemon",
            "套接字被删除;请重启守护进程",
        )
        return
    if mode & _OTHERS:
        yield fail(
            "socket",
            f"everybody on this machine may command the daemon ({stat.filemode(mode)})",
            f"任何本机用户均可控制守护进程({stat.filemode(mode)})",
            "api.socket_mode: 0660 and api.socket_group",
            "设置 api.socket_mode: 0660 与 api.socket_group",
        )
    else:
        yield ok("socket", f"{path}, {stat.filemode(mode)}", f"{path},{stat.filemode(mode)}")


# -- store -----------------------------------------------------------------------------------------


def _store(config: Config) -> Iterator[Finding]:
    url = config.store.url.reveal()
    try:
        revision = schema.check(url)
        load_vault(url, config.store.key_file)
        mode = write_test(url, config.store.busy_timeout_s)
    except SchemaOutdated as error:
        yield fail(
            "store",
            str(error),
            "数据库结构版本不符",
            "dialer-engine db upgrade",
            "dialer-engine db upgrade",
        )
        return
    except ConfigError as error:
        yield fail(
            "store",
            str(error),
            f"个人信息主密钥不可用:{error}",
            "put the master key back from its copy, mode 0600, where store.key_file names it",
            "从备份恢复主密钥(权限 0600)到 store.key_file 所指的位置",
        )
        return
    except (DialerError, OSError) as error:
        yield fail(
            "store",
            f"takes no writes: {error}",
            f"无法写入:{error}",
            "start the database; or mend rights, locks and free space of its file (store.url)",
            "启动数据库,或修正其文件的权限、锁与磁盘空间(store.url)",
        )
        return
    if mode not in ("wal", "postgresql"):
        yield warn(
            "store",
            f"SQLite's journal mode is {mode}: readers hold up writers",
            f"SQLite 日志模式为 {mode}",
            "the daemon sets WAL when it starts; if it stays so, the disk cannot do it (a network disk)",
            "守护进程启动时会启用 WAL;若仍如此,请改用本地磁盘",
        )
    else:
        yield ok(
            "store", f"schema {revision}, takes writes, {mode}", f"结构 {revision},可写,{mode}"
        )
    yield from _store_disk(url)


def _store_disk(url: str) -> Iterator[Finding]:
    target = store_url(url)
    if target.get_backend_name() != "sqlite" or target.database is None:
        return
    free = shutil.disk_usage(Path(target.database).parent).free // _MIB
    if free < _STORE_FREE_MIB:
        yield warn(
            "store disk",
            f"{free} MiB free",
            f"剩余 {free} MiB",
            f"free at least {_STORE_FREE_MIB} MiB; a full disk stops dialling",
            f"至少保留 {_STORE_FREE_MIB} MiB;磁盘满将停止外呼",
        )
    else:
        yield ok("store disk", f"{free} MiB free", f"剩余 {free} MiB")


# -- data ------------------------------------------------------------------------------------------


def _zones(config: Config) -> Iterator[Finding]:
    zone = config.compliance.default_zone or _SAMPLE_ZONE
    version = zone_version()
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        yield fail(
            "zone data",
            f"{zone} is not known: nothing may be dialled",
            f"缺少时区 {zone},无法外呼",
            "install the Debian package tzdata, or the Python package tzdata",
            "安装 tzdata",
        )
        return
    released = _released(version)
    if released is None or (datetime.now(UTC).date() - released).days > _ZONES_OLD_DAYS:
        yield warn(
            "zone data",
            f"version {version or 'unknown'}: calling hours can be wrong where zones have changed",
            f"版本 {version or '未知'} 可能过旧",
            "upgrade tzdata",
            "升级 tzdata",
        )
    else:
        yield ok("zone data", f"version {version}", f"版本 {version}")


def zone_version() -> str:
    """The release of the zone data that zoneinfo uses: the system's when it has any, else the Python package's. Empty
    when it is not told.
    """
    system = [Path(folder) for folder in TZPATH if (Path(folder) / _SAMPLE_ZONE).is_file()]
    try:
        if not system:
            return metadata.version("tzdata")
        first, _, _ = (system[0] / "tzdata.zi").read_text(encoding="utf-8").partition("\n")
    except (OSError, metadata.PackageNotFoundError):
        return ""
    return first.removeprefix("# version").strip()


def _released(version: str) -> date | None:
    """About when: `2026b` and `2026.2` are the second release of a year; some four come in a year."""
    found = re.match(r"(\d{4})(?:([a-z])|\.(\d+))?", version)
    if found is None:
        return None
    nth = ord(found[2]) - ord("a") + 1 if found[2] else int(found[3] or 1)
    return date(int(found[1]), min(12, nth * 3), 1)


def _numbers() -> Iterator[Finding]:
    version = getattr(phonenumbers, "__version__", "unknown")
    number = phonenumbers.parse(_SAMPLE)
    zones = phone_zones.time_zones_for_number(number)
    if _SAMPLE_ZONE in zones:
        yield ok("number data", f"phonenumbers {version}", f"phonenumbers {version}")
    else:
        yield fail(
            "number data",
            f"phonenumbers {version} does not know the zone of a number",
            f"phonenumbers {version} 数据不完整",
            "install the package phonenumbers with its data",
            "重新安装 phonenumbers",
        )


# -- this machine ----------------------------------------------------------------------------------


def _clock() -> Iterator[Finding]:
    synchronised = clock_synchronised()
    if synchronised:
        yield ok("clock", "synchronised", "已同步")
        return
    said = (
        ("not synchronised", "未同步")
        if synchronised is False
        else ("not known whether synchronised", "未知")
    )
    yield warn(
        "clock",
        *said,
        "run chrony or systemd-timesyncd: calling hours are kept by this clock",
        "运行 chrony 或 systemd-timesyncd:外呼时段以本机时钟为准",
    )


def clock_synchronised() -> bool | None:
    """What the kernel says (adjtimex, modes 0: only asked); None when it cannot be asked."""
    # struct timex begins with modes, offset, freq, maxerror, esterror, status; 256 bytes hold all of it.
    buffer = (ctypes.c_long * 32)()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    return state != _TIME_ERROR and not buffer[5] & _STA_UNSYNC


def _files(inside: bool) -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    whose, zh = (
        ("the daemon", "守护进程")
        if inside
        else ("this shell; the daemon's can differ", "当前 shell")
    )
    if 0 <= soft < _FILES_WANTED:
        yield warn(
            "open files",
            f"limit {soft} ({whose})",
            f"上限 {soft}({zh})",
            f"LimitNOFILE of the unit, or ulimit -n: {_FILES_WANTED} or more",
            f"将 LimitNOFILE 或 ulimit -n 提高到 {_FILES_WANTED} 以上",
        )
    else:
        yield ok("open files", f"limit {soft} ({whose})", f"上限 {soft}({zh})")
