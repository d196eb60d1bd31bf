"""The people of the calls that are only up: what they understand, and that a real PBX talks with them."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from tests.pbx_fixture import ami, lab
from tools.bench.crowd import Crowd, Peer, media_of, read_request, response
from tools.lab.ami import Ami
from tools.lab.lab import Lab

__all__ = ["ami", "lab"]

INVITE = (
    "INVITE sip:0001@127.0.0.2:5070 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK-1\r\n"
    "From: <sip:pbx@127.0.0.1>;tag=one\r\n"
    "To: <sip:0001@127.0.0.2>\r\n"
    "Call-ID: c-1\r\n"
    "CSeq: 7 INVITE\r\n"
    "Content-Type: application/sdp\r\n"
    "\r\n"
    "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio {port} RTP/AVP 8 0\r\n"
)
SPEECH = bytes(range(256)) * 10
FRAME = 160


@pytest.mark.parametrize(
    "garbage", [b"", b"\r\n\r\n", b"\0\xff", b"SIP/2.0 200 OK\r\n\r\n", b"INVITE sip:x\r\n\r\n"]
)
def test_what_is_no_request_is_left(garbage: bytes) -> None:
    assert read_request(garbage) is None


@pytest.mark.parametrize(
    ("sdp", "found"),
    [
        ("c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n", ("192.0.2.1", 4000)),
        ("c=IN IP4 192.0.2.1/127\nm=audio 4000 RTP/AVP 8\n", ("192.0.2.1", 4000)),
        ("m=audio 4000 RTP/AVP 8\r\n", None),
        ("c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 8\r\n", None),
        ("c=IN IP4 192.0.2.1\r\nm=audio many RTP/AVP 8\r\n", None),
    ],
)
def test_where_audio_goes(sdp: str, found: tuple[str, int] | None) -> None:
    assert media_of(sdp) == found


def test_an_answer_belongs_to_its_request() -> None:
    request = read_request(INVITE.format(port=4000).encode())
    assert request is not None
    lines = response(request, "sip:crowd@127.0.0.2:1", "v=0\r\n").decode().split("\r\n")
    assert lines[0] == "SIP/2.0 200 OK"
    assert "Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK-1" in lines
    assert "To: <sip:0001@127.0.0.2>;tag=crowd" in lines
    assert "CSeq: 7 INVITE" in lines
    assert "Content-Length: 5" in lines
    again = read_request(
        INVITE.replace("sip:0001@127.0.0.2>", "sip:0001@127.0.0.2>;tag=x").encode()
    )
    assert again is not None
    assert b";tag=crowd" not in response(again, "sip:crowd@127.0.0.2:1")


@pytest.fixture
def peer_port() -> Iterator[int]:
    """A peer that runs in a thread; its SIP port."""
    peer = Peer("127.0.0.1", SPEECH)
    ours, theirs = os.pipe()
    thread = threading.Thread(target=peer.run, args=(ours,))
    thread.start()
    yield peer.port
    os.close(theirs)
    thread.join(10.0)
    os.close(ours)
    assert not thread.is_alive()
    peer.close()


def _receive(link: socket.socket, count: int) -> list[bytes]:
    return [link.recv(4096) for _ in range(count)]


def test_who_is_called_speaks_every_twenty_milliseconds_until_the_call_ends(peer_port: int) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp,
    ):
        for link in (sip, rtp):
            link.bind(("127.0.0.1", 0))
            link.settimeout(5.0)
        invite = INVITE.format(port=rtp.getsockname()[1]).encode()
        # Once more, as after a lost answer: still one call.
        for _ in range(2):
            sip.sendto(invite, ("127.0.0.1", peer_port))
            assert sip.recv(4096).startswith(b"SIP/2.0 200 OK")
        packets = _receive(rtp, 20)
        heads = [struct.unpack("!BBHII", one[:12]) for one in packets]
        assert {head[1] for head in heads} == {8}
        assert [head[2] - heads[0][2] for head in heads] == list(range(20))
        assert [head[3] - heads[0][3] for head in heads] == [i * FRAME for i in range(20)]
        assert len({head[4] for head in heads}) == 1
        assert all(one[12:] in SPEECH + SPEECH for one in packets)
        assert len(packets[0]) == 12 + FRAME
        sip.sendto(invite.replace(b"INVITE", b"BYE"), ("127.0.0.1", peer_port))
        assert sip.recv(4096).startswith(b"SIP/2.0 200 OK")
        rtp.settimeout(0.2)
        with pytest.raises(TimeoutError):
            _receive(rtp, 100)


@pytest.mark.pbx
def test_a_real_pbx_hears_them_and_is_heard(lab: Lab, ami: Ami) -> None:
    """The PBX sends back what it hears, so that it sends at all says that it heard."""
    with Crowd(lab) as crowd:
        for i in range(3):
            ami.send("Originate", Channel=f"PJSIP/carrier-b/{crowd.number(i)}", ChannelId=f"held-{i}",
                     Context="dialer-agent-phones", Exten="76", Priority=1, Async="true")  # fmt: skip
        for i in range(3):
            ami.wait("Newstate", 10.0, Uniqueid=f"held-{i}", ChannelState="6")
        before = [_counted(ami, i) for i in range(3)]
        time.sleep(2.0)
        for i, (heard, said) in enumerate(before):
            heard_now, said_now = _counted(ami, i)
            # Fifty a second each way; half of them on a machine that is very busy.
            assert heard_now - heard >= 50
            assert said_now - said >= 50


def _counted(ami: Ami, index: int) -> tuple[int, int]:
    """RTP packets that the PBX has received and sent in this call."""
    asked = (f"CHANNEL(rtcp,{which},audio)" for which in ("rxcount", "txcount"))
    found = [ami.ask("GetVar", Channel=f"held-{index}", Variable=one)["Value"] for one in asked]
    return int(found[0]), int(found[1])
