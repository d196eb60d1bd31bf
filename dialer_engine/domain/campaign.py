"""A campaign: which cases, how they are dialled, and within which limits."""

from __future__ import annotations

import re
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
    """How many calls for how many agents. The pacing room has one pacer for each.

    predictive: as many calls as the target for abandoned answers allows. progressive: one for each
    available agent. ratio: `ratio` lines for each available agent. preview: an agent sees the case
    first, and it is dialled for them when they accept it. manual: an agent dials a case of the list
    that they name. robot: no agents; answered calls hear a message.
    """

    PREDICTIVE = "predictive"
    PROGRESSIVE = "progressive"
    RATIO = "ratio"
    PREVIEW = "preview"
    MANUAL = "manual"
    ROBOT = "robot"

    @property
    def for_one_agent(self) -> bool:
        """Each call is for an agent who was named before it was dialled."""
        return self in (DialMode.PREVIEW, DialMode.MANUAL)


# Modes that can run without dialling, beside the one that does.
SHADOWS: tuple[DialMode, ...] = (DialMode.PREDICTIVE, DialMode.PROGRESSIVE, DialMode.RATIO)


class Period(StrEnum):
    """Over what abandoned answers are counted, by the calendar of the site. 47 CFR 64.1200(a)(7) counts
    30 days for each campaign; a day is stricter, and what a supervisor sees.
    """

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


# More than ten lines an agent is no pacing any more: VICIdial's own ceiling is 3 by default and 20
# at most.
_MAX_RATIO = 10.0
# Above this share no regulator and no creditor follows any more; it is a typing error (3 for 0.03).
_MAX_TARGET = 0.2
_MAX_CHANNELS = 10_000
# What Asterisk takes as the name of a sound: paths and names joined by '&', and nothing that a dialplan
# or a manager reads as more than a name.
_MESSAGE = re.compile(r"(?:[\w./-]+(?:&[\w./-]+)*)?", re.ASCII)
# setting: (lowest, highest, unit).
_LIMITS: dict[str, tuple[float, float, str]] = {
    "ratio": (1.0, _MAX_RATIO, ""),
    "ring_timeout_s": (1.0, 120.0, " s"),
    "wait_limit_s": (0.1, 30.0, " s"),
    "wrap_up_s": (0.0, 3600.0, " s"),
    "target": (0.0, _MAX_TARGET, " (a share: 0.03 is 3 %)"),
    "max_ringing_per_agent": (1.0, 100.0, ""),
    "min_ring_s": (0.0, 120.0, " s"),
    "preview_timeout_s": (5.0, 3600.0, " s"),
    "robot_channels": (1, _MAX_CHANNELS, ""),
    "robot_cps": (0.01, 1000.0, " calls a second"),
}


@dataclass(frozen=True, slots=True)
class Campaign:
    """Settings of one campaign. ratio: lines for each available agent in mode RATIO.
    ring_timeout_s: how long a number rings. wait_limit_s: the abandonment limit. skill: agents need
    it, empty for any. strategy: name of the retry table.

    target: abandoned live answers over all live answers of the `period`, at most (mode PREDICTIVE).
    max_ringing_per_agent: lines ringing for each agent at work, at most. min_ring_s: nobody is hung
    up on earlier than this (16 CFR 310.4(b)(4)(ii)), save when agents vanish. preview_timeout_s: so
    long an agent may look at a case; then it is dialled (preview_dials) or skipped. robot_channels,
    robot_cps: calls at once and calls a second without agents, at most. robot_message: sounds that
    are played to who answers, joined by '&'; empty for the PBX's own.
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
    target: float = 0.03
    max_ringing_per_agent: float = 12.0
    min_ring_s: float = 15.0
    period: Period = Period.DAY
    preview_timeout_s: float = 60.0
    preview_dials: bool = False
    robot_channels: int = 10
    robot_cps: float = 1.0
    robot_message: str = ""

    def __post_init__(self) -> None:
        for setting, (low, high, unit) in _LIMITS.items():
            value = getattr(self, setting)
            if not low <= value <= high:  # so that not-a-number is refused too
                raise BadValue(f"{setting} must be between {low:g} and {high:g}{unit}, not {value}")
        if not _MESSAGE.fullmatch(self.robot_message):
            raise BadValue(
                "robot_message is names of sounds joined by '&', of letters, digits and . / - _"
            )

    def with_state(self, state: CampaignState) -> Campaign:
        """The same campaign in another state."""
        return replace(self, state=state)
