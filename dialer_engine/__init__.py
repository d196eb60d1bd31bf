"""dialer_engine: an outbound dialling daemon for Asterisk and FreeSWITCH.

How the rooms are laid out is written in `docs/design.md`. The version is written here and nowhere else:
setup.cfg, the command line and the API read it from this line.
"""

from __future__ import annotations

__version__ = "0.1.0"
