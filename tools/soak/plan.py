"""What the soak does: how many people, at what speed of life, and how much growth is none."""

from __future__ import annotations

from typing import Any

from tools.soak.trend import Allowance

AGENTS = 30
CASES = 6000
SEED = 20261121
CALLS_PER_SECOND = 10.0
LOOK_S = 10.0
# Looks from one `malloc trim` of Asterisk to the next: a minute.
TRIM_EVERY = 6
RING_TIMEOUT_S = 6.0
CAMPAIGN = "soak"
# Cases come back for ever, so each number is dialled more often than the law would have it.
CHANGES: dict[str, Any] = {
    "compliance.daily_cap": 100,
    "compliance.window_start": "00:00",
    "compliance.window_end": "23:59",
    "daemon.log_level": "warning",
    # A cache that is full before the second half begins: it grows with the database, as it should.
    "store.sqlite_cache_mib": 2,
    "recordings.slow_free_mib": 2000,
    "recordings.stop_free_mib": 1000,
}
SETTINGS: dict[str, Any] = {
    "mode": "ratio",
    "ratio": 8.0,
    "ring_timeout_s": RING_TIMEOUT_S,
    "wrap_up_s": 0.5,
}
# The mix of the laboratory, with talks and ringing at about twenty times their speed: at ten calls
# a second four people in ten answer, and thirty agents talk most of the time.
WORLD: dict[str, Any] = {
    "seed": SEED,
    "ring": {"median": 1.2, "sigma": 0.5, "min": 0.2, "max": 5.0},
    "talk": {"median": 2.2, "sigma": 0.6, "min": 0.8, "max": 12.0},
    "machine": {"pause": 0.6, "listens": 2.0},
    "silence": {"lasts": 2.0},
    "cancel_cross": {"dial_timeout": RING_TIMEOUT_S, "spread": 0.1},
}
# Growth in an hour that is still none. Memory: a share, for an allocator is never quite done; the
# others: a few pieces, for they breathe with the load. Asterisk's memory is judged in pbx.py. Memory
# of ours is what no file stands behind (`machine.own_memory`): resident memory fell by 4 MiB and came
# back within an hour, as the kernel took the pages of libraries and gave them again.
ALLOWED: dict[str, Allowance] = {
    "daemon own MiB": Allowance(4.0, 0.04),
    "converter own MiB": Allowance(2.0, 0.04),
    "daemon threads": Allowance(1.0),
    "daemon files": Allowance(2.0),
    "tasks": Allowance(3.0),
    "timers": Allowance(5.0),
    "inbox": Allowance(2.0),
    "store pending": Allowance(5.0),
    "calls": Allowance(5.0),
    "trunk channels": Allowance(5.0),
    "store open attempts": Allowance(5.0),
    "pbx channels": Allowance(5.0),
    "asterisk threads": Allowance(5.0),
    "asterisk files": Allowance(10.0),
}
# What must be nought at the end, when every call is over.
MUST_BE_NONE = ("failures", "illegal", "shed")
