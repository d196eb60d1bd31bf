"""`make demo`: a real Asterisk dials several hundred invented people, and everything is checked at
the end.
"""
