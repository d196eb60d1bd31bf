"""The alarms of machines: one of each kind for each call or agent. An alarm becomes an event in the
inbox, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from dialer_engine.domain import events as ev
from dialer_engine.domain.commands import Arm, Timer
from dialer_engine.domain.units import AgentId, AttemptId
from dialer_engine.ports.clock import Alarm, Clock

_EVENT: dict[Timer, Callable[[str], ev.CallEvent | ev.AgentEvent]] = {
    Timer.RING: lambda subject: ev.RingExpired(AttemptId(subject)),
    Timer.WAIT: lambda subject: ev.WaitExpired(AttemptId(subject)),
    Timer.WRAP_UP: lambda subject: ev.WrapUpDone(AgentId(subject)),
    Timer.CALLBACK: lambda subject: ev.CallbackDue(AgentId(subject)),
}


class Timers:
    """Armed alarms by subject and kind."""

    def __init__(self, clock: Clock, post: Callable[[ev.CallEvent | ev.AgentEvent], None]) -> None:
        self._clock = clock
        self._post = post
        self._armed: dict[tuple[str, Timer], Alarm] = {}

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, command: Arm) -> None:
        """Set or move an alarm."""
        key = (str(command.subject), command.timer)
        self.disarm(*key)
        self._armed[key] = self._clock.later(command.after, lambda: self._ring(key))

    def disarm(self, subject: str, timer: Timer) -> None:
        """Take an alarm back; no harm when there is none."""
        alarm = self._armed.pop((subject, timer), None)
        if alarm is not None:
            alarm.cancel()

    def clear(self) -> None:
        """Take all back."""
        for alarm in self._armed.values():
            alarm.cancel()
        self._armed.clear()

    def _ring(self, key: tuple[str, Timer]) -> None:
        self._armed.pop(key, None)
        self._post(_EVENT[key[1]](key[0]))
