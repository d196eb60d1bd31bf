"""AMI on the wire: bytes become messages, actions become bytes. No I/O, no clock.

Rules:
- Any split of the stream gives the same messages; text is decoded only when a message is whole, so
  a cut in the middle of a UTF-8 character loses nothing. Bytes that are not UTF-8 become U+FFFD.
- The first line end seen settles how lines end. A server that ends its lines with CR LF is held to
  it: a lone LF inside a value stays in that value and cannot forge a header. A server that sends
  lone LF is understood as well.
- A duplicate header is kept; `get` answers with the first, because Asterisk writes its own headers
  before those of users.
- Memory is bounded: of a message above the limit only its head is kept, and it is marked
  `truncated`.
- Nothing that could become a second header or a second action is ever serialised.

The format is that of Asterisk's main/manager.c (get_input, do_message, astman_send_response_full,
action_command).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dialer_engine.domain.errors import BadValue, InjectionRefused, WrongPeer

FieldValue = str | int | Sequence[str] | Mapping[str, str]

# Asterisk's own lines stay under 64 KiB; one `Command` answer is one message and can have thousands
# of lines.
MAX_MESSAGE_BYTES: Final = 1 << 20
# Of a message above the limit: enough for Response, ActionID and the channel headers, which come
# first.
HEAD_BYTES: Final = 4096
# main/manager.c: `inbuf[1025]`; a line that fills 1,024 bytes without its CR LF is refused with the
# whole action.
MAX_LINE_BYTES: Final = 1022
# include/asterisk/manager.h: AST_MAX_MANHEADERS.
MAX_LINES: Final = 128
# main/manager.c copies 'ActionID: <id>' and CR LF into id_text[256] before list events.
MAX_ACTION_ID_BYTES: Final = 200
MAX_BANNER_BYTES: Final = 256
BANNER_PREFIX: Final = b"Asterisk Call Manager/"

_CRLF: Final = b"\r\n"
_LF: Final = b"\n"
_LF_END: Final = re.compile(rb"\n\r?\n")
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_ACTION_ID: Final = re.compile(r"[A-Za-z0-9_./:-]+\Z")
# main/app.c, __ast_app_separate_args with remove_chars: these change where one assignment ends and
# the next begins.
_VARIABLE_SPECIAL: Final = re.compile(r'([\\",()\[\]])')


@dataclass(frozen=True, slots=True, repr=False)
class AmiMessage:
    """One message of the PBX: an event or a response. Names are matched without regard to case.

    `headers` has every header in the order sent. `truncated` means that the message was above the
    size limit and only its head is here. `size` is in bytes on the wire. Its repr shows no values:
    they can be personal data.
    """

    headers: tuple[tuple[str, str], ...]
    truncated: bool = False
    size: int = field(default=0, compare=False)
    _first: Mapping[str, str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        first = {name.lower(): value for name, value in reversed(self.headers)}
        object.__setattr__(self, "_first", first)

    def get(self, name: str, default: str = "") -> str:
        """The first value of the header, or `default`."""
        return self._first.get(name.lower(), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the header, in order; empty if there is none."""
        wanted = name.lower()
        return tuple(value for header, value in self.headers if header.lower() == wanted)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._first

    @property
    def event(self) -> str:
        """The event's name; empty for a response."""
        return self._first.get("event", "")

    @property
    def response(self) -> str:
        """`Success`, `Error`, `Goodbye`; empty for an event (OriginateResponse has such a header
        and is an event)."""
        return "" if "event" in self._first else self._first.get("response", "")

    @property
    def action_id(self) -> str:
        """The ActionID of the action that this answers; empty if it answers none."""
        return self._first.get("actionid", "")

    @property
    def is_success(self) -> bool:
        """True for a response that is neither `Error` nor unknown to us."""
        return self.response in _SUCCESS

    @property
    def output(self) -> tuple[str, ...]:
        """The lines of a `Command` response."""
        return self.all("Output")

    def __repr__(self) -> str:
        kind = f"event={self.event!r}" if self.event else f"response={self.response!r}"
        return f"<AmiMessage {kind} headers={len(self.headers)}>"


_SUCCESS: Final = frozenset({"Success", "Goodbye", "Follows"})


def parse_block(block: bytes, *, newline: bytes = _CRLF, truncated: bool = False) -> AmiMessage:
    """One message from its bytes without the empty line at the end. A line without a colon carries
    nothing and is left."""
    headers: list[tuple[str, str]] = []
    for line in block.decode("utf-8", "replace").split(newline.decode()):
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name, value[1:] if value[:1] == " " else value))
    if newline == _LF:
        headers = [(name, value.removesuffix("\r")) for name, value in headers]
    return AmiMessage(tuple(headers), truncated, len(block))


class Framer:
    """Cuts the byte stream of one connection into messages.

    `wanted` names the events to keep; the others are dropped before they are decoded, unless they
    carry an ActionID and so belong to an answer. None keeps all. Counters: `dropped` events,
    `oversized` messages, `bytes_in`.
    """

    def __init__(
        self,
        wanted: frozenset[str] | None = None,
        *,
        max_message: int = MAX_MESSAGE_BYTES,
        expect_banner: bool = True,
    ) -> None:
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._max = max_message
        self._banner_due = expect_banner
        self._tail = bytearray()
        self._newline: bytes | None = None
        self._skipping = False
        self.banner = ""
        self.dropped = 0
        self.oversized = 0
        self.bytes_in = 0

    @property
    def buffered(self) -> int:
        """Bytes of the message that is not whole yet; never above the size limit."""
        return len(self._tail)

    def feed(self, data: bytes) -> list[AmiMessage]:
        """The messages that `data` completes. Raises `WrongPeer` if the greeting is not
        Asterisk's."""
        self.bytes_in += len(data)
        scan_from = len(self._tail)
        self._tail += data
        if self._banner_due:
            if not self._take_banner():
                return []
            scan_from = 0
        if self._newline is None and not self._learn_newline():
            return self._bounded([])
        # Three bytes of an end can be there already: CR LF CR.
        blocks = self._cut(max(0, scan_from - 3))
        return self._bounded([m for block in blocks if (m := self._message(block)) is not None])

    def _take_banner(self) -> bool:
        end = self._tail.find(_LF)
        seen = bytes(self._tail[: len(BANNER_PREFIX)])
        if not BANNER_PREFIX.startswith(seen) or (end < 0 and len(self._tail) > MAX_BANNER_BYTES):
            raise WrongPeer(
                "the greeting is not that of an Asterisk manager; check host and port "
                "(5038, or 5039 for TLS)"
            )
        if end < 0:
            return False
        self._learn_newline()
        self.banner = self._tail[:end].decode("ascii", "replace").strip()
        del self._tail[: end + 1]
        self._banner_due = False
        return True

    def _learn_newline(self) -> bool:
        end = self._tail.find(_LF)
        if end < 0:
            return False
        self._newline = _CRLF if self._tail[:end].endswith(b"\r") else _LF
        return True

    def _cut(self, scan_from: int) -> list[bytes]:
        if self._newline == _CRLF:
            if self._tail.find(_CRLF + _CRLF, scan_from) < 0:
                return []
            blocks = bytes(self._tail).split(_CRLF + _CRLF)
        else:
            if _LF_END.search(self._tail, scan_from) is None:
                return []
            blocks = _LF_END.split(bytes(self._tail))
        self._tail = bytearray(blocks.pop())
        return blocks

    def _message(self, block: bytes) -> AmiMessage | None:
        if self._skipping:
            self._skipping = False
            return None
        if len(block) > self._max:
            return self._head_of(block)
        block = block.lstrip(b"\r\n")
        if not block or not self._is_wanted(block):
            return None
        return parse_block(block, newline=self._newline or _CRLF)

    def _is_wanted(self, block: bytes) -> bool:
        if self._wanted is None or not block.startswith(b"Event: "):
            return True
        end = block.find(_LF)
        name = (block[7:end] if end >= 0 else block[7:]).rstrip(b"\r")
        if name in self._wanted or b"\nActionID: " in block:
            return True
        self.dropped += 1
        return False

    def _bounded(self, messages: list[AmiMessage]) -> list[AmiMessage]:
        """Give up the rest of a message that has outgrown the limit, once its head is reported."""
        if self._skipping:
            # Keep what can be the beginning of the message's end.
            del self._tail[:-3]
        # Up to three bytes may be the beginning of the end, so they do not count yet.
        elif len(self._tail) > self._max + 3:
            self._skipping = True
            if (head := self._head_of(bytes(self._tail[: HEAD_BYTES + 2]))) is not None:
                messages.append(head)
            del self._tail[:-3]
        return messages

    def _head_of(self, block: bytes) -> AmiMessage | None:
        self.oversized += 1
        newline = self._newline or _CRLF
        head = block[: min(HEAD_BYTES, self._max)]
        cut = head.rfind(newline)
        head = head[: max(cut, 0)].lstrip(b"\r\n")
        if not self._is_wanted(head):
            return None
        return parse_block(head, newline=newline, truncated=True)


def action_tag(action_id: str) -> str:
    """What the sender hung on an ActionID (`AmiLink.send(…, tag=…)`); empty if nothing."""
    return action_id.partition("/")[2]


def ami_version(banner: str) -> tuple[int, ...]:
    """The AMI version in a greeting such as `Asterisk Call Manager/11.0.0`; empty if there is
    none."""
    digits = banner.rpartition("/")[2].split(".")
    return tuple(int(part) for part in digits) if all(part.isdecimal() for part in digits) else ()


def serialise(action_id: str, fields: Mapping[str, FieldValue]) -> bytes:
    """The bytes of one action. `fields` has `Action` and its headers; a sequence is sent as several
    lines of that name.

    Assignments are given as a mapping (`{"Variable": {"DE_ATTEMPT": "a-…"}}`): each becomes a line
    of its own, escaped so that a comma, quote or bracket in a value stays a character of that
    value.

    Raises `InjectionRefused` for CR, LF, NUL or a character that has no UTF-8 form in a name or
    value, and for a name that is no header name; `BadValue` for what Asterisk would throw away (a
    line above 1,022 bytes, more than 128 lines). The messages name the header, never its value.
    """
    if not _ACTION_ID.match(action_id) or len(action_id) > MAX_ACTION_ID_BYTES:
        raise BadValue("an ActionID has 1 to 200 letters, digits and _ . / : -")
    names = {name.lower() for name in fields}
    if "action" not in names or "actionid" in names or len(names) != len(fields):
        raise BadValue(
            "an action has one Action header, no ActionID of its own, and each header once"
        )
    lines = [_line("ActionID", action_id)]
    for name, value in fields.items():
        lines.extend(_line(name, text) for text in _values(name, value))
    if len(lines) > MAX_LINES:
        raise BadValue(f"the action has {len(lines)} lines; Asterisk takes {MAX_LINES}")
    # Action goes first: Asterisk does not mind, a person who reads a trace does.
    lines.sort(key=lambda line: not line.lower().startswith(b"action:"))
    return b"".join(lines) + _CRLF


def _values(name: str, value: FieldValue) -> Sequence[str]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, int):
        return (str(value),)
    if isinstance(value, str):
        if name.lower() == "variable" and "=" in value:
            raise BadValue(
                "give the assignments of Variable as a mapping, so that they are escaped"
            )
        return (value,)
    if isinstance(value, Mapping):
        return [_assignment(key, text) for key, text in value.items()]
    if name.lower() == "variable":
        raise BadValue("give the assignments of Variable as a mapping, so that they are escaped")
    return value


def _assignment(name: str, value: str) -> str:
    if not name or name != name.strip() or "=" in name:
        raise InjectionRefused("a channel variable's name is empty or holds '=' or spaces")
    return f"{_escape(name)}={_escape(value)}"


def _escape(text: str) -> str:
    return _VARIABLE_SPECIAL.sub(r"\\\1", text)


def _line(name: str, value: str) -> bytes:
    if not _HEADER_NAME.match(name):
        raise InjectionRefused("an action's header name is not one; nothing was sent")
    if _FORBIDDEN.search(value):
        raise InjectionRefused(f"the value of {name} holds a line break or NUL; nothing was sent")
    try:
        line = f"{name}: {value}".encode()
    except UnicodeEncodeError:
        # Not chained: the codec's error carries the value.
        raise InjectionRefused(f"the value of {name} has no UTF-8 form; nothing was sent") from None
    if len(line) > MAX_LINE_BYTES:
        raise BadValue(f"the line of {name} has {len(line)} bytes; Asterisk takes {MAX_LINE_BYTES}")
    return line + _CRLF
