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


class NoRight(DialerError):
    """You have no right to this. Ask who keeps the configuration: `personal.unmask` names the users and groups
    who may see personal fields.
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


# -- Redis -----------------------------------------------------------------------------------------


class RedisUnavailable(DialerError):
    """Redis does not answer, or refuses. Check redis.url, the server and its log. Screens stand
    still meanwhile, calls go on; a lease that cannot be extended is lost when its time is over.
    """


# -- daemon ----------------------------------------------------------------------------------------


class DaemonUnreachable(DialerError):
    """No daemon answers on its socket. Start it with `dialer-engine run`, or name the socket with
    --socket.
    """

    exit_code = 6
