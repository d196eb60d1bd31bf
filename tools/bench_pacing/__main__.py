"""`python -m tools.bench_pacing [--short]`."""

from __future__ import annotations

import sys

from tools.bench_pacing.main import main

if __name__ == "__main__":  # the worker processes import this module too
    sys.exit(main(sys.argv[1:]))
