"""The one mutable centre. One queue, one consumer; machines step, effects carry out.

Rules: no adapter is imported here; nothing on the path from answer to bridge awaits the store;
every task is started by `tasks.Tasks`, so that none is lost and none fails in silence.
"""
