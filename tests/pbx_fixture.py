"""Fixtures for tests with a real Asterisk. A room's conftest.py imports them:

`from tests.pbx_fixture import ami, calls, lab`
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.pbx_calls import Calls
from tools.lab.ami import Ami
from tools.lab.backend import find_backend
from tools.lab.errors import BackendMissing
from tools.lab.lab import Lab

# Set by `make test`, which has prepared an Asterisk: then its absence is a failure, not a skip.
REQUIRED_ENV = "DIALER_REQUIRE_PBX"
TIME_SCALE = 10  # rings of about a second, talks of about eight
CROSS_S = 2.0  # dial timeout at which `cancel_cross` numbers answer
PHONES = (2001, 2002, 3001, 3101, 3201, 3301)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A PBX and its world for the whole run: four speaking phones, two with tones, four that misbehave."""
    try:
        backend = find_backend()
    except BackendMissing as error:
        if os.environ.get(REQUIRED_ENV):
            raise
        pytest.skip(str(error))
    cross = {"dial_timeout": CROSS_S, "spread": 0.02}
    overrides = {"time_scale": TIME_SCALE, "cancel_cross": cross}
    with Lab(agents=4, extra_phones=PHONES, overrides=overrides, backend=backend) as running:
        yield running


@pytest.fixture
def ami(lab: Lab) -> Iterator[Ami]:
    """A fresh link to the PBX; every call that the test left is hung up afterwards."""
    with lab.ami() as link:
        yield link
        lab.command("pbx", "channel request hangup all")
        lab.forget_tries()


@pytest.fixture
def calls(lab: Lab, ami: Ami, request: pytest.FixtureRequest) -> Calls:
    """The actions of the dialplan contract; recordings in a folder of this test."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return Calls(lab, ami, name)
