"""The part of `EngineApi` that is about pacing, and about cases that one agent holds. The same rules."""

from __future__ import annotations

from typing import Any, Protocol

from dialer_engine.domain.campaign import SHADOWS

Json = dict[str, Any]
# Policies that can run without dialling beside the one that does; none ends it.
SHADOW_POLICIES: tuple[str, ...] = (
    *(mode.value for mode in SHADOWS),
    "none",
)


class PacingApi(Protocol):
    """See `EngineApi`."""

    async def pacing(self, name: str) -> Json:
        """How a campaign is paced: {campaign, mode, settings {target, wait_limit_s, ring_timeout_s,
        min_ring_s, max_ringing_per_agent, …}, period {kind, live, abandoned, rate, ends_at, left_s},
        decision (as `explain`, null before the first), failures, shadow (as `shadow`, null without one),
        learned [{node, kind (answered | talk | wrap), of, figure (answer rate, or mean in s), xs, ys}]}.
        Conflict when this daemon does not run it.
        """
        ...

    async def explain(self, name: str, at: str | None) -> Json:
        """The decision that held at a time (null: the last one): {campaign, at, node, policy, originate,
        started, cancelled, why, numbers {…}, sentence {en, zh}}. Kept for three days, those that did
        something or gave another reason; of the last five minutes all. NotFound when nothing is kept.
        """
        ...

    async def shadow(self, name: str, policy: str | None) -> Json:
        """Run a second policy beside the live one without dialling (none: end it; null: only tell):
        {policy, since, decisions, mean_lines_live, mean_lines_shadow, share_more, share_fewer, failures,
        last {live, shadow}}; all null but policy without one.
        """
        ...

    async def export_learned(self, name: str) -> Json:
        """What was learned, for `import_learned` here or elsewhere; NotFound when that is nothing."""
        ...

    async def import_learned(self, name: str, learned: Json, who: str) -> Json:
        """Begin anew with what was learned elsewhere; as `pacing`. BadValue when it is not that."""
        ...

    async def campaign_changes(self, name: str, limit: int) -> list[Json]:
        """Who changed which setting, newest first: [{at, who, setting, before, after}]."""
        ...

    # -- cases that one agent holds
    async def accept_case(self, agent_id: str) -> Json:
        """Dial the case that this agent was shown (mode preview): {agent, campaign, reference}. Conflict
        when they were shown none.
        """
        ...

    async def skip_case(self, agent_id: str, reason: str) -> Json:
        """Not this case, not now: {agent, campaign, reference}; it is shown again after an hour."""
        ...

    async def dial_case(self, agent_id: str, campaign: str, reference: str) -> Json:
        """Dial this case for this agent (modes manual and preview): {agent, campaign, reference}. NotFound
        when it is not in the campaign, Conflict when it or the agent is taken or nothing may be dialled.
        """
        ...
