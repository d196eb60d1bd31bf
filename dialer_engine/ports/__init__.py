"""What the engine needs of the outside, as Protocols. Adapters implement them; fakes of them are
shipped and named.
"""
