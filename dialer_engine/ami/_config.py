"""Settings of one link, and the TLS context made from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from dialer_engine.ami._tls import AmiTls
from dialer_engine.ami.wire import MAX_MESSAGE_BYTES

# The engine's state hangs on these: of a flood they are the last to be shed.
STATE_BEARING: Final = frozenset(
    {
        "BridgeEnter",
        "BridgeLeave",
        "FullyBooted",
        "Hangup",
        "Newstate",
        "OriginateResponse",
        "Shutdown",
        "UserEvent",
    }
)
# What the dialplan contract lets through (docker/asterisk/pbx, manager.conf eventfilter).
WANTED: Final = STATE_BEARING | {"ContactStatus", "DTMFEnd", "DeviceStateChange", "Registry"}


class Auth(Enum):
    """How the secret is shown to the PBX. MD5 never sends it in clear; PLAIN is for a link under
    TLS."""

    MD5 = "md5"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class AmiConfig:
    """One PBX node. Times are in seconds, sizes in bytes."""

    host: str
    username: str
    secret: str = field(repr=False)
    port: int = 5038
    node: str = "pbx"
    auth: Auth = Auth.MD5
    tls: AmiTls | None = None
    connect_timeout: float = 5.0
    # Asterisk sleeps one second before it refuses (main/manager.c, action_login).
    login_timeout: float = 10.0
    ping_interval: float = 10.0
    ping_deadline: float = 5.0
    # A PBX that sends events but has stopped to answer is given this many Pings; a silent one gets
    # a single one.
    missed_pongs: int = 3
    reconnect_first: float = 0.5
    reconnect_cap: float = 30.0
    # fail2ban's defaults ban at 5 failures in 10 minutes; a wait of 150 to 300 s makes 4 at most.
    refused_retry: float = 300.0
    # A session that lived this long ends the growth of the back-off.
    stable_after: float = 10.0
    wanted: frozenset[str] | None = WANTED
    max_message: int = MAX_MESSAGE_BYTES
    queue_events: int = 20_000
    queue_bytes: int = 32 << 20
    max_pending: int = 10_000
    max_write_buffer: int = 1 << 20
    max_list_items: int = 100_000


class LinkState(Enum):
    """Where a link is. `UP` means logged in; whether the PBX is fully booted it says by its own
    event. `LOST` is told in the moment an `UP` link breaks, before any action fails by it."""

    IDLE = "idle"
    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"
    WAITING = "waiting"
    REFUSED = "refused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """What `on_state` is told. `reason` is the error that led here (None if none did); `retry_in`
    seconds to the next try."""

    state: LinkState
    reason: Exception | None = None
    retry_in: float | None = None
