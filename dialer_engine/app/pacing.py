"""The API's part on pacing, and on cases that one agent holds.

Rules: a setting is checked before it is written, written before it takes effect, and noted with who
changed it and what it was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import structlog

from dialer_engine.compliance.gate import local_day
from dialer_engine.domain.campaign import SHADOWS, Campaign, DialMode
from dialer_engine.domain.errors import BadValue, Conflict, NotFound, StoreError
from dialer_engine.domain.units import CampaignName
from dialer_engine.engine.account import Account
from dialer_engine.engine.caselist import Running
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.offers import Offer
from dialer_engine.engine.pace import Shadow
from dialer_engine.pacing.snapshot import Decision
from dialer_engine.pacing.words import tell
from dialer_engine.ports.store import ChangeRow, DecisionRow

log = structlog.get_logger(__name__)
Json = dict[str, Any]
# Settings of a campaign that pacing goes by.
SETTINGS = (
    "ratio", "target", "period", "wait_limit_s", "ring_timeout_s", "min_ring_s", "max_ringing_per_agent",
    "preview_timeout_s", "preview_dials", "robot_channels", "robot_cps", "robot_message",
)  # fmt: skip
_NOBODY = "api"


class PacingService:
    """Of `Service`."""

    _engine: Engine

    async def _campaign(self, name: str) -> Campaign:
        raise NotImplementedError

    # -- looking

    async def pacing(self, name: str) -> Json:
        """See EngineApi."""
        campaign = await self._campaign(name)
        running = self._running(campaign.name)
        pace = running.pace
        row = pace.decisions.at(None)
        return {
            "campaign": campaign.name,
            "mode": campaign.mode.value,
            "settings": {key: getattr(campaign, key) for key in SETTINGS},
            "period": account_row(pace.account, self._engine.clock.now().utc),
            "decision": decision_row(row, campaign) if row else None,
            "failures": pace.failures,
            "shadow": shadow_row(pace.shadow) if pace.shadow else None,
            "learned": [
                {"node": node, **asdict(curve)}
                for node, found in pace.curves().items()
                for curve in found
            ],
        }

    async def explain(self, name: str, at: str | None) -> Json:
        """See EngineApi."""
        campaign = await self._campaign(name)
        when = parsed_time(at)
        running = self._engine.dialling.running.get(campaign.name)
        row = running.pace.decisions.at(when) if running else None
        if row is None:
            asked = when or self._engine.clock.now().utc
            row = await self._engine.store.decision_at(campaign.name, asked)
        if row is None:
            raise NotFound("no decision of that time is kept; decisions are kept for three days")
        return decision_row(row, campaign)

    async def campaign_changes(self, name: str, limit: int) -> list[Json]:
        """See EngineApi."""
        campaign = await self._campaign(name)
        rows = await self._engine.store.changes(campaign.name, limit)
        return [
            {"at": row.at.isoformat(), "who": row.who, "setting": row.setting, "before": row.before,
             "after": row.after}
            for row in rows
        ]  # fmt: skip

    # -- shadow and memory

    async def shadow(self, name: str, policy: str | None) -> Json:
        """See EngineApi."""
        running = self._running((await self._campaign(name)).name)
        if policy is not None:
            if policy != "none" and policy not in SHADOWS:
                raise BadValue(f"a shadow policy is one of {', '.join(SHADOWS)}, or none")
            if running.campaign.mode is DialMode.ROBOT or running.campaign.mode.for_one_agent:
                raise Conflict(
                    f"a campaign in mode {running.campaign.mode.value} has no lines for agents to compare"
                )
            mode = None if policy == "none" else DialMode(policy)
            running.pace.set_shadow(mode, self._engine.clock.now())
        found = running.pace.shadow
        return shadow_row(found) if found else dict.fromkeys(_SHADOW_KEYS) | {"policy": "none"}

    async def export_learned(self, name: str) -> Json:
        """See EngineApi."""
        campaign = await self._campaign(name)
        running = self._engine.dialling.running.get(campaign.name)
        learned = running.pace.memory() if running else None
        learned = learned or await self._engine.store.memory(
            campaign.name, DialMode.PREDICTIVE.value
        )
        if learned is None:
            raise NotFound(
                f"campaign {name!r} has learned nothing yet; it learns in mode predictive, and beside another"
                " mode with `dialer-engine pacing shadow`"
            )
        return learned

    async def import_learned(self, name: str, learned: Json, who: str) -> Json:
        """See EngineApi."""
        campaign = await self._campaign(name)
        running = self._running(campaign.name)
        running.pace.take_memory(learned)
        now = self._engine.clock.now().utc
        kept = running.pace.memory()
        if kept is not None:
            await self._engine.store.save_memory(
                campaign.name, DialMode.PREDICTIVE.value, kept, now
            )
        await self._note(campaign.name, who, [("learned", "", "imported")])
        return await self.pacing(name)

    # -- who changed what

    async def _note_changes(self, before: Campaign, after: Campaign, who: str) -> None:
        changed = [
            (one.name, str(getattr(before, one.name)), str(getattr(after, one.name)))
            for one in fields(Campaign)
            if getattr(before, one.name) != getattr(after, one.name)
        ]
        await self._note(after.name, who, changed)

    async def _note(
        self, name: CampaignName, who: str, changed: Sequence[tuple[str, str, str]]
    ) -> None:
        now = self._engine.clock.now().utc
        rows = [ChangeRow(name, now, who or _NOBODY, *one) for one in changed]
        for row in rows:
            log.info(
                "a setting of a campaign changed", campaign=name, who=row.who, setting=row.setting,
                before=row.before, after=row.after,
            )  # fmt: skip
        try:
            await self._engine.store.add_changes(rows)
        except StoreError as error:
            # The setting is written and in effect: say so, and keep the note in the log.
            log.error("who changed a setting was not noted in the store", error=str(error))

    # -- cases that one agent holds

    async def accept_case(self, agent_id: str) -> Json:
        """See EngineApi."""
        return offer_row(self._engine.offers.accept(self._engine.desk.agent(agent_id).state.agent))

    async def skip_case(self, agent_id: str, reason: str) -> Json:
        """See EngineApi."""
        agent = self._engine.desk.agent(agent_id).state.agent
        return offer_row(self._engine.offers.skip(agent, reason))

    async def dial_case(self, agent_id: str, campaign: str, reference: str) -> Json:
        """See EngineApi."""
        agent = self._engine.desk.agent(agent_id).state.agent
        found = await self._campaign(campaign)
        running = self._running(found.name)
        if not found.mode.for_one_agent:
            raise Conflict(f"campaign {campaign!r} dials by itself; its mode is {found.mode.value}")
        why = self._engine.dialling.obstacle(running)
        if why:
            raise Conflict(f"nothing may be dialled now: {why}")
        rules, now = self._engine.settings.rules, self._engine.clock.now().utc

        def day_of(zone: str | None) -> str:
            return local_day(zone, rules, now)

        candidate = await self._engine.store.candidate(found.name, reference, day_of)
        if any(
            c.candidate.case_id == candidate.case_id for c in self._engine.registry.calls.values()
        ):
            raise Conflict("this case is being called already")
        now = self._engine.clock.now().utc
        candidate = await self._engine.dialling.guide.named(found, candidate, now)
        await self._engine.counsel.learn([candidate], now)
        return offer_row(self._engine.offers.name(found.name, agent, candidate))

    def _running(self, name: CampaignName) -> Running:
        running = self._engine.dialling.running.get(name)
        if running is None:
            raise Conflict(f"this daemon does not run campaign {name!r}; start it first")
        return running


_SHADOW_KEYS = (
    "policy", "since", "decisions", "mean_lines_live", "mean_lines_shadow", "share_more", "share_fewer",
    "failures", "last",
)  # fmt: skip


def account_row(account: Account, now: datetime) -> Json:
    """The accounting period so far."""
    return {
        "kind": account.period.value,
        "live": account.live,
        "abandoned": account.abandoned,
        "rate": account.rate,
        "ends_at": account.ends_at.isoformat(),
        "left_s": round(account.left_s(now), 1),
    }


def decision_row(row: DecisionRow, campaign: Campaign) -> Json:
    """A decision with its sentences."""
    told = tell(row.why, row.originate, row.started, row.cancelled, row.numbers, campaign.target)
    shown = asdict(row) | {"at": row.at.isoformat(), "sentence": {"en": told.en, "zh": told.zh}}
    return dict(shown)


def shadow_row(shadow: Shadow) -> Json:
    """What a shadow would have done, beside what was done."""
    ticks = shadow.ticks or 1
    live, own = shadow.last or (None, None)
    return {
        "policy": shadow.mode.value,
        "since": shadow.since.utc.isoformat(),
        "decisions": shadow.ticks,
        "mean_lines_live": round(shadow.live_lines / ticks, 3),
        "mean_lines_shadow": round(shadow.shadow_lines / ticks, 3),
        "share_more": round(shadow.more / ticks, 4),
        "share_fewer": round(shadow.fewer / ticks, 4),
        "failures": shadow.failures,
        "last": {"live": _short(live), "shadow": _short(own)},
    }


def _short(decision: Decision | None) -> Json | None:
    if decision is None:
        return None
    return {"originate": decision.originate, "cancel": len(decision.cancel), "why": decision.why}


def offer_row(offer: Offer) -> Json:
    """A held case. No name and no number."""
    return {
        "agent": offer.agent,
        "campaign": offer.campaign,
        "reference": offer.candidate.reference,
    }


def parsed_time(text: str | None) -> datetime | None:
    """An aware time in UTC; None for none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{text!r} is not a time; write it as 2026-11-21T08:00:00+08:00") from None
    if found.tzinfo is None:
        raise BadValue(f"{text!r} has no offset; write it as 2026-11-21T08:00:00+08:00")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise BadValue(f"{text!r} is before the year 1 or after 9999 in UTC") from None
