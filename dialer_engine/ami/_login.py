"""Greeting and login of one connection.

Rules: a refusal that only a person can end (`LoginRefused`, `WrongPeer`) is told apart from one
that passes; with MD5 the secret never leaves the daemon.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from dialer_engine.ami._config import AmiConfig, Auth
from dialer_engine.ami.wire import AmiMessage, FieldValue, ami_version
from dialer_engine.domain.errors import LoginRefused, NotConnected, WrongPeer

Ask = Callable[[Mapping[str, FieldValue]], Awaitable[AmiMessage]]

# include/asterisk/manager.h: AMI_VERSION is 9.0.0 in the branch of Asterisk 20, the oldest that the
# project supports.
MIN_AMI_VERSION: Final = (9,)
# main/manager.c, process_message: answers that pass by themselves.
_PASSING: Final = ("login already in use", "asterisk is shutting down")


def check_banner(banner: str) -> None:
    """Raise `WrongPeer` if the greeting is that of an Asterisk too old for this daemon."""
    version = ami_version(banner)
    if version < MIN_AMI_VERSION:
        raise WrongPeer(
            f"the PBX greets as {banner!r}; the dialer needs Asterisk 20 (AMI 9) or newer"
        )


async def log_in(ask: Ask, config: AmiConfig) -> None:
    """Log in. Raises `LoginRefused` for a wrong user or secret, `NotConnected` for a refusal that
    passes."""
    action: dict[str, FieldValue] = {"Action": "Login", "Username": config.username, "Events": "on"}
    if config.auth is Auth.MD5:
        challenge = await _challenge(ask)
        # The PBX's protocol asks for MD5 (main/manager.c, authenticate).
        key = hashlib.md5((challenge + config.secret).encode(), usedforsecurity=False).hexdigest()
        action |= {"AuthType": "MD5", "Key": key}
    else:
        action["Secret"] = config.secret
    _check(await ask(action))


async def _challenge(ask: Ask) -> str:
    answer = await ask({"Action": "Challenge", "AuthType": "MD5"})
    _check(answer)
    if not answer.get("Challenge"):
        raise WrongPeer("the PBX gave no challenge for the MD5 login")
    return answer.get("Challenge")


def _check(answer: AmiMessage) -> None:
    if answer.is_success:
        return
    said = answer.get("Message")
    if said.lower() in _PASSING:
        raise NotConnected(f"the PBX lets nobody in now: {said}")
    raise LoginRefused(
        f"the PBX refused the login: {said or 'no reason given'}; check user name, secret, and the "
        "permit and deny lines of that user in manager.conf"
    )
