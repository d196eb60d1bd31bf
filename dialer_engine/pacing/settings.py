"""What a campaign asks of its pacing.

Four of these a supervisor sets (`target`, `wait_limit_s`, `max_ringing_per_agent`, `min_ring_s`); the
rest follow from them or from what was learned.
"""

from __future__ import annotations

from dataclasses import dataclass

from dialer_engine.domain.errors import BadValue

# Above this share of abandoned answers no regulator and no creditor follows any more; it is a typing
# error (3 for 0.03).
_MAX_TARGET = 0.2


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """target: abandoned live answers over all live answers of the accounting period, at most (0.03 is
    47 CFR 64.1200(a)(7)). wait_limit_s: an answered call without an agent for so long is abandoned.
    ring_timeout_s: how long a number rings. min_ring_s: nobody who might answer is hung up on earlier
    than this (16 CFR 310.4(b)(4)(ii): 15 s or four rings), save when agents vanish. max_ringing_per_agent:
    lines ringing for each agent at work, at most.
    """

    target: float = 0.03
    wait_limit_s: float = 2.0
    ring_timeout_s: float = 25.0
    min_ring_s: float = 15.0
    max_ringing_per_agent: float = 12.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.target <= _MAX_TARGET:
            raise BadValue(
                f"the abandonment target is a share between 0 and {_MAX_TARGET:g}, not {self.target}"
            )
        if not 0.1 <= self.wait_limit_s <= 30.0:
            raise BadValue(f"wait_limit_s must be between 0.1 and 30 s, not {self.wait_limit_s}")
        if not 1.0 <= self.ring_timeout_s <= 120.0:
            raise BadValue(f"ring_timeout_s must be between 1 and 120 s, not {self.ring_timeout_s}")
        if not 0.0 <= self.min_ring_s <= 120.0:
            raise BadValue(f"min_ring_s must be between 0 and 120 s, not {self.min_ring_s}")
        if not 1.0 <= self.max_ringing_per_agent <= 100.0:
            raise BadValue(
                f"max_ringing_per_agent must be between 1 and 100, not {self.max_ringing_per_agent}"
            )
