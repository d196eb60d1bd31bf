"""Names as small whole numbers, for pacers: which list a call is of, which group a talk.

Rules: a name keeps its number for ever, over restarts too, because what a pacer learned is filed under
it; what is one too many shares the number 0.
"""

from __future__ import annotations

from collections.abc import Iterable

# Each list and each group costs a decision time; beyond so many the common curve serves as well.
MOST = 24


class Marks:
    """0 is the first name, and whatever came when all numbers were taken."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._numbers: dict[str, int] = {}
        for name in names:
            self.of(name)

    def of(self, name: str) -> int:
        """The number of a name."""
        found = self._numbers.get(name)
        if found is None:
            if len(self._numbers) >= MOST:
                return 0
            found = self._numbers[name] = len(self._numbers)
        return found

    @property
    def names(self) -> list[str]:
        """All, in the order of their numbers."""
        return list(self._numbers)
