"""Errors of this room that the one tree (`domain/errors.py`) has no class for yet."""

from __future__ import annotations

from dialer_engine.domain.errors import NotConnected, PbxError, PbxUnknown


class WrongPeer(PbxError):
    """What answers is not the manager of an Asterisk 20 or newer, or sends what no Asterisk sends.
    Check host and port of the node (5038, or 5039 for TLS) and the version of the PBX. The daemon
    tries again slowly."""


class TlsRefused(PbxError):
    """The PBX's certificate did not hold. Check pbx.nodes[].tls: the CA file, the server name, and
    the certificate's dates. Nothing was sent, the secret neither. The daemon tries again slowly."""


class LinkCongested(NotConnected):
    """Too many actions are under way on this link, or the PBX takes no more bytes. This action was
    not sent."""


class AnswerTooLarge(PbxUnknown):
    """The answer was above the size limit and was thrown away. What was asked may have been
    done."""
