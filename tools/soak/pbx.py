"""The memory of Asterisk itself, which is not ours: what it keeps after `malloc trim`, a call.

Rules: pure. Resident memory says nothing of a PBX with some hundred threads: glibc spreads their blocks
over many heaps and gives emptied pages back from the end of a heap only. Measured inside Asterisk 22.10.1
(mallinfo2, 2,400 calls at 60 a second, then idle): 60 MiB in use, 512 MiB free and held; the CLI command
`malloc trim` took resident memory from 432 to 142 MiB in 50 ms. So the soak asks for that once a
minute and looks at what is left. A real leak costs the same for every call: a channel of a call that is
up takes 22 KiB (`make bench`, `asterisk_kib_per_call`), and losing one for each tenth call is the bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tools.soak.trend import Allowance, trend

KIB_PER_CALL = 2.2
_KIB = 1024.0


@dataclass(frozen=True, slots=True)
class Growth:
    """first_mib, last_mib: resident after a trim. mib_per_hour, kib_per_call: slope of the second
    half; the latter nan when nothing was dialled. bound: kib_per_call that still passes.
    """

    first_mib: float
    last_mib: float
    mib_per_hour: float
    kib_per_call: float
    bound: float = KIB_PER_CALL

    @property
    def leaks(self) -> bool:
        """More a call than only a leak explains; also when it cannot be said."""
        return not self.kib_per_call <= self.bound


def growth(
    times_s: Sequence[float], mib: Sequence[float], attempts: Sequence[float]
) -> Growth | None:
    """Of the second half; None when there are too few points."""
    memory = trend(times_s, mib, Allowance(0.0))
    calls = trend(times_s, attempts, Allowance(0.0))
    if memory is None or calls is None:
        return None
    per_call = memory.per_hour * _KIB / calls.per_hour if calls.per_hour > 0 else math.nan
    return Growth(memory.first, memory.last, memory.per_hour, per_call)
