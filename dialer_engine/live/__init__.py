"""Redis and its in-process twin: leases, presence, feeds."""
