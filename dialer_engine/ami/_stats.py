"""What a link counts. Plain numbers: the metrics page and `doctor` read them, nothing decides by
them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class LinkStats:
    """Counters of one link since the daemon started; they outlive reconnects. All count up, none is
    ever reset."""

    bytes_in: int = 0
    bytes_out: int = 0

    events_in: int = 0
    """Events that passed the filter and were decoded."""
    events_filtered: int = 0
    """Events that came although nobody wants them: add an `eventfilter` to manager.conf."""
    events_delivered: int = 0
    events_shed_cheap: int = 0
    """Thrown away under flood; the engine lost nothing that it counts on."""
    events_shed_state: int = 0
    """Lost under flood although state hangs on them. Each gap they make is one of `desyncs`."""
    shed_by_event: Counter[str] = field(default_factory=Counter)
    desyncs: int = 0
    queue_peak: int = 0
    handler_errors: int = 0

    garbage: int = 0
    """Blocks that are neither event nor response."""
    oversized: int = 0
    """Messages above the size limit."""

    actions_sent: int = 0
    actions_answered: int = 0
    actions_timed_out: int = 0
    actions_lost: int = 0
    """Under way when the link broke; what became of them is unknown."""
    actions_cancelled: int = 0
    actions_refused_here: int = 0
    """Never sent: no link, congestion, or a value that could not be sent."""
    answers_too_large: int = 0
    late_answers: int = 0
    """Answers to actions that had timed out or were cancelled. Counted and dropped."""

    connects: int = 0
    """Sessions that got as far as a login."""
    connect_failures: int = 0
    logins_refused: int = 0
    links_lost: int = 0
    pongs_missed: int = 0
    half_open: int = 0
    """Links cut because Ping was not answered."""
