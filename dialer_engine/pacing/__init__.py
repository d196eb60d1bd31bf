"""How many calls to add now, and why: a snapshot in, a number out."""
