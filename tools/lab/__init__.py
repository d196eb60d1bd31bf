"""The laboratory: two Asterisks on this machine, one the PBX, one the world of carriers, people and agents' phones.

Rules of this package:
- Standard library and PyYAML only: it runs before the project's environment exists.
- Everything lives in one run directory; nothing on the machine is changed, and two labs can run
  side by side.
- The configuration is `docker/asterisk/pbx` and `docker/asterisk/world` as they are shipped; what
  differs from machine to machine (addresses, ports, secrets, folders, number of phones) is rendered
  into `site.d/` of a copy.
"""

from __future__ import annotations
