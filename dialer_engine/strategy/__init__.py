"""Which case next, on which number, and when again. Pure."""
