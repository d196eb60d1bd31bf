"""The chain of evidence: what a record is, how records hang together, and how a decision is computed
from its record again. Pure.

Rules: a record is canonical JSON; `hash` is SHA-256 of the sequence number, the hash before and the
record, so that a change anywhere shows in everything after it; sequence numbers count from 1 without
gaps, and the head says where the chain ends, so that a tail that was cut off shows too. A record has
no number and no name in it: the attempt has them, until its retention ends, and the chain stays whole
when they go.

Limit: whoever may write the table may forge chain and head together. The head belongs somewhere else as
well: each `evidence verify` and each export prints it, and `--head SEQ:HASH` compares with one kept
elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dialer_engine.compliance.facts import from_plain
from dialer_engine.compliance.gate import Gate, Permit
from dialer_engine.compliance.ruleset import canonical
from dialer_engine.domain.units import E164, AttemptId

GENESIS: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Link:
    """One record in its place. kind: permit, denial, outcome, recording, suppression, retention, …"""

    seq: int
    kind: str
    at: str
    record: str
    prev: str
    hash: str
    attempt: str | None = None
    case: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that is to be added. at: aware UTC. content: JSON data."""

    kind: str
    at: datetime
    content: Mapping[str, Any] = field(repr=False)
    attempt: str | None = None
    case: int | None = None


def link(entry: Entry, seq: int, prev: str) -> Link:
    """The entry in its place."""
    at = entry.at.isoformat()
    record = canonical(dict(entry.content)).decode("ascii")
    made = Link(seq, entry.kind, at, record, prev, "", entry.attempt, entry.case)
    return Link(seq, entry.kind, at, record, prev, digest(made), entry.attempt, entry.case)


def digest(one: Link) -> str:
    """What `hash` must be: over everything else."""
    content = [one.seq, one.prev, one.kind, one.at, one.attempt, one.case, one.record]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written."""

    seq: int
    what: str


class Verifier:
    """Reads a chain from its beginning, link by link."""

    def __init__(self) -> None:
        self.seq = 0
        self.hash = GENESIS
        self.checked = 0

    def read(self, links: Iterable[Link]) -> Iterator[Fault]:
        """What is wrong with the next links."""
        for one in links:
            if one.seq != self.seq + 1:
                yield Fault(one.seq, f"record {self.seq + 1} is missing")
            elif one.prev != self.hash:
                yield Fault(one.seq, "does not follow the record before")
            if digest(one) != one.hash:
                yield Fault(one.seq, "was changed")
            self.seq, self.hash = one.seq, one.hash
            self.checked += 1

    def close(self, seq: int, hash: str) -> Iterator[Fault]:
        """What is wrong with the end, given where the chain says that it ends."""
        if seq > self.seq:
            yield Fault(self.seq + 1, f"records up to {seq} were cut off")
        elif (seq, hash) != (self.seq, self.hash):
            yield Fault(self.seq, "the chain does not end where its head says")


def recompute(record: Mapping[str, Any], gate: Gate) -> list[str]:
    """Decide again from a record of a decision; what differs, nothing when it is the same. gate: with the
    rules of the record's hash.
    """
    if record["rules"] != gate.hash:
        return ["the record is of other rules"]
    # Neither the number nor the id changes a decision; the zones of its prefix are in the record.
    facts = from_plain(record["facts"], AttemptId("a-recomputed"), _NOBODY)
    now = datetime.fromisoformat(record["decided_at"])
    decision = gate.decide(facts, now, zones=tuple(record["zones"]))
    if isinstance(decision, Permit):
        again: Mapping[str, Any] = decision.evidence
    else:
        again = gate.record_of(facts, now, decision, zones=tuple(record["zones"]))
    names = sorted((set(record) | set(again)) - {"tzdata"})
    return [
        f"{name}: recorded {record.get(name)!r}, computed {again.get(name)!r}"
        for name in names
        if record.get(name) != again.get(name)
    ]


_NOBODY: Final = E164("+999000000000")
