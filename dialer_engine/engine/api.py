"""What the console, the command line and any other program may ask of a running daemon.

Rules: everything that goes in or comes out is plain data (dict, list, str, int, float, bool, None),
so that it can travel as JSON unchanged. Ids are str; points in time are ISO 8601 in UTC with an
offset; durations are seconds, `_ms` where the name says so. What goes wrong is a `DialerError`:
NotFound, Conflict, BadValue, StoreUnavailable. No method returns a full telephone number: numbers
come masked, except to the agent's own feed (`agent/<id>`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Protocol

from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.campaign import DialMode, Period
from dialer_engine.domain.errors import DialerError
from dialer_engine.engine.api_pacing import PacingApi

Json = dict[str, Any]

# What a client may send; web checks the names, the engine checks the values.
CAMPAIGN_FIELDS: dict[str, type] = {
    "mode": str,
    "ratio": float,
    "ring_timeout_s": float,
    "wait_limit_s": float,
    "wrap_up_s": float,
    "amd": bool,
    "skill": str,
    "strategy": str,
    "target": float,
    "period": str,
    "max_ringing_per_agent": float,
    "min_ring_s": float,
    "preview_timeout_s": float,
    "preview_dials": bool,
    "robot_channels": int,
    "robot_cps": float,
    "robot_message": str,
}
AGENT_FIELDS: dict[str, type] = {
    "id": str,
    "name": str,
    "phone": str,
    "pin": str,
    "skills": list,
    "mode": str,
    "node": str,
}
PERIODS: tuple[str, ...] = tuple(period.value for period in Period)
DIAL_MODES: tuple[str, ...] = tuple(mode.value for mode in DialMode)
AGENT_MODES: tuple[str, ...] = tuple(mode.value for mode in AgentMode)
LISTEN_MODES: tuple[str, ...] = ("listen", "whisper", "barge")
# Topics of the live feed; `agent/<id>` is the screen of one agent and is named explicitly.
TOPICS: tuple[str, ...] = ("calls", "agents", "campaigns", "alarms")


def error_code(kind: type[DialerError]) -> str:
    """What names this error to programs: `CampaignHeld` is `campaign_held`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def error_hint(kind: type[BaseException]) -> str:
    """What the operator is to do: the docstring of the class, on one line."""
    return " ".join((kind.__doc__ or "").split())


def error_class(code: str) -> type[DialerError]:
    """The class of a code, `DialerError` for one that this version does not know."""
    return next((kind for kind in _tree(DialerError) if error_code(kind) == code), DialerError)


def _tree(kind: type[DialerError]) -> Iterator[type[DialerError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


class EngineApi(PacingApi, Protocol):
    """The one door into the engine. The daemon provides it; `tests/web/fake_api.py` is its twin."""

    # -- the whole
    async def status(self) -> Json:
        """version, pid, started_at, uptime_s, state (running | draining | stopping),
        nodes [{name, connected, version, since, counters}],
        trunks [{name, node, in_use, max_channels, max_cps, breaker}],
        store {ok, detail}, disk (ok | slow | full), campaigns (as `campaigns`),
        calls {phase: count}, agents {line: {…}, presence: {…}},
        engine {inbox, events, illegal_transitions, shed}.
        """
        ...

    async def doctor(self) -> list[Json]:
        """[{check, level (ok | warn | fail), text, advice}]: the PBX, the store, the folders and
        the clock, looked at now.
        """
        ...

    async def reload(self) -> Json:
        """Read the configuration again: {changed: [{key, old, new, live}], needs_restart: [key]}.
        ConfigError, and nothing changed, when it is wrong.
        """
        ...

    async def shutdown(self, graceful: bool, limit_s: float | None) -> Json:
        """Begin to stop and return at once: {state, calls, limit_s}. Graceful: no new calls, wait
        for talks, at most limit_s (None: as configured).
        """
        ...

    # -- campaigns
    async def campaigns(self) -> list[Json]:
        """[{name, state, any of CAMPAIGN_FIELDS, holder, why (the pacer's or the gate's last reason not to
        dial), backlog {due, waiting, done, in_flight}, live {planned, ringing, waiting, talking}, today
        {attempts, answered, bridged, abandoned, abandonment_rate}, account (the accounting period so far, null when
        this daemon does not run it: {kind, live, abandoned, rate, ends_at, left_s})}].
        """
        ...

    async def campaign(self, name: str) -> Json:
        """One of `campaigns`; NotFound."""
        ...

    async def create_campaign(self, data: Json) -> Json:
        """name and any of CAMPAIGN_FIELDS; the new campaign, stopped. Conflict when it exists."""
        ...

    async def change_campaign(self, name: str, changes: Json, who: str = "") -> Json:
        """Any of CAMPAIGN_FIELDS, effective at the next pacing tick; the campaign after. Each change is noted
        with who made it (header `X-Dialer-User`; `api` without it).
        """
        ...

    async def start_campaign(self, name: str) -> Json:
        """Dial. CampaignHeld when another daemon runs it."""
        ...

    async def pause_campaign(self, name: str) -> Json:
        """No new calls; what rings or talks goes on. start_campaign goes on."""
        ...

    async def stop_campaign(self, name: str) -> Json:
        """As pause, and ringing calls are cancelled and the campaign is given back."""
        ...

    # -- agents
    async def agents(self) -> list[Json]:
        """[{id, presence, break_reason, line, since, attempt, campaign, skills, mode, node,
        today {talks, talk_s}}]. No names.
        """
        ...

    async def add_agent(self, data: Json) -> Json:
        """id and any of AGENT_FIELDS; Conflict when it exists. The PIN is hashed and never comes
        back.
        """
        ...

    async def login_agent(self, agent_id: str) -> Json:
        """The agent is ready; in mode nailed their phone is called."""
        ...

    async def logout_agent(self, agent_id: str) -> Json:
        """Now, or after the present talk."""
        ...

    async def pause_agent(self, agent_id: str, reason: str) -> Json:
        """A break: from now on, or after the present talk. BadValue when the reason is not one of
        the configured.
        """
        ...

    async def resume_agent(self, agent_id: str) -> Json:
        """Back from a break."""
        ...

    async def end_wrap_up(self, agent_id: str) -> Json:
        """Done with wrap-up before its limit; Conflict when not in wrap-up."""
        ...

    async def dispose(
        self, agent_id: str, code: str, note: str, attempt: str | None = None
    ) -> Json:
        """What became of the talk: {attempt, agent, code}. attempt None: the present or the last
        one of this agent; Conflict when there was none.
        """
        ...

    # -- calls
    async def calls(self, filter: Json) -> list[Json]:
        """Live calls [{attempt, campaign, phase, agent, since_s, node, trunk}]. filter: any of
        campaign, phase, agent, node, trunk.
        """
        ...

    async def call(self, attempt: str) -> Json:
        """Live and stored, number masked; NotFound."""
        ...

    async def call_history(
        self, campaign: str | None, limit: int, before: str | None
    ) -> list[Json]:
        """Attempts that the store has, newest first; before: the attempt id to go on from."""
        ...

    async def hangup_call(self, attempt: str) -> Json:
        """Hang up a live call; NotFound when it is not live."""
        ...

    async def payment_arrived(self, case_id: int) -> Json:
        """Money for this case was booked: {case, cancelled}. Its unanswered calls are cancelled at once;
        without this call within half a second, when the record of the store is read.
        """
        ...

    async def listen(self, agent_id: str, supervisor_phone: str, mode: str) -> Json:
        """Call the supervisor's phone and let it listen | whisper | barge; Conflict when the agent
        has no leg.
        """
        ...

    # -- figures and feed
    async def report(self, campaign: str | None, since: str | None, until: str | None) -> Json:
        """The fields of `domain.reports.Report`."""
        ...

    def subscribe(self, topics: Sequence[str]) -> AsyncIterator[Json]:
        """Messages from now on, each with `topic`, `seq` and `lost`: how many this subscriber missed
        before it, because it was slow. Close it (`aclose`) to unsubscribe.
        """
        ...
