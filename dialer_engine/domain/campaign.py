"""A campaign: which cases, how they are dialled, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName


class CampaignState(StrEnum):
    """started: dials. paused: does not dial, talks go on. stopped: over until it is started
    again.
    """

    STARTED = "started"
    PAUSED = "paused"
    STOPPED = "stopped"


class DialMode(StrEnum):
    """How many calls for how many agents. The pacing room has one pacer for each."""

    PROGRESSIVE = "progressive"
    RATIO = "ratio"


# More than ten lines an agent is no pacing any more: VICIdial's own ceiling is 3 by default and 20
# at most.
_MAX_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class Campaign:
    """Settings of one campaign. ratio: lines for each available agent in mode RATIO.
    ring_timeout_s: how long a number rings. wait_limit_s: the abandonment limit. skill: agents need
    it, empty for any. strategy: name of the retry table.
    """

    name: CampaignName
    mode: DialMode = DialMode.PROGRESSIVE
    ratio: float = 1.0
    ring_timeout_s: float = 25.0
    wait_limit_s: float = 2.0
    wrap_up_s: float = 20.0
    amd: bool = False
    skill: str = ""
    strategy: str = "default"
    state: CampaignState = CampaignState.STOPPED

    def __post_init__(self) -> None:
        if not 1.0 <= self.ratio <= _MAX_RATIO:
            raise BadValue(f"ratio must be between 1 and {_MAX_RATIO:g}, not {self.ratio}")
        if not 1.0 <= self.ring_timeout_s <= 120.0:
            raise BadValue(f"ring_timeout_s must be between 1 and 120 s, not {self.ring_timeout_s}")
        if not 0.1 <= self.wait_limit_s <= 30.0:
            raise BadValue(f"wait_limit_s must be between 0.1 and 30 s, not {self.wait_limit_s}")
        if not 0.0 <= self.wrap_up_s <= 3600.0:
            raise BadValue(f"wrap_up_s must be between 0 and 3600 s, not {self.wrap_up_s}")

    def with_state(self, state: CampaignState) -> Campaign:
        """The same campaign in another state."""
        return replace(self, state=state)
