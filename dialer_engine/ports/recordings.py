"""Where recordings are, and whether there is room for more."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from dialer_engine.domain.units import AttemptId, Moment
from dialer_engine.ports.store import ExpectedRecording, RecordingRow


class DiskState(StrEnum):
    """ok: dial. slow: dial at half speed and warn. full: do not dial (fail closed)."""

    OK = "ok"
    SLOW = "slow"
    FULL = "full"


class Recordings(Protocol):
    """The recording folder of one daemon."""

    def path_for(self, attempt: AttemptId, now: Moment) -> str:
        """Where the PBX is to write this attempt's recording: dated folder and attempt id, no
        extension, as the PBX sees it. Makes the folder.
        """
        ...

    def disk(self) -> DiskState:
        """The room that is left, judged by the configured watermarks."""
        ...

    async def verify(self, expected: Sequence[ExpectedRecording]) -> list[RecordingRow]:
        """Check finished recordings, convert them, hash them into the chained manifest. In worker
        threads.
        """
        ...
