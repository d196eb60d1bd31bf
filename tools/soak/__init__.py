"""`make soak`: an hour of steady load on a real PBX, and a look every ten seconds for what grows
that should not: memory, tasks, timers, file handles, calls that only one side believes in.

Rules: the daemon is a process of its own, as in production; what is judged is the trend of the
second half, when everything that fills up once has filled up; a ghost is a call that one side has
and another has not, in two looks in a row.
"""
