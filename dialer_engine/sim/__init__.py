"""Virtual twins of what surrounds the engine: a clock that jumps, a PBX that follows a script, a store and
recordings in memory. They stand behind the same ports as the real ones, and record what was asked.

Tests and simulations are made of them; nothing here reaches a network, a disk or a real clock.
"""
