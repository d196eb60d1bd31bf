"""What happens to a case outside stops its calls: a payment, a hold.

Rules: a call that nobody has answered is cancelled at once, and the case leaves the lists that are held
ready; a person who has answered is not hung up on: the talk goes on, and its agent is told (topic
`agent/<id>`, event `case_changed`), as are all who watch `calls`. Two ways lead here: `payment_arrived`
and `held`, for whoever books in this process (the API), and `look`, which reads the record of the store
twice a second, for whatever is booked elsewhere (an import, another daemon). Both may tell of the same
thing; the second finds nothing left to do.
"""

from __future__ import annotations

import structlog

from dialer_engine.domain import events as ev
from dialer_engine.domain.call import UNANSWERED_PHASES
from dialer_engine.domain.errors import DialerError
from dialer_engine.domain.units import CaseId
from dialer_engine.engine.dialling import Dialling
from dialer_engine.engine.effects import Effects
from dialer_engine.engine.inbox import Inbox
from dialer_engine.engine.registry import Registry
from dialer_engine.ports.store import Store

log = structlog.get_logger(__name__)
# A payment is to stop calls within a second; half of it is for the look, half for the PBX.
LOOK_S = 0.5
# A number that is not called any more: only what is held ready is looked through again.
_NUMBER = "number"
KINDS = ("hold", "payment", "recalled", _NUMBER)
_MOST = 1000


class Holds:
    """Stops calls to cases that were paid or are held."""

    def __init__(
        self, registry: Registry, dialling: Dialling, effects: Effects, inbox: Inbox, store: Store
    ) -> None:
        self._registry = registry
        self._dialling = dialling
        self._effects = effects
        self._inbox = inbox
        self._store = store
        self._after: int | None = None

    def payment_arrived(self, case_id: CaseId) -> int:
        """Money came for this case; returns how many calls are being cancelled."""
        return self._stop(case_id, "payment")

    def held(self, case_id: CaseId) -> int:
        """The case is to be left alone; returns how many calls are being cancelled."""
        return self._stop(case_id, "hold")

    async def look(self) -> None:
        """What was booked since the last look. A store that is away is looked at again next time;
        nothing is skipped meanwhile.
        """
        try:
            found = await self._store.case_events_after(self._after, KINDS, _MOST)
        except DialerError as error:
            log.warning("the record of cases could not be read", error=str(error))
            return
        for row, case_id, kind in found:
            self._after = row
            if kind == _NUMBER:
                self._drop(case_id)
            elif kind:
                self._stop(case_id, kind)

    def _drop(self, case_id: CaseId) -> None:
        for running in self._dialling.running.values():
            kept = [one for one in running.queue if one[0].case_id != case_id]
            if len(kept) < len(running.queue):
                running.queue.clear()
                running.queue.extend(kept)

    def _stop(self, case_id: CaseId, why: str) -> int:
        self._drop(case_id)
        cancelled = 0
        for call in [c for c in self._registry.calls.values() if c.candidate.case_id == case_id]:
            attempt = call.state.attempt
            if call.state.phase in UNANSWERED_PHASES:
                self._inbox.put(ev.HangupAsked(attempt, why))
                cancelled += 1
            elif call.state.agent is not None:
                topic = f"agent/{call.state.agent}"
                self._effects.publish(topic, event="case_changed", attempt=attempt, why=why)
            self._effects.publish("calls", event="case_changed", attempt=attempt, why=why)
        return cancelled
