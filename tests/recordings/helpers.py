"""Invented recordings and calls for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from dialer_engine.domain.units import AttemptId, CampaignName, attempt_id
from dialer_engine.ports.store import ExpectedRecording
from dialer_engine.recordings import naming
from dialer_engine.recordings._chain import Entry

RATE = 8000
# A fixed day: 2026-11-21 10:00 UTC.
DIALLED = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NOW = DIALLED + timedelta(minutes=5)


def attempt(number: int = 0, at: datetime = DIALLED) -> AttemptId:
    """An attempt id of that moment."""
    return attempt_id(int(at.timestamp() * 1000), number.to_bytes(10, "big"))


def tone(
    seconds: float, hertz: float, level: float = 0.2
) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A sine in one channel."""
    time = np.arange(round(seconds * RATE)) / RATE
    return np.round(np.sin(2 * np.pi * hertz * time) * level * 32767).astype(np.int16)


def stereo(seconds: float, debtor: float = 440.0, agent: float = 1000.0) -> bytes:
    """Raw two-channel bytes with a tone in each; a frequency of 0 is digital silence."""
    return np.column_stack([tone(seconds, debtor), tone(seconds, agent)]).astype("<i2").tobytes()


def expected(
    attempt_id: AttemptId,
    answered_s: float = 10.0,
    talk: tuple[float, float] | None = (1.0, 10.0),
    ended_at: datetime = NOW - timedelta(minutes=1),
) -> ExpectedRecording:
    """An answered call. talk: seconds after the answer at which both were in the bridge."""
    answered_at = ended_at - timedelta(seconds=answered_s)
    return ExpectedRecording(
        attempt=attempt_id,
        campaign=CampaignName("demo"),
        planned_at=answered_at - timedelta(seconds=8),
        answered_at=answered_at,
        bridged_at=answered_at + timedelta(seconds=talk[0]) if talk else None,
        ended_at=ended_at,
        answered_s=answered_s,
        talk_s=talk[1] - talk[0] if talk else None,
    )


def write_raw(root: Path, attempt_id: AttemptId, data: bytes) -> Path:
    """What the PBX leaves."""
    path = root / f"{naming.stem(attempt_id)}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def entry(number: int = 0) -> Entry:
    """An entry that is not in a chain yet."""
    name = attempt(number)
    return Entry(
        attempt=name,
        path=f"{naming.stem(name)}.wav",
        sha256=f"{number:064x}",
        size_bytes=44 + number,
        duration_ms=number,
        status="verified",
        at=NOW.isoformat(timespec="milliseconds"),
    )
