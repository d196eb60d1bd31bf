"""The list to dial: in which order, and how many of each segment in a round.

Rules: sorted by the strategy's `order`, the first fact counts most, what is unknown comes last; then
mixed: each round takes as many of each segment as `mix` says (1 where it says nothing), in the order
in which the segments' best cases stand; nobody is lost and nobody is twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dialer_engine.strategy.model import Strategy
from dialer_engine.strategy.tree import Facts


@dataclass(frozen=True, slots=True)
class Entry:
    """A case that can be called. priority: of its step. facts: `conditions.fact_map` of it."""

    reference: str
    segment: str
    priority: int
    facts: Facts


def arrange(strategy: Strategy, entries: Iterable[Entry]) -> list[Entry]:
    """The entries in the order in which they are to be dialled."""
    ordered = sorted(entries, key=lambda entry: _key(strategy.order, entry))
    return _mixed(ordered, strategy.mix) if strategy.mix else ordered


def _key(order: Sequence[str], entry: Entry) -> tuple[Any, ...]:
    found: list[Any] = []
    for name in order:
        plain = name.lstrip("-")
        value = entry.priority if plain == "priority" else entry.facts[plain]
        unknown = value is None
        found += [unknown, 0 if unknown else -value if name.startswith("-") else value]
    # The reference makes the order the same on every machine.
    return (*found, entry.reference)


def _mixed(ordered: Sequence[Entry], mix: dict[str, int]) -> list[Entry]:
    queues: dict[str, deque[Entry]] = {}
    for entry in ordered:
        queues.setdefault(entry.segment, deque()).append(entry)
    found: list[Entry] = []
    while queues:
        for segment in list(queues):
            queue = queues[segment]
            found += [queue.popleft() for _ in range(min(mix.get(segment, 1), len(queue)))]
            if not queue:
                del queues[segment]
    return found
