"""Where each value stands in the arrays of the world (`_world.World`). Times in seconds of the day."""

from __future__ import annotations

# Draws of a call (`draws.calls`).
D_LIVE, D_RING, D_FAILED_END, D_FAILED_RING, D_TALK, D_WRAP, D_GROUP, D_PATIENCE = range(8)
D_AMD, D_LOST, D_PASSED, D_MACHINE_TALK = range(8, 12)
D_COUNT = 12

# Lists that a call is in, and their sentinels in `call_links`; calls are the rows from CALL_0 on.
FREE, RINGING, CLASSIFYING, WAITING = range(4)
CALL_0 = 4
# Columns of `calls`. C_END: CallEnd as it truly is; C_SAYS: as the dialler is told.
C_START, C_ANSWER, C_RING, C_LIST, C_END, C_SAYS, C_TALK, C_WRAP, C_GROUP, C_PATIENCE, C_AMD = (
    range(11)
)
C_SEQ = 11
C_COUNT = 12

# States of an agent, and their sentinels in `agent_links`; agents are the rows from AGENT_0 on. They are
# also the columns of `series` in which their seconds are summed.
OFF, IDLE, TALKING, WRAPPING, AWAY = range(5)
AGENT_0 = 5
A_SINCE, A_WRAP, A_GROUP, A_PLAN, A_SEQ = range(5)
A_COUNT = 5

# Plan of an agent: wants to leave at P_AT, for P_FOR seconds or until P_UNTIL (the other is inf).
P_AT, P_FOR, P_UNTIL = range(3)

# Counts in `series`, beside the seconds.
S_ATTEMPTS, S_LIVE, S_ABANDONED, S_CANCELLED = range(5, 9)
S_COUNT = 9

# Kinds of events.
E_CALL, E_AGENT, E_LEAVE = range(3)

# Whole numbers in `counts`.
(N_HEAP, N_SEQ, N_ATTEMPTS, N_LIVE, N_ABANDONED, N_CONNECTED, N_CANCELLED, N_EARLY) = range(8)
(N_LEFT, N_LOST, N_PASSED, N_HUNG_UP) = range(8, 12)
N_ENDS = 12  # seven counters on, one for each CallEnd
N_NEWS = 19  # five counters on, one for each kind of news
N_COUNT = 24

# Floats in `sums`.
F_NOW, F_WAIT, F_IDLE, F_DAY, F_BIN, F_LIMIT, F_MIN_RING, F_CONGESTION = range(8)
F_COUNT = 8

# Kinds of news, and their columns.
NEWS_CALL, NEWS_AMD, NEWS_TALK, NEWS_WRAP, NEWS_PATIENCE = range(5)
W_SECONDS, W_MARK, W_END = range(3)
