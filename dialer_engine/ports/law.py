"""What the engine asks of the books of compliance: who somebody is to the law, who must not be called any
more, and where evidence goes.

Rules: as in `store.py`; `facts` is asked in the background, when cases are fetched, never between answer
and bridge; `version` is asked twice a second and costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from dialer_engine.compliance.counting import Contact
from dialer_engine.compliance.facts import Facts
from dialer_engine.compliance.rules import Override
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.units import E164, AttemptId, CaseId


@dataclass(frozen=True, slots=True)
class Flying:
    """A call that lives. number: empty when it was taken over from an earlier life."""

    attempt: AttemptId
    case_id: CaseId
    number: E164 | None = field(repr=False, default=None)


class Law(Protocol):
    """The books of compliance."""

    async def facts(self, candidates: Sequence[Candidate], now: datetime) -> Mapping[CaseId, Facts]:
        """What is known of each, but what the campaign and the trunk add; attempt is empty. Those of
        whom nothing could be found out are missing, and are not dialled.
        """
        ...

    async def version(self) -> int:
        """Grows with every change of a suppression list, and of an override."""
        ...

    async def suppressed(
        self, calls: Sequence[Flying], now: datetime
    ) -> Mapping[AttemptId, tuple[str, ...]]:
        """The lists that hold the number or the case of a call; calls on none are missing."""
        ...

    async def lifted(
        self, cases: Sequence[CaseId], now: datetime
    ) -> Mapping[CaseId, tuple[Override, ...]]:
        """The overrides that each case has now; cases without any are missing."""
        ...

    async def lifted_widely(self, now: datetime) -> Mapping[str, tuple[Override, ...]]:
        """The overrides that numbers and campaigns have now, by the names of their counters."""
        ...

    async def counted(
        self, keys: Sequence[str], now: datetime
    ) -> Mapping[str, tuple[Contact, ...]]:
        """The contacts on counters that are no case's, such as a trunk's, oldest first; as far back as a
        rule looks.
        """
        ...

    async def said(self, words: Mapping[str, str], now: datetime) -> None:
        """Put the words behind hashes on record, each once. words: by SHA-256; nobody's values in them."""
        ...

    async def denied(self, records: Sequence[tuple[CaseId, Mapping[str, Any]]]) -> None:
        """Put denials on record."""
        ...
