"""The store at size: import, choosing the next cases, the gate. See `python -m tools.bench_store --help`."""
