"""The one error tree.

Rules: each class's docstring is what an operator reads, with what to do next; `DialerError` is what
a caller catches at the edge; an adapter translates the errors of its library here and lets none of
them through.
"""

from __future__ import annotations


class DialerError(Exception):
    """Something in the dialer went wrong; the message says what to do."""

    exit_code: int = 1


# -- configuration ---------------------------------------------------------------------------------


class ConfigError(DialerError):
    """The configuration is wrong. Each line names file, line and key; correct them and start
    again.
    """

    exit_code = 2


# -- domain ----------------------------------------------------------------------------------------


class BadValue(DialerError, ValueError):
    """A value is outside what its type allows. Correct the value named in the message."""


class IllegalTransition(DialerError):
    """An event arrived that is impossible in this state. It was counted and changed nothing; if the
    count grows, send the log lines of that call to the developers.
    """


class NotPermitted(DialerError):
    """The compliance gate refused. The reasons are in the message; nothing can overrule them from
    here.
    """

    exit_code = 3


# -- PBX link --------------------------------------------------------------------------------------


class PbxError(DialerError):
    """The PBX could not do what was asked."""


class PbxRefused(PbxError):
    """The PBX answered and refused. Nothing happened there; the message is the PBX's own."""


class NotConnected(PbxError):
    """There is no link to this PBX node. Nothing was sent. Check host, port and the PBX;
    `dialer-engine doctor` helps.
    """


class PbxUnknown(PbxError):
    """It is not known whether the PBX did what was asked. Nothing is sent again; recovery asks the
    PBX what lives.
    """


class LinkLost(PbxUnknown):
    """The link broke before the PBX answered."""


class ActionTimeout(PbxUnknown):
    """The PBX did not answer in time."""


class LoginRefused(PbxError):
    """The PBX refused user name or secret. Correct them in the configuration (pbx.nodes[].username,
    .secret) or in manager.conf, then reload. The daemon tries again slowly, so that fail2ban does
    not lock it out.
    """


class InjectionRefused(PbxError, ValueError):
    """A value holds a line break or NUL, which would have become another PBX command. Nothing was
    sent.
    """


class WireError(PbxError):
    """The PBX sent something that is not its protocol. The link is closed and opened again."""


# -- store -----------------------------------------------------------------------------------------


class StoreError(DialerError):
    """The store failed."""


class StoreUnavailable(StoreError):
    """The store does not take writes (locked, read-only, disk full, or unreachable). Dialling has
    stopped and starts again by itself when a write succeeds; talks go on.
    """


class SchemaOutdated(StoreError):
    """The database schema is not the one of this version. Run `dialer-engine db upgrade`, then
    start again.
    """


class CampaignHeld(StoreError):
    """Another daemon runs this campaign on the same store. Stop it first, or wait until its lease
    has run out.
    """


class NotFound(DialerError):
    """There is nothing under that name. The list command shows what there is."""

    exit_code = 4


class Conflict(DialerError):
    """That cannot be done in the present state; the message says why."""

    exit_code = 5


# -- recordings ------------------------------------------------------------------------------------


class RecordingError(DialerError):
    """A recording is missing or does not match its call. The call is listed in the report; look at
    the PBX's recording folder and its disk.
    """


# -- daemon ----------------------------------------------------------------------------------------


class DaemonUnreachable(DialerError):
    """No daemon answers on its socket. Start it with `dialer-engine run`, or name the socket with
    --socket.
    """

    exit_code = 6
