"""What systemd wants to be told: ready, alive, reloading, stopping (sd_notify(3)).

Rules: one datagram a message to $NOTIFY_SOCKET; without it (a terminal, a container) every call does nothing and says
so by returning False; a failure to notify never disturbs a call.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

# sd_watchdog_enabled(3): notify at half of the limit.
_WATCHDOG_SHARE = 0.5
_MICRO = 1_000_000


class Notifier:
    """The way to systemd, if it started us."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        env = os.environ if env is None else env
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(env)

    def ready(self, status: str = "") -> bool:
        """Started, or done with reloading."""
        return self._send(READY=1, STATUS=status)

    def reloading(self) -> bool:
        """A reload began; `ready` must follow."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        return self._send(RELOADING=1, MONOTONIC_USEC=now)

    def stopping(self, status: str = "") -> bool:
        """The stop began."""
        return self._send(STOPPING=1, STATUS=status)

    def extend(self, seconds: float, status: str = "") -> bool:
        """The stop (or start) takes longer: do not kill before `seconds` from now."""
        return self._send(EXTEND_TIMEOUT_USEC=int(seconds * _MICRO), STATUS=status)

    def status(self, text: str) -> bool:
        """One line for `systemctl status`. No personal data."""
        return self._send(STATUS=text)

    def alive(self) -> bool:
        """Feed the watchdog; call it at least every `watchdog_s` seconds, from the loop that must not hang."""
        return self._send(WATCHDOG=1)

    def _send(self, **fields: object) -> bool:
        if self._address is None:
            return False
        lines = [f"{key}={_one_line(value)}" for key, value in fields.items() if value != ""]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


def _address(text: str) -> str | None:
    """A path, or `@name` of the abstract name space; anything else (vsock) is not ours."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_s(env: Mapping[str, str]) -> float | None:
    """How often to call `alive`, in seconds; None when systemd does not watch this process."""
    micro = env.get("WATCHDOG_USEC", "")
    for_us = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(micro) / _MICRO * _WATCHDOG_SHARE if micro.isdigit() and for_us else None
