"""Wire: framing, parsing, serialising; by example and by property."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.ami.wire import (
    HEAD_BYTES,
    AmiMessage,
    Framer,
    action_tag,
    ami_version,
    parse_block,
    serialise,
)
from dialer_engine.domain.errors import BadValue, InjectionRefused, WrongPeer
from tests.ami.misbehaving import BANNER, block, event

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True).filter(
    lambda name: name.lower() not in ("action", "actionid", "variable")
)
# Everything but what ends a line: the wire carries it unchanged.
VALUES = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=60)
HEADERS = st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=12)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def frame(*parts: bytes, **options: object) -> list[AmiMessage]:
    framer = Framer(expect_banner=False, **options)  # type: ignore[arg-type]
    return [message for part in parts for message in framer.feed(part)]


# -- framing -----------------------------------------------------------------------------------


@given(
    messages=st.lists(HEADERS, min_size=1, max_size=6),
    places=st.lists(st.integers(0, 5000), max_size=12),
    newline=st.sampled_from(["\r\n", "\n"]),
)
def test_any_split_gives_the_same_messages(
    messages: list[list[tuple[str, str]]], places: list[int], newline: str
) -> None:
    stream = "".join(
        "".join(f"{name}: {value}{newline}" for name, value in headers) + newline
        for headers in messages
    ).encode()

    assert [m.headers for m in frame(*cut(stream, places))] == [tuple(h) for h in messages]


@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=8),
    places=st.lists(st.integers(0, 5000), max_size=20),
    limit=st.integers(60, 200),
)
def test_any_split_cuts_large_messages_alike(
    sizes: list[int], places: list[int], limit: int
) -> None:
    stream = b"".join(
        event("Hangup", Number=number, Padding="x" * size) for number, size in enumerate(sizes)
    )

    whole = frame(stream, max_message=limit)

    assert frame(*cut(stream, places), max_message=limit) == whole
    assert frame(*(stream[i : i + 1] for i in range(len(stream))), max_message=limit) == whole
    assert len(whole) == len(sizes)


@given(st.binary(max_size=2000), st.lists(st.integers(0, 5000), max_size=8))
def test_garbage_is_never_fatal_and_never_kept(data: bytes, places: list[int]) -> None:
    framer = Framer(expect_banner=False, max_message=100)
    for part in cut(data, places):
        framer.feed(part)
        assert framer.buffered <= 103
    assert framer.feed(b"\r\n\r\n\n\n" + event("Hangup"))[-1].event == "Hangup"


def test_a_character_split_across_reads_is_whole() -> None:
    stream = event("UserEvent", Name="空号 – café 🙂")

    (message,) = frame(*(stream[i : i + 1] for i in range(len(stream))))

    assert message.get("Name") == "空号 – café 🙂"


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    (message,) = frame(b"Event: Hangup\r\nName: caf\xe9\r\nCause: 16\r\n\r\n")

    assert message.get("Name") == "caf\ufffd"
    assert message.get("Cause") == "16"


def test_lone_lf_is_understood() -> None:
    (first, second) = frame(b"Event: Hangup\nCause: 16\n\nEvent: Hangup\r\nCause: 17\r\n\r\n")

    assert (first.get("Cause"), second.get("Cause")) == ("16", "17")


def test_lone_lf_from_a_server_of_crlf_forges_nothing() -> None:
    (message,) = frame(event("Hangup", CallerIDName="x\nCause: 34\n\nEvent: Shutdown", Cause=16))

    assert message.all("Cause") == ("16",)
    assert message.event == "Hangup"


def test_empty_lines_between_messages_are_nothing() -> None:
    messages = frame(b"\r\n\r\n\r\n", event("Hangup"), b"\r\n\r\n", event("Newstate"))

    assert [message.event for message in messages] == ["Hangup", "Newstate"]


def test_an_enormous_message_keeps_its_head_and_the_stream_goes_on() -> None:
    framer = Framer(expect_banner=False, max_message=100_000)
    head = b"Response: Success\r\nActionID: 7\r\n"
    line = b"Output: " + b"x" * 200 + b"\r\n"
    got: list[AmiMessage] = framer.feed(head)
    for _ in range(5000):
        got += framer.feed(line)
        assert framer.buffered <= 100_003
    got += framer.feed(b"\r\n" + event("Hangup"))

    truncated, after = got
    assert (truncated.truncated, truncated.action_id) == (True, "7")
    assert truncated.size <= HEAD_BYTES
    assert after.event == "Hangup"
    assert framer.oversized == 1


def test_unwanted_events_are_dropped_before_decoding_but_answers_are_not() -> None:
    framer = Framer(frozenset({"Hangup"}), expect_banner=False)

    messages = framer.feed(
        event("VarSet", Value="1")
        + event("Hangup")
        + event("CoreShowChannel", ActionID="7")
        + block(("Response", "Success"), ("ActionID", "8"))
        + event("RTCPSent")
        + event("HangupRequest")
    )

    assert [m.event or m.response for m in messages] == ["Hangup", "CoreShowChannel", "Success"]
    assert framer.dropped == 3


# -- greeting ----------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 200), max_size=6))
def test_the_greeting_is_read_in_any_split(places: list[int]) -> None:
    framer = Framer()
    messages = [m for part in cut(BANNER + event("Hangup"), places) for m in framer.feed(part)]

    assert framer.banner == "Asterisk Call Manager/11.0.0"
    assert ami_version(framer.banner) == (11, 0, 0)
    assert [m.event for m in messages] == ["Hangup"]


@pytest.mark.parametrize(
    "greeting",
    [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\0\1\2", b"\r\n"],
)
def test_another_greeting_is_refused_at_once(greeting: bytes) -> None:
    with pytest.raises(WrongPeer):
        Framer().feed(greeting)


def test_a_greeting_without_end_is_refused() -> None:
    framer = Framer()
    framer.feed(b"Asterisk Call Manager/")
    with pytest.raises(WrongPeer):
        framer.feed(b"1" * 300)


@pytest.mark.parametrize("banner", ["", "Asterisk Call Manager/", "Asterisk Call Manager/x.1"])
def test_no_version_in_the_greeting(banner: str) -> None:
    assert ami_version(banner) == ()


# -- messages ----------------------------------------------------------------------------------


def test_duplicate_headers_are_kept_and_the_first_counts() -> None:
    message = parse_block(b"Event: Hangup\r\nChanVariable: a=1\r\nCHANVARIABLE: b=2\r\nEvent: Fake")

    assert message.all("chanvariable") == ("a=1", "b=2")
    assert message.get("ChanVariable") == "a=1"
    assert message.event == "Hangup"


def test_an_originate_response_is_an_event() -> None:
    message = parse_block(b"Event: OriginateResponse\r\nActionID: 5/a-1\r\nResponse: Success")

    assert (message.event, message.response) == ("OriginateResponse", "")
    assert action_tag(message.action_id) == "a-1"


def test_command_output_keeps_its_lines() -> None:
    message = parse_block(
        b"Response: Success\r\nMessage: Command output follows\r\n"
        b"Output:   two spaces\r\nOutput: \r\nOutput: a: b"
    )

    assert message.output == ("  two spaces", "", "a: b")
    assert message.is_success


def test_repr_shows_no_values() -> None:
    message = parse_block(b"Event: UserEvent\r\nPin: 4711\r\nCallerIDNum: +447700900123")

    assert "4711" not in repr(message)
    assert "+447700900123" not in repr(message)


# -- serialising -------------------------------------------------------------------------------


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_what_is_serialised_is_parsed_again(fields: dict[str, str]) -> None:
    fields = {name.lower(): value for name, value in fields.items()}
    data = serialise("id-1", {"Action": "Originate", **fields})

    (message,) = frame(data)
    assert message.headers == (("Action", "Originate"), ("ActionID", "id-1"), *fields.items())


@given(
    before=VALUES,
    after=VALUES,
    breaker=st.sampled_from(["\r\n", "\r", "\n", "\0", "\r\n\r\nAction: Originate\r\n"]),
    where=st.sampled_from(["value", "name", "sequence", "variable value", "variable name", "id"]),
)
def test_injection_is_always_refused(before: str, after: str, breaker: str, where: str) -> None:
    bad = f"{before}{breaker}{after}"
    fields: dict[str, object] = {"Action": "Originate"}
    match where:
        case "value":
            fields["CallerID"] = bad
        case "name":
            fields[bad] = "x"
        case "sequence":
            fields["Codecs"] = ["ulaw", bad]
        case "variable value":
            fields["Variable"] = {"DE_NAME": bad}
        case "variable name":
            fields["Variable"] = {bad: "x"}
    with pytest.raises((InjectionRefused, BadValue)) as caught:
        serialise(bad if where == "id" else "id-1", fields)  # type: ignore[arg-type]
    assert breaker not in str(caught.value)


def test_a_refused_value_is_not_in_the_error() -> None:
    with pytest.raises(InjectionRefused) as caught:
        serialise("1", {"Action": "Originate", "CallerID": "secret\r\nAction: Command"})
    assert "secret" not in str(caught.value)
    assert "CallerID" in str(caught.value)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InjectionRefused):
        serialise("1", {"Action": "Originate", "CallerID": "\udc80"})


def test_variables_are_lines_of_their_own_and_escaped() -> None:
    data = serialise(
        "1", {"Action": "Originate", "Variable": {"A": 'x,B=2 "q" (p) [b] \\', "C": ""}}
    )

    assert parse_block(data[:-4]).all("Variable") == (
        r"A=x\,B=2 \"q\" \(p\) \[b\] \\",
        "C=",
    )


@pytest.mark.parametrize(
    "variables", ["A=1,B=2", ["A=1", "B=2"], {"A=1": "x"}, {"": "x"}, {" A": "x"}]
)
def test_unescaped_assignments_are_refused(variables: object) -> None:
    with pytest.raises(ValueError, match=r"[Vv]ariable"):
        serialise("1", {"Action": "Originate", "Variable": variables})  # type: ignore[dict-item]


def test_a_variable_can_be_named_to_be_read() -> None:
    assert b"Variable: CHANNEL(state)\r\n" in serialise(
        "1", {"Action": "Getvar", "Variable": "CHANNEL(state)"}
    )


def test_numbers_and_truth_as_asterisk_writes_them() -> None:
    data = serialise("1", {"Async": True, "Timeout": 30000, "Action": "Originate"})

    assert data.split(b"\r\n")[:4] == [
        b"Action: Originate",
        b"ActionID: 1",
        b"Async: true",
        b"Timeout: 30000",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"NoAction": "x"},
        {"Action": "Ping", "ActionID": "mine"},
        {"Action": "Ping", "A": "1", "a": "2"},
        {"Action": "Ping", "Data": "x" * 1100},
        {"Action": "Ping", "Codecs": ["x"] * 130},
    ],
)
def test_what_asterisk_would_throw_away_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(BadValue):
        serialise("1", fields)


@pytest.mark.parametrize("action_id", ["", "a b", "x" * 201, "a\r\nb"])
def test_an_action_id_is_checked(action_id: str) -> None:
    with pytest.raises(BadValue):
        serialise(action_id, {"Action": "Ping"})
