"""`python -m tools.docs` is `python -m tools.docs.generate`."""

from __future__ import annotations

import sys

from tools.docs.generate import main

sys.exit(main(sys.argv[1:]))
