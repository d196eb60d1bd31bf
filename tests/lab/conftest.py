"""Real-Asterisk fixtures for the tests of the laboratory."""

from __future__ import annotations

from tests.pbx_fixture import ami, calls, lab

__all__ = ["ami", "calls", "lab"]
