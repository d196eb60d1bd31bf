"""Pure nouns and state machines of the dialer.

Rules of this room: nothing here awaits, reads a clock, draws a random number, or knows what a PBX,
a database or a screen is. Time comes in as a :class:`~dialer_engine.domain.units.Moment`; what is
to be done comes out as commands.
"""
