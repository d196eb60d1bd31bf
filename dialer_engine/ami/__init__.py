"""Asterisk: wire (bytes and messages), translate (messages and domain), link (I/O).

Import the parts by their names here; `link` alone touches the network and panoramisk.
"""

from __future__ import annotations

from dialer_engine.ami._config import STATE_BEARING as STATE_BEARING
from dialer_engine.ami._config import WANTED as WANTED
from dialer_engine.ami._config import AmiConfig as AmiConfig
from dialer_engine.ami._config import Auth as Auth
from dialer_engine.ami._config import LinkState as LinkState
from dialer_engine.ami._config import LinkStatus as LinkStatus
from dialer_engine.ami._pending import AmiList as AmiList
from dialer_engine.ami._stats import LinkStats as LinkStats
from dialer_engine.ami._tls import AmiTls as AmiTls
from dialer_engine.ami.wire import AmiMessage as AmiMessage
from dialer_engine.ami.wire import action_tag as action_tag
