"""Which trunk the next call takes: the best of those that work, have room, and did not just fail
for this case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

from dialer_engine.domain.trunk import Breaker, Trunk, TrunkLimits
from dialer_engine.domain.units import NodeName, TrunkName

log = structlog.get_logger(__name__)


class Trunks:
    """All trunks, by name."""

    def __init__(self, limits: Iterable[TrunkLimits]) -> None:
        self._trunks = {one.name: Trunk(one) for one in limits}
        # Trunks that the configuration no longer has; their last calls are still up.
        self._gone: dict[TrunkName, Trunk] = {}

    def __iter__(self) -> Iterator[Trunk]:
        return iter(self._trunks.values())

    def get(self, name: TrunkName) -> Trunk | None:
        """The trunk, None when the configuration no longer has it."""
        return self._trunks.get(name)

    def replace(self, limits: Iterable[TrunkLimits]) -> None:
        """New limits; the load of trunks that stay or come back is kept, a trunk that went takes no
        more calls.
        """
        fresh = {one.name: one for one in limits}
        for name in self._trunks.keys() - fresh.keys():
            self._gone[name] = self._trunks.pop(name)
        for name, one in fresh.items():
            known = self._trunks.get(name) or self._gone.pop(name, None) or Trunk(one)
            known.limits = one
            self._trunks[name] = known

    def room(self, node: NodeName, now: float) -> int:
        """How many calls this node's trunks can take right now."""
        return sum(trunk.room(now) for trunk in self._on(node))

    def choose(
        self, node: NodeName, now: float, without: frozenset[TrunkName] = frozenset()
    ) -> Trunk | None:
        """The trunk for one call: lowest priority number, then the least loaded share. None: no
        room.
        """
        usable = [t for t in self._on(node) if t.limits.name not in without and t.room(now) > 0]
        return min(
            usable,
            default=None,
            key=lambda t: (t.limits.priority, t.in_use / t.limits.max_channels),
        )

    def others(self, node: NodeName, tried: frozenset[TrunkName]) -> bool:
        """Whether a trunk is left that has not been tried."""
        return any(
            t.limits.name not in tried and t.breaker is not Breaker.OPEN for t in self._on(node)
        )

    def ended(self, name: TrunkName, fault: bool | None, now: float) -> Breaker | None:
        """A call of this trunk is over. fault None: it says nothing of the trunk. Returns a
        breaker's new state.
        """
        trunk = self._trunks.get(name) or self._gone.get(name)
        if trunk is None:
            return None
        trunk.give_back()
        change = trunk.report(fault, now)
        if change is not None:
            log.warning("the breaker of a trunk changed", trunk=name, breaker=change.value)
        return change

    def _on(self, node: NodeName) -> list[Trunk]:
        return [trunk for trunk in self._trunks.values() if trunk.limits.node == node]
