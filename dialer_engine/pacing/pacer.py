"""The policy of each mode, and the two simplest: lines in a fixed ratio to available agents, and one
for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.errors import BadValue
from dialer_engine.pacing.cancelling import youngest
from dialer_engine.pacing.guard import Guarded
from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.robot import Robot
from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Decision, News, Pacer, Snapshot


class FixedRatio:
    """`ratio` lines for each available agent: new = floor(ratio * idle) - lines in flight.

    Calls that already wait for an agent count as lines, so that a rush of answers stops the
    dialling. Lines for which there is no agent any more are cancelled: what the ratio allows for all
    who work here is the most that can be needed.
    """

    def __init__(
        self, ratio: float, max_ringing_per_agent: float = 12.0, min_ring_s: float = 15.0
    ) -> None:
        if not ratio >= 1.0:  # so that not-a-number is refused too
            raise BadValue(f"pacing ratio must be at least 1, not {ratio}")
        self.ratio = ratio
        self.max_ringing_per_agent = max_ringing_per_agent
        self.min_ring_s = min_ring_s

    def decide(self, snapshot: Snapshot) -> Decision:
        """See the class."""
        each = min(self.ratio, self.max_ringing_per_agent)
        in_flight = snapshot.in_flight
        # A hair of tolerance, so that 1.1 * 10 is 11 lines in floating point too.
        wanted = max(0, int(each * snapshot.idle + 1e-9) - in_flight)
        granted = max(0, min(wanted, snapshot.room))
        excess = in_flight - int(each * self._may_need(snapshot) + 1e-9)
        cancel = youngest(snapshot.ringing, excess, self.min_ring_s)
        numbers = {
            "idle": snapshot.idle,
            "in_flight": in_flight,
            "ratio": self.ratio,
            "wanted": wanted,
        }
        return Decision(granted, self._why(snapshot, wanted, granted), numbers, cancel)

    def _may_need(self, snapshot: Snapshot) -> int:
        """Agents whose lines these may be: an answer takes one from the idle and leaves the lines that
        were dialled for them.
        """
        return snapshot.staffed

    def learn(self, news: News) -> None:
        """A ratio learns nothing."""

    def memory(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}

    def _why(self, snapshot: Snapshot, wanted: int, granted: int) -> str:
        if snapshot.idle == 0:
            return "no agent is available"
        if granted < wanted:
            return f"{wanted} wanted, the trunks have room for {granted}"
        lines = "1 line" if self.ratio == 1 else f"{self.ratio:g} lines"
        return f"{lines} for each available agent, of whom there are {snapshot.idle}"


class Progressive(FixedRatio):
    """One line for each available agent: nobody who answers can be left without one, save by an
    agent who vanishes, and then a line is cancelled.
    """

    def __init__(self, min_ring_s: float = 15.0) -> None:
        super().__init__(1.0, min_ring_s=min_ring_s)

    def _may_need(self, snapshot: Snapshot) -> int:
        return snapshot.idle


class ByHand:
    """Calls are named by agents: a case for each available agent to look at (preview), or none until
    they dial one (manual).
    """

    def __init__(self, shows: bool) -> None:
        self._shows = shows

    def decide(self, snapshot: Snapshot) -> Decision:
        """originate: cases to be shown now. Calls in flight have their agents already."""
        if not self._shows:
            return Decision(0, "agents dial by hand", {"idle": snapshot.idle})
        shown = snapshot.idle if snapshot.room > 0 else 0
        why = f"a case to look at for each available agent, of whom there are {snapshot.idle}"
        return Decision(shown, why if snapshot.idle else "no agent is available",
                        {"idle": snapshot.idle})  # fmt: skip

    def learn(self, news: News) -> None:
        """Nothing to learn."""

    def memory(self) -> dict[str, Any]:
        """Nothing was learned."""
        return {}


def settings_of(campaign: Campaign) -> PacingSettings:
    """What the campaign asks of its pacing."""
    return PacingSettings(
        target=campaign.target,
        wait_limit_s=campaign.wait_limit_s,
        ring_timeout_s=campaign.ring_timeout_s,
        min_ring_s=min(campaign.min_ring_s, campaign.ring_timeout_s),
        max_ringing_per_agent=campaign.max_ringing_per_agent,
    )


def pacer_for(
    campaign: Campaign, memory: Mapping[str, Any] | None = None, mode: DialMode | None = None
) -> Pacer:
    """The policy of a campaign's mode, or of another mode with the same settings. memory: what such a
    policy learned before; BadValue when it cannot be read.
    """
    mode = mode or campaign.mode
    if mode is DialMode.ROBOT:
        return Robot(campaign.robot_channels, campaign.robot_cps)
    if mode.for_one_agent:
        return ByHand(shows=mode is DialMode.PREVIEW)
    if mode is DialMode.PROGRESSIVE:
        return Guarded(Progressive(campaign.min_ring_s))
    if mode is DialMode.RATIO:
        most, least = campaign.max_ringing_per_agent, campaign.min_ring_s
        return Guarded(FixedRatio(campaign.ratio, most, least))
    return Guarded(_predictive(campaign, memory), campaign.max_ringing_per_agent)


def _predictive(campaign: Campaign, memory: Mapping[str, Any] | None) -> Predictive:
    try:
        return Predictive(settings_of(campaign), dict(memory) if memory else None)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BadValue(f"what was learned cannot be read: {error!r}") from error
