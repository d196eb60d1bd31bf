"""Errors of this room that the one tree (`domain/errors.py`) has no class for yet."""

from __future__ import annotations

from dialer_engine.domain.errors import Conflict, RecordingError


class FolderUnusable(RecordingError):
    """The recording folder cannot be used: it does not exist, is not a folder, is not writable, or
    leads outside of itself. Check recordings.dir, the mount behind it and its owner; the daemon
    never makes the folder itself, so that an unmounted disk is noticed.
    """


class StillWritten(RecordingError):
    """The recording changed while it was read: the PBX is not done with it. Nothing was removed; it
    is tried again.
    """


class Unreadable(RecordingError):
    """The file is there and is not a two-channel recording that can be read. It was left as it
    is.
    """


class ManifestBroken(RecordingError):
    """The recording manifest does not agree with its own seal, so nothing is added to it and raw
    recordings stay where they are. Run `dialer-engine recordings verify`: it names the place. Keep
    the folder `manifest` as evidence under another name; an empty one in its place begins a new
    chain.
    """


class NotSealed(RecordingError):
    """The manifest could not be written (disk full, rights); the message names the reason. Raw
    recordings stay where they are and are handled again when it can be.
    """


class TargetNotEmpty(Conflict):
    """The place to export to exists already and holds something. Name another one."""
