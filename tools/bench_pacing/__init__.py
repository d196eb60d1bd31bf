"""`make bench-pacing`: the controller, the rules of other dialers and two bounds on one simulator.

Rules: every policy meets the same persons (common random numbers); a timing never fails; every figure
stands with its number of days and its interval; what the issue says beside what we measured. The bounds
are here and not in the package, because only the benchmark needs them and one of them needs scipy; the
rivals are in `dialer_engine.sim.rivals`.
"""
