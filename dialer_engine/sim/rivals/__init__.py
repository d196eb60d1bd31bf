"""How other dialers pace: the baselines that our controller is measured against, on one simulator.

Rules: each is written from its published formulas (../shared/pacing-baselines.md) and from nothing
else; it keeps its own clocks by `snapshot.at`; it may not see more than the formulas ask for; the cap
on ringing lines for each agent, the room of the trunks and "nobody logged in, nothing dialled" hold
for all alike. None of them cancels a call. They are here to be compared with, not to be used.
"""
