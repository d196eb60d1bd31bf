"""Which case comes next, and when a number is tried again."""
