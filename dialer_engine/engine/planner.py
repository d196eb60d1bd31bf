"""One attempt that may be made: a trunk with room, the gate's permit, and a place for its recording.

Rules: no permit, no trunk, no folder: no attempt, and who asked is told which. A case that the law
denies waits in the store until the gate would say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from dialer_engine.compliance.gate import Denial, Permit
from dialer_engine.domain.attempt import AttemptDraft, Candidate, CaseNext
from dialer_engine.domain.call import CallPolicy, CallState
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import RecordingError
from dialer_engine.domain.units import AttemptId, CampaignName, Moment, NodeName, TrunkName
from dialer_engine.engine.caselist import Running
from dialer_engine.engine.counsel import Counsel
from dialer_engine.engine.ledger import Ledger
from dialer_engine.engine.registry import Call, Registry
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.engine.stats import EngineStats
from dialer_engine.engine.trunks import Trunks
from dialer_engine.ports.clock import Clock
from dialer_engine.ports.recordings import Recordings

log = structlog.get_logger(__name__)
NO_TRUNK: Final = object()
# A denial without a date (the zone is unknown) is asked again after so long: somebody may have
# corrected the case.
_ASK_AGAIN_S = 3600.0
# A recording folder that could not be used is tried again after so long.
_FOLDER_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Planned:
    """An attempt that is in the registry, and neither committed nor dialled."""

    call: Call
    draft: AttemptDraft
    permit: Permit
    tried: frozenset[TrunkName]
    recording: str


class Planner:
    """Plans attempts one by one."""

    def __init__(
        self,
        settings: EngineSettings,
        registry: Registry,
        ledger: Ledger,
        trunks: Trunks,
        clock: Clock,
        recordings: Recordings,
        stats: EngineStats,
        counsel: Counsel,
    ) -> None:
        self.settings = settings
        self._registry = registry
        self._ledger = ledger
        self._trunks = trunks
        self._clock = clock
        self._recordings = recordings
        self._stats = stats
        self._counsel = counsel
        self._no_folder = ""
        self._no_folder_until = float("-inf")

    def no_folder(self) -> str:
        """Why recordings cannot be written now; empty when they can, or may be tried again."""
        return self._no_folder if self._clock.now().mono < self._no_folder_until else ""

    def plan(
        self, running: Running, node: NodeName, candidate: Candidate, tried: frozenset[TrunkName]
    ) -> Planned | object | None:
        """One attempt that may be made, NO_TRUNK, or None when the law says no."""
        now = self._clock.now()
        if not self._trunks.others(node, tried):
            # None is left that did not fail for it: it may try all again.
            tried = frozenset()
        trunk = self._trunks.choose(node, now.mono, tried)
        if trunk is None:
            return NO_TRUNK
        attempt = self._clock.attempt_id()
        verdict = self.verdict(running, candidate, attempt, now, trunk.limits.name)
        if isinstance(verdict, Denial):
            return None
        recording = self._path(attempt, now)
        if recording is None:
            return NO_TRUNK
        trunk.take(now.mono)
        policy = self._policy(running.campaign)
        call = Call(CallState(attempt, node, policy), running.campaign.name, candidate, trunk.limits.name, now,
                    tried | {trunk.limits.name}, must_end_by=verdict.must_end_by)  # fmt: skip
        self._registry.put_call(call, call.state)
        return Planned(call, _draft(call, verdict), verdict, tried, recording)

    def verdict(
        self,
        running: Running,
        candidate: Candidate,
        attempt: AttemptId,
        now: Moment,
        trunk: TrunkName | None = None,
    ) -> Permit | Denial:
        """What the law says; a case that it denies waits."""
        facts = self._counsel.facts(candidate, running.campaign, attempt, trunk, running.kept_free)
        verdict = self._counsel.gate.decide(facts, now.utc)
        if isinstance(verdict, Denial):
            self._counsel.denied(facts, verdict, candidate.case_id, now.utc)
            self._deny(running, candidate, verdict)
        return verdict

    def _path(self, attempt: AttemptId, now: Moment) -> str | None:
        """Where the recording goes, empty for none; None when the folder cannot be used: then nothing is
        dialled for a while."""
        if not self.settings.record:
            return ""
        try:
            return self._recordings.path_for(attempt, now)
        except (RecordingError, OSError) as error:
            log.error("recordings cannot be written; dialling waits", error=str(error))
            self._no_folder = str(error)
            self._no_folder_until = now.mono + _FOLDER_PAUSE_S
            return None

    def _policy(self, campaign: Campaign) -> CallPolicy:
        base = self.settings.call
        return CallPolicy(
            campaign.wait_limit_s,
            campaign.ring_timeout_s,
            base.ring_slack_s,
            base.classify_limit_s,
            base.bridge_limit_s,
            robot=campaign.mode is DialMode.ROBOT,
        )

    def _deny(self, running: Running, candidate: Candidate, denial: Denial) -> None:
        for reason in denial.reasons:
            self._stats.denied[reason.code] += 1
        running.denied = "; ".join(reason.text for reason in denial.reasons)
        codes = tuple(reason.code for reason in denial.reasons)
        self.postpone(running.campaign.name, candidate, codes, denial.again_at)

    def postpone(
        self,
        campaign: CampaignName,
        candidate: Candidate,
        reasons: tuple[str, ...],
        again: datetime | None,
    ) -> None:
        """The case waits. again: until then, UTC; None where nobody can say."""
        now = self._clock.now().utc
        self._ledger.postpone(
            CaseNext(
                campaign, candidate.case_id, again or now + timedelta(seconds=_ASK_AGAIN_S), "+".join(reasons),
                candidate.tries, candidate.number_rank, reasons, now,
            )
        )  # fmt: skip


def _draft(call: Call, permit: Permit) -> AttemptDraft:
    return AttemptDraft(
        id=call.state.attempt, campaign=call.campaign, case_id=call.candidate.case_id, number=call.candidate.number,
        node=call.node, trunk=call.trunk, planned_at=call.planned_at.utc, local_day=permit.local_day,
        daily_cap=permit.daily_cap, permit=permit.evidence, try_no=call.candidate.tries + 1,
        reservation=permit.reservation, plan=call.candidate.plan,
    )  # fmt: skip
