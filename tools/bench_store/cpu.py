"""CPU time of this process and of the server processes that work for it.

Why: what is measured is one thing after the other in memory, so on an idle machine CPU time is what the
clock shows; on a busy one the clock shows the others' work too, and this does not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_NS = 1e9


@dataclass(slots=True)
class Cpu:
    """backends: ids of PostgreSQL's processes on this machine."""

    backends: Sequence[int] = ()

    def used(self) -> float:
        """Seconds so far."""
        return time.process_time() + sum(_on_cpu(pid) for pid in self.backends)


def _on_cpu(pid: int) -> float:
    """Linux: the first number of schedstat is nanoseconds on a CPU; 0 when the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / _NS
    except OSError:
        return 0.0


async def backends(connection: AsyncConnection) -> list[int]:
    """Our processes at a server on this machine; none for SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    query = text("SELECT pid FROM pg_stat_activity WHERE application_name = 'dialer-engine'")
    found = [int(pid) for pid in (await connection.scalars(query)).all()]
    return [pid for pid in found if _is_postgres(pid)]


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "postgres"
    except OSError:
        return False
