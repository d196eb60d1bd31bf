"""Pages of docs/ that are taken from the code."""
