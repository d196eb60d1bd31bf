"""Whole sites: a real Asterisk, a real daemon process, and a world that is asked what it saw."""

from __future__ import annotations
