"""Which attempts never came as far as the person's number. Pure.

Rules: in doubt it came: ringing once is an attempt, and so is whatever nobody saw the end of. It never
came when all of this holds: no ringing and no answer was seen; we did not live through a restart since;
the PBX said that there is no channel, or the line refused with one of the causes or statuses below, which
say that the call found no way at all; and that came early. Such an attempt takes no token of any cap that
counts what reaches people; a carrier, which counts what reaches itself, still counts it
(`attempt_any_result`).

Not in the table, though the trunk is to blame (`domain.outcome`): SIP 502 and 504, Q.850 111, 127. They
come from behind another switch, and nobody knows how far the call had come by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dialer_engine.domain.attempt import AttemptEnd
from dialer_engine.domain.outcome import REFUSED_BY_PBX, Outcome

NEVER_BY_CAUSE: Final[Mapping[int, str]] = {
    2: "Q.850 2 no route to transit network",
    3: "Q.850 3 no route to destination",
    34: "Q.850 34 no circuit available",
    38: "Q.850 38 network out of order",
    41: "Q.850 41 temporary failure of the network",
    42: "Q.850 42 switching equipment congestion",
    44: "Q.850 44 requested circuit not available",
}
NEVER_BY_SIP: Final[Mapping[int, str]] = {
    401: "RFC 3261 21.4.2: the carrier wants authentication",
    407: "RFC 3261 21.4.8: the carrier wants authentication",
    500: "RFC 3398: cause 41",
    503: "RFC 3398: cause 41",
}
# A phone may ring behind early media (183) without our hearing of it. A refusal that comes later than
# 95 % of local calls begin to ring may be of such a call (ITU-T E.721, post-selection delay: 6 s).
EARLY_S: Final = 6.0
_OUTCOMES: Final = frozenset({Outcome.CONGESTION, Outcome.FAILED})


def never_came(end: AttemptEnd) -> str:
    """Why the call cannot have come to the person's number; empty when it may have."""
    heard = (end.ringing_at, end.answered_at, end.bridged_at)
    if end.originated_at is None or end.recovered or any(heard) or end.outcome not in _OUTCOMES:
        return ""
    if not 0.0 <= (end.ended_at - end.originated_at).total_seconds() < EARLY_S:
        return ""
    if end.detail == REFUSED_BY_PBX:
        return REFUSED_BY_PBX
    if end.sip is not None:
        return NEVER_BY_SIP.get(end.sip, "")
    return NEVER_BY_CAUSE.get(end.cause, "")
