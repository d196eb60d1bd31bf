"""A whole site on one machine: the laboratory's two Asterisks, a store, a daemon, agents and
invented debtors.

The demo, the real-PBX tests, the benchmark and the soak all stand on it, so that they run what a
user runs: the `dialer-engine` command as a process of its own, steered over its socket.
"""
