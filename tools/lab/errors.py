"""What can go wrong in the laboratory, worded for whoever typed the command."""

from __future__ import annotations


class LabError(Exception):
    """The laboratory cannot start or go on; the message says why and what to do."""


class MixError(LabError):
    """The mix file is wrong; the message names the file and the key."""


class BackendMissing(LabError):
    """No Asterisk was found; the message lists the places looked at."""


class AmiError(LabError):
    """The PBX refused an AMI action or closed the link."""
