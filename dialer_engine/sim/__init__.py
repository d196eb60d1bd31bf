"""A virtual PBX, callers and agents on a virtual clock, behind the same ports."""
