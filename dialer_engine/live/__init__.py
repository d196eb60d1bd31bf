"""Live feeds and leases: in process, and over Redis.

`memory` is the feed of one daemon and needs nothing; `redis` is its twin between daemons and needs
the extra `redis`, so nothing imports it unless it is configured. `leases` says who may do what.
"""
