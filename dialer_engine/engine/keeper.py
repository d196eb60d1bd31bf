"""The recordings after the call: each answered call is matched with its file, and the disk is
watched.

Rules: a recording that does not match is an alarm and a row; what cannot be checked now is checked
again later; a disk that cannot be judged counts as full.
"""

from __future__ import annotations

import asyncio

import structlog

from dialer_engine.domain.errors import DialerError
from dialer_engine.engine.dialling import Dialling
from dialer_engine.engine.effects import Effects
from dialer_engine.ports.recordings import DiskState, Recordings
from dialer_engine.ports.store import RecordingRow, Store

log = structlog.get_logger(__name__)
_BATCH = 50
_PAUSE_S = 1.0


class Keeper:
    """verified, failed: recordings matched and not matched since the start."""

    def __init__(
        self, store: Store, recordings: Recordings, dialling: Dialling, effects: Effects
    ) -> None:
        self._store = store
        self._recordings = recordings
        self._dialling = dialling
        self._effects = effects
        self.verified = 0
        self.failed = 0

    async def run(self) -> None:
        """For ever."""
        while True:
            self.look_at_disk()
            busy = False
            try:
                busy = await self.verify_some()
            except DialerError as error:
                log.warning("recordings could not be matched now", error=str(error))
            except Exception:
                # Without this task nobody would look at the disk any more.
                log.exception("recordings could not be matched now")
            if not busy:
                await asyncio.sleep(_PAUSE_S)

    def look_at_disk(self) -> None:
        """Judge the room that is left; a change is told."""
        try:
            state = self._recordings.disk()
        except Exception:
            log.exception("the disk of the recordings could not be judged")
            state = DiskState.FULL
        if state is self._dialling.disk:
            return
        self._dialling.disk = state
        level = log.info if state is DiskState.OK else log.error
        level("the room for recordings changed", disk=state.value)
        self._effects.alarm("disk", f"recordings disk: {state.value}", disk=state.value)

    async def verify_some(self) -> bool:
        """One batch; True when there may be more."""
        expected = await self._store.expected_recordings(_BATCH)
        if not expected:
            return False
        rows = await self._recordings.verify(expected)
        await self._store.save_recordings(rows)
        for row in rows:
            self._tell(row)
        return len(rows) == len(expected) == _BATCH

    def _tell(self, row: RecordingRow) -> None:
        if row.status == "verified":
            self.verified += 1
            return
        self.failed += 1
        log.error(
            "a recording does not match its call",
            attempt=row.attempt,
            status=row.status,
            problems=row.problems,
        )
        text = f"{row.status}: {'; '.join(row.problems)}"
        self._effects.alarm("recording", text, row.attempt, status=row.status)
