"""Addresses and ports of one laboratory: the PBX on 127.0.0.1, the world on 127.0.0.2.

Ports are asked from the kernel, so that laboratories can run side by side; each can also be fixed by name.
"""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import dataclass, fields

from tools.lab.errors import LabError

PBX_ADDRESS = "127.0.0.1"
WORLD_ADDRESS = "127.0.0.2"
# Media ports lie below the kernel's ephemeral range (32768 up), where the other ports come from.
RTP_FIRST = 10000
RTP_LAST = 31999


@dataclass(frozen=True)
class Ports:
    """Every port of a laboratory. SIP ports are UDP; AMI ports TCP; RTP ranges are inclusive."""

    pbx_ami: int
    pbx_sip: int
    world_ami: int
    carrier_a: int
    carrier_b: int
    phones: int
    pbx_rtp: tuple[int, int]
    world_rtp: tuple[int, int]


def choose_ports(**fixed: int) -> Ports:
    """Free ports; those given by name are checked instead. Raises LabError when one is taken."""
    unknown = set(fixed) - {field.name for field in fields(Ports)}
    if unknown:
        raise LabError(f"no such port: {', '.join(sorted(unknown))}")
    kinds = {
        "pbx_ami": (PBX_ADDRESS, socket.SOCK_STREAM),
        "pbx_sip": (PBX_ADDRESS, socket.SOCK_DGRAM),
        "world_ami": (WORLD_ADDRESS, socket.SOCK_STREAM),
        "carrier_a": (WORLD_ADDRESS, socket.SOCK_DGRAM),
        "carrier_b": (WORLD_ADDRESS, socket.SOCK_DGRAM),
        "phones": (WORLD_ADDRESS, socket.SOCK_DGRAM),
    }
    with contextlib.ExitStack() as claims:
        held = {
            name: claims.enter_context(_claim(name, *where, fixed.get(name, 0)))
            for name, where in kinds.items()
        }
        numbers = {name: claim.getsockname()[1] for name, claim in held.items()}
    pbx_rtp, world_rtp = _media_ranges()
    return Ports(**numbers, pbx_rtp=pbx_rtp, world_rtp=world_rtp)


def _claim(name: str, address: str, kind: socket.SocketKind, port: int) -> socket.socket:
    """Hold a port until all are chosen, so that none is given twice."""
    claim = socket.socket(socket.AF_INET, kind)
    try:
        claim.bind((address, port))
    except OSError as error:
        claim.close()
        raise LabError(
            f"port {port} ({name}) at {address} is taken: choose another, or stop what holds it"
            f" (`ss -lnp | grep {port}`)"
        ) from error
    return claim


def _media_ranges() -> tuple[tuple[int, int], tuple[int, int]]:
    """Halves of the media range, each begun at a random even place: Asterisk steps over ports in use."""
    middle = (RTP_FIRST + RTP_LAST + 1) // 2
    slack = random.randrange(0, 1000, 2)
    return (RTP_FIRST + slack, middle - 1), (middle + slack, RTP_LAST)
