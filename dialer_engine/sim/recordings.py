"""Recordings that are only spoken of: `MemoryRecordings`, behind `ports.recordings.Recordings`."""

from __future__ import annotations

from collections.abc import Sequence

from dialer_engine.domain.errors import RecordingError
from dialer_engine.domain.units import AttemptId, Moment
from dialer_engine.ports.recordings import DiskState
from dialer_engine.ports.store import ExpectedRecording, RecordingRow


class MemoryRecordings:
    """state: what `disk` says. broken: the folder cannot be used. missing: attempts whose file is not
    there.
    """

    def __init__(self) -> None:
        self.state = DiskState.OK
        self.broken = ""
        self.missing: set[AttemptId] = set()

    def path_for(self, attempt: AttemptId, now: Moment) -> str:
        """See the port."""
        if self.broken:
            raise RecordingError(self.broken)
        return f"/rec/{now.utc:%Y/%m/%d}/{attempt}"

    def disk(self) -> DiskState:
        """See the port."""
        return self.state

    async def verify(self, expected: Sequence[ExpectedRecording]) -> list[RecordingRow]:
        """See the port."""
        return [self._row(one) for one in expected]

    def _row(self, one: ExpectedRecording) -> RecordingRow:
        gone = one.attempt in self.missing
        return RecordingRow(
            one.attempt, f"/rec/{one.attempt}", "missing" if gone else "verified",
            None if gone else one.answered_s, one.talk_s, problems=("no file",) if gone else (),
        )  # fmt: skip
