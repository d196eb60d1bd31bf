"""Naming, verification, hash chain and retention of recordings."""
