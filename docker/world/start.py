"""Writes the world's configuration and voices, then becomes its Asterisk.

Fixed ports, at 127.0.0.2: carrier 5070 (and 5071, which wants digest), phones 5090. The PBX is expected at
127.0.0.1:5060. From the environment: DIALER_AGENTS, DIALER_AGENT_SECRET, DIALER_WORLD_TIME_SCALE (10: rings and talks
take a tenth of their time).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tools.lab.mix import load_mix
from tools.lab.ports import Ports
from tools.lab.render import SOURCE, Site, phone_numbers, render
from tools.lab.speech import make_speech

RUN = Path("/lab")
SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PORTS = Ports(
    pbx_ami=5038,
    pbx_sip=5060,
    world_ami=5048,
    carrier_a=5070,
    carrier_b=5071,
    phones=5090,
    pbx_rtp=(10000, 19999),
    world_rtp=(20000, 31999),
)


def main() -> None:
    """Never returns."""
    agents = int(os.environ.get("DIALER_AGENTS") or 0)
    site = Site(
        run_dir=RUN,
        ports=PORTS,
        phones=phone_numbers(agents, ()),
        pbx_secret=secrets.token_hex(16),
        world_secret=secrets.token_hex(16),
        sip_secret=os.environ.get("DIALER_AGENT_SECRET") or secrets.token_hex(16),
    )
    scale = float(os.environ.get("DIALER_WORLD_TIME_SCALE") or 1)
    render(site, load_mix(SOURCE / "world" / "mix.yaml", {"time_scale": scale}))
    make_speech(SOUNDS, site.speech)
    config = str(site.etc("world") / "asterisk.conf")
    os.execvp("asterisk", ["asterisk", "-f", "-C", config])


if __name__ == "__main__":
    main()
