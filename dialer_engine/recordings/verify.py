"""What was measured of a recording, judged against the call. Pure.

Rules
- An answered call has a file, and its duration is within `tolerance_s` of the time from answer to
  hang-up; for a call that was never bridged this is all that is asked.
- While both legs were in the bridge both channels must carry signal: at least `min_active_s` of
  20 ms frames above `threshold_dbfs`. Talks under `judge_from_s` are too short for both to have
  said a word and are not judged by signal.
- A silent agent channel fails: the agent's line is open, a room is never that still, and a lost leg
  looks like this. A silent debtor channel is a finding and fails only on request: people do say
  nothing, and the file alone cannot tell them from a leg whose sound was lost. Watch their share:
  a trunk with one-way audio (NAT, codec) shows as many `silent_debtor` at once.
- Every problem is listed, the status is that of the gravest: missing, mismatched, silent, verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dialer_engine.domain.errors import BadValue
from dialer_engine.ports.store import ExpectedRecording
from dialer_engine.recordings.audio import AGENT, DEBTOR, Levels, share_of


class Status(StrEnum):
    """The four values of `RecordingRow.status`."""

    VERIFIED = "verified"
    MISSING = "missing"
    MISMATCHED = "mismatched"
    SILENT = "silent"


class Problem(StrEnum):
    """The values of `RecordingRow.problems`."""

    NO_FILE = "no_file"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    STILL_WRITTEN = "still_written"
    # Bytes of half a sample at the end: the PBX was killed. They are left out of the WAV.
    TORN = "torn"
    # The manifest holds another hash for this attempt: the file is not the one that was sealed.
    CHANGED = "changed"
    SILENT_AGENT = "silent_agent"
    SILENT_DEBTOR = "silent_debtor"


_MISMATCHES = frozenset(
    {
        Problem.TOO_SHORT,
        Problem.TOO_LONG,
        Problem.UNREADABLE,
        Problem.STILL_WRITTEN,
        Problem.CHANGED,
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """tolerance_s: issue 2 asks for 1 s. threshold_dbfs: above comfort noise (about -60) and the
    idle code of A-law (±8 of 32768, -72), below a quiet talker (speech is about -26 dBov active
    level by ITU-T P.56 practice, a quiet one 15 to 20 dB less). min_active_s: longer than a click,
    shorter than a syllable. judge_from_s: an agent's greeting begins within about two seconds.
    """

    tolerance_s: float = 1.0
    threshold_dbfs: float = -50.0
    min_active_s: float = 0.1
    judge_from_s: float = 3.0
    fail_silent_agent: bool = True
    fail_silent_debtor: bool = False

    def __post_init__(self) -> None:
        if self.tolerance_s < 0 or self.min_active_s <= 0 or self.judge_from_s < 0:
            raise BadValue("recording rules: durations must not be negative")
        if self.threshold_dbfs >= 0:
            raise BadValue("recording rules: threshold_dbfs is below full scale, so negative")


@dataclass(frozen=True, slots=True)
class Verdict:
    """status, and every problem, the gravest kind deciding."""

    status: Status
    problems: tuple[Problem, ...]


def talk_window(expected: ExpectedRecording) -> tuple[float, float] | None:
    """Seconds from the start of the file between which both legs were in the bridge; None when the
    call was never bridged. Of several bridges the window is as long as the talk in all.
    """
    if expected.bridged_at is None:
        return None
    start = max(0.0, (expected.bridged_at - expected.answered_at).total_seconds())
    length = expected.talk_s if expected.talk_s is not None else expected.answered_s - start
    return start, start + max(0.0, length)


def judge(
    expected: ExpectedRecording,
    levels: Levels,
    rules: Rules,
    findings: tuple[Problem, ...] = (),
) -> Verdict:
    """Judge one measured file. findings: what was seen when it was read."""
    problems = [*findings, *_duration(expected, levels, rules), *_signal(expected, levels, rules)]
    return Verdict(status_of(problems, rules), tuple(problems))


def status_of(problems: list[Problem], rules: Rules) -> Status:
    """The status that these problems give."""
    if Problem.NO_FILE in problems:
        return Status.MISSING
    if not _MISMATCHES.isdisjoint(problems):
        return Status.MISMATCHED
    if rules.fail_silent_agent and Problem.SILENT_AGENT in problems:
        return Status.SILENT
    if rules.fail_silent_debtor and Problem.SILENT_DEBTOR in problems:
        return Status.SILENT
    return Status.VERIFIED


def _duration(expected: ExpectedRecording, levels: Levels, rules: Rules) -> list[Problem]:
    excess = levels.duration_s - expected.answered_s
    if abs(excess) <= rules.tolerance_s:
        return []
    return [Problem.TOO_LONG if excess > 0 else Problem.TOO_SHORT]


def _signal(expected: ExpectedRecording, levels: Levels, rules: Rules) -> list[Problem]:
    window = talk_window(expected)
    if window is None or window[1] - window[0] < rules.judge_from_s:
        return []
    threshold = share_of(rules.threshold_dbfs)
    channels = ((AGENT, Problem.SILENT_AGENT), (DEBTOR, Problem.SILENT_DEBTOR))
    return [
        problem
        for channel, problem in channels
        # Frames are counted in multiples of 0.02, which binary fractions only approach.
        if levels.active_s(channel, threshold, *window) + 1e-9 < rules.min_active_s
    ]
