"""How much memory this process holds while something goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from tools.bench.machine import MIB, usage


@dataclass(slots=True)
class Memory:
    """Looks at resident memory, MiB."""

    seen: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Note what it is now."""
        self.seen.append(usage(os.getpid()).rss / MIB)

    def summary(self) -> dict[str, float]:
        """first: after a tenth, when caches are warm. last, most: MiB."""
        warm = self.seen[len(self.seen) // 10 :]
        if not warm:
            return {}
        return {"first": round(warm[0]), "last": round(warm[-1]), "most": round(max(warm))}
