"""When to try again. Rules: the wait doubles up to a cap, half of it is chance (a hundred daemons
must not return in one moment), and it starts anew only after a session that held, so that a PBX
which greets and drops us is not hammered."""

from __future__ import annotations

import random

# Beyond this the cap has long been reached; it keeps 2**n from growing for ever.
_MAX_DOUBLINGS = 16


class Backoff:
    """Waits in seconds for one link. `slow` is the wait after a refusal that only a person can
    end."""

    def __init__(self, first: float, cap: float, slow: float, rng: random.Random) -> None:
        self._first = first
        self._cap = cap
        self._slow = slow
        self._rng = rng
        self._failures = 0

    def after_failure(self) -> float:
        """The next wait; grows with each call."""
        full = min(self._cap, self._first * 2.0 ** min(self._failures, _MAX_DOUBLINGS))
        self._failures += 1
        return self._rng.uniform(full / 2, full)

    def after_refusal(self) -> float:
        """The wait after a wrong secret, certificate or peer. Does not grow; it is slow from the
        start."""
        return self._rng.uniform(self._slow / 2, self._slow)

    def reset(self) -> None:
        """A session held: the next failure is the first again."""
        self._failures = 0
