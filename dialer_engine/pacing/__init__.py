"""How many calls now, and why. Pure: a snapshot in, a decision out. Controllers of every kind stand
behind one interface.
"""
