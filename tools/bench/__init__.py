"""`make bench`: what the engine does in a second, each figure beside a bare loop's on the same AMI
socket, in the same run.

Rules: a timing never fails; every figure stands with the machine and its load; both sides dial the
same numbers over the same dialplan, in turns, and one observer with a link of its own measures both
by the PBX's own clock.
"""
