"""The transition table that both machines are written in.

Rules: a table is total: each pair of phase and event is a row, is ignored on purpose, or is
illegal; a row says which phases it may lead to, so that the diagram in the docs is drawn from it
and cannot lie; an illegal event raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from dialer_engine.domain.commands import Command
from dialer_engine.domain.errors import IllegalTransition
from dialer_engine.domain.units import Moment

P = TypeVar("P", bound=Enum)


S = TypeVar("S")


@dataclass(frozen=True)
class Row(Generic[S, P]):
    """handle(state, event, now) -> (state, commands); `to` are the phases it may lead to."""

    handle: Callable[..., tuple[S, list[Command]]]
    to: frozenset[P]


class Table(Generic[S, P]):
    """All transitions of one machine.

    rows: (phase, event type) -> Row. ignored: pairs where the event is late or a duplicate and
    rightly changes nothing.
    """

    def __init__(
        self,
        phases: Iterable[P],
        events: Iterable[type],
        rows: Mapping[tuple[P, type], Row[S, P]],
        ignored: Iterable[tuple[P, type]],
    ) -> None:
        self.phases = tuple(phases)
        self.events = tuple(events)
        self.rows = dict(rows)
        self.ignored = frozenset(ignored)
        both = self.ignored & self.rows.keys()
        if both:
            raise ValueError(f"both a row and ignored: {sorted(map(str, both))}")

    def is_legal(self, phase: P, event: type) -> bool:
        """Whether the pair is a row or ignored."""
        return (phase, event) in self.rows or (phase, event) in self.ignored

    def step(
        self, phase: P, state: S, event: object, now: Moment, phase_of: Callable[[S], P]
    ) -> tuple[S, list[Command]]:
        """The new state and what is to be done; IllegalTransition when the table has no row."""
        row = self.rows.get((phase, type(event)))
        if row is None:
            if (phase, type(event)) in self.ignored:
                return state, []
            raise IllegalTransition(f"{type(event).__name__} in {phase.value}")
        new, commands = row.handle(state, event, now)
        if phase_of(new) not in row.to:
            raise IllegalTransition(
                f"{type(event).__name__} in {phase.value} led to {phase_of(new).value}: not in its row"
            )
        return new, commands

    def arrows(self) -> list[tuple[P, str, P]]:
        """Every (from, event name, to) of the table, for the diagram."""
        return [
            (phase, event.__name__, target)
            for (phase, event), row in self.rows.items()
            for target in self.phases
            if target in row.to
        ]


def mermaid(table: Table[S, P], start: P) -> str:
    """The table as a Mermaid state diagram; events that join the same two phases share an arrow."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, event, target in table.arrows():
        labels.setdefault((source.value, target.value), []).append(event)
    lines = ["stateDiagram-v2", f"    [*] --> {start.value}"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in labels.items()]
    return "\n".join(lines) + "\n"
