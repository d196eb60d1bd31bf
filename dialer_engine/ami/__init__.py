"""Asterisk: wire (bytes and messages), translate (messages and domain), link (I/O)."""
