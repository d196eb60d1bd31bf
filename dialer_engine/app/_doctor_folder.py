"""The recording folder: the same for PBX and daemon, with room, and good for a whole recording.

Rules: the test call's file is measured, made a WAV as a real one is, and removed; names begin with `doctor-`, so they
are taken for no recording. Everything here blocks and is called in a thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialer_engine.ami.examine import PbxFacts
from dialer_engine.app._config_pbx import PbxNode
from dialer_engine.app._doctor_line import see_trial
from dialer_engine.domain.errors import DialerError
from dialer_engine.domain.findings import Finding, fail, ok, warn
from dialer_engine.ports.recordings import DiskState
from dialer_engine.recordings.audio import AGENT, convert, measure_wav
from dialer_engine.recordings.disk import Watermarks, judge, room_of

_MIB = 1024 * 1024
# The call's own length against its recording's: what `recordings.verify_tolerance_s` allows by default.
_TOLERANCE_S = 1.0
# Speech is some -20 dBFS, a silent leg -90 (recordings/verify.py).
_HEARD_DBFS = -60.0


@dataclass(frozen=True, slots=True)
class Folder:
    """One node's folder and what was put there before the test call. trouble: why nothing could be."""

    node: PbxNode
    token: str
    trouble: str = ""

    @property
    def local(self) -> Path:
        """As the daemon sees it."""
        return Path(self.node.recordings_dir_local)

    @property
    def mark(self) -> str:
        """The file made by the daemon."""
        return f"doctor-{self.token}.mark"

    def there(self, name: str) -> str:
        """A path in it, as the PBX sees it."""
        return f"{self.node.recordings_dir.rstrip('/')}/{name}"

    @property
    def recording(self) -> str:
        """Where the test call is recorded: without extension, as the PBX sees it."""
        return self.there(f"doctor-{self.token}")


def prepare(node: PbxNode, token: str) -> Folder:
    """Make the file that the PBX is to see."""
    folder = Folder(node, token)
    path = folder.local / folder.mark
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        os.close(descriptor)
    except OSError as error:
        return Folder(node, token, error.strerror or type(error).__name__)
    return folder


def judge_folder(folder: Folder, facts: PbxFacts, marks: Watermarks) -> list[Finding]:
    """Every finding about it; what was put there is removed."""
    try:
        return [
            *_local(folder),
            *_shared(folder, facts),
            *_recorded(folder, facts),
            *_room(folder, marks),
        ]
    finally:
        for suffix in (".mark", ".raw", ".wav"):
            with contextlib.suppress(OSError):
                (folder.local / f"doctor-{folder.token}{suffix}").unlink()


def _check(folder: Folder) -> str:
    return f"{folder.node.name} recordings"


def _local(folder: Folder) -> Iterator[Finding]:
    if folder.trouble:
        yield fail(
            _check(folder),
            f"{folder.local}: {folder.trouble}",
            f"{folder.local}:{folder.trouble}",
            "make the folder, group-writable for the daemon and the PBX (pbx.nodes[].recordings_dir_local)",
            "创建该目录,并让守护进程与 PBX 同组可写(pbx.nodes[].recordings_dir_local)",
        )


def _shared(folder: Folder, facts: PbxFacts) -> Iterator[Finding]:
    if folder.trouble or facts.error is not None:
        return
    if facts.mark_seen is False:
        yield fail(
            _check(folder),
            f"the PBX does not see in {folder.node.recordings_dir} what we put in {folder.local}",
            f"PBX 在 {folder.node.recordings_dir} 看不到本机 {folder.local} 的文件",
            "both must be one folder: a shared mount when the PBX is another machine; let the PBX's user enter it",
            "两者必须是同一目录(远程 PBX 用共享挂载),并允许 PBX 用户进入",
        )
    elif facts.mark_seen is None:
        yield warn(
            _check(folder),
            "whether the PBX sees the same folder could not be asked",
            "无法确认 PBX 是否使用同一目录",
            "take context dialer-doctor from docker/asterisk/pbx/extensions.conf and load func_env.so",
            "加入 context dialer-doctor 并加载 func_env.so",
        )


def _recorded(folder: Folder, facts: PbxFacts) -> Iterator[Finding]:
    if folder.trouble or facts.error is not None:
        return
    if not facts.trial.made:
        yield warn(_check(folder), "no recording was tried", "未能测试录音", *see_trial())
        return
    raw = folder.local / f"doctor-{folder.token}.raw"
    if not raw.exists():
        yield fail(
            _check(folder),
            f"the test call left no recording in {folder.local}",
            f"测试呼叫未在 {folder.local} 留下录音",
            "let the PBX's user write there; same folder for both; app_mixmonitor and format_sln loaded; free disk",
            "允许 PBX 用户写入;确认为同一目录;加载 app_mixmonitor、format_sln;检查磁盘",
        )
        return
    yield from _measured(folder, facts, raw)


def _measured(folder: Folder, facts: PbxFacts, raw: Path) -> Iterator[Finding]:
    check, wav = _check(folder), raw.with_suffix(".wav")
    try:
        convert(raw, wav)
        levels = measure_wav(wav).levels
        raw.unlink()
    except (OSError, DialerError) as error:
        yield fail(
            check,
            f"the recording cannot be read, made a WAV, or removed: {getattr(error, 'strerror', None) or error}",
            "录音无法读取、转换或删除",
            "the daemon's user must read the PBX's files (same group, umask 007 of the PBX) and write in the folder",
            "守护进程用户须能读取 PBX 的文件(同组,PBX umask 007)并可写该目录",
        )
        return
    wrong = abs(levels.duration_s - facts.trial.seconds)
    if facts.trial.seconds and wrong > _TOLERANCE_S:
        yield fail(
            check,
            f"recorded {levels.duration_s:.1f} s of a call of {facts.trial.seconds:.1f} s",
            f"通话 {facts.trial.seconds:.1f} 秒,录音仅 {levels.duration_s:.1f} 秒",
            "is the PBX short of CPU, or its disk slow? dialer-outbound must record from its first line",
            "检查 PBX 的 CPU 与磁盘;dialer-outbound 第一行须开始录音",
        )
    elif levels.peak_dbfs(AGENT) < _HEARD_DBFS:
        yield fail(
            check,
            "the safe-harbour message is not in the recording: people would hear silence",
            "录音中没有致歉语,被叫会听到静音",
            "DE_SAFE_HARBOUR in extensions.conf must name sounds that the PBX has",
            "extensions.conf 的 DE_SAFE_HARBOUR 必须是 PBX 上存在的语音",
        )
    else:
        yield ok(
            check,
            f"two channels, {levels.duration_s:.1f} s, the message is in it, a WAV was made",
            f"双声道 {levels.duration_s:.1f} 秒,含致歉语,可转换为 WAV",
        )


def _room(folder: Folder, marks: Watermarks) -> Iterator[Finding]:
    check = f"{folder.node.name} recording disk"
    try:
        room = room_of(folder.local)
    except OSError as error:
        yield fail(
            check,
            f"cannot be measured: {error.strerror}",
            f"无法测量:{error.strerror}",
            "make the folder (pbx.nodes[].recordings_dir_local)",
            "创建该目录(pbx.nodes[].recordings_dir_local)",
        )
        return
    free = room.free_bytes // _MIB
    text, zh = f"{free} MiB free", f"剩余 {free} MiB"
    state = judge(room, marks, DiskState.OK)
    if state is DiskState.OK:
        yield ok(check, text, zh)
        return
    slow = state is DiskState.SLOW
    make = warn if slow else fail
    does = "dialling goes at half speed" if slow else "there is no dialling"
    yield make(
        check,
        f"{text}: {does}",
        f"{zh}:{'减速外呼' if slow else '停止外呼'}",
        "free space, or set recordings.slow_free_mib and stop_free_mib",
        "清理磁盘,或调整 recordings.slow_free_mib 与 stop_free_mib",
    )
