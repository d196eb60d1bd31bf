"""What the options of one invocation say, and what commands draw from it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialer_engine.cli.text import Lang, default_lang, label, word

if TYPE_CHECKING:
    from dialer_engine.app.config import Config, Loaded
    from dialer_engine.cli.client import Client

SOCKET_VARIABLE = "DIALER_SOCKET"


@dataclass(slots=True)
class Session:
    """The options that every command has. socket: None until it is asked for or worked out."""

    socket: Path | None = None
    config: Path | None = None
    settings: tuple[str, ...] = ()
    json: bool = False
    lang: Lang = field(default_factory=default_lang)
    debug: bool = False
    _loaded: Loaded | None = None

    def label(self, text: str) -> str:
        """`text` in the language of this invocation."""
        return label(text, self.lang)

    def word(self, value: Any) -> str:
        """A value of an enumeration in the language of this invocation."""
        return "" if value is None else word(str(value), self.lang)

    def loaded(self) -> Loaded:
        """The configuration; ConfigError with every problem."""
        if self._loaded is None:
            self._loaded = self.reread()
        return self._loaded

    def reread(self) -> Loaded:
        """The configuration as it is on disk now."""
        from dialer_engine.app.config import load

        return load(self.config, settings=self.settings)

    def offline(self) -> Config:
        """The configuration, for a command that does its work in this process: what the adapters
        log goes to stderr, and only from warnings up, so that stdout holds the answer alone.
        """
        from dialer_engine.app import logs

        logs.configure("console", "warning")
        return self.loaded().config

    def socket_path(self) -> Path:
        """--socket, else $DIALER_SOCKET, else what the configuration says."""
        if self.socket is None:
            named = os.environ.get(SOCKET_VARIABLE)
            self.socket = Path(named) if named else self.loaded().config.daemon.socket
        return self.socket

    def client(self) -> Client:
        """A connection to the daemon; use it as a context manager."""
        from dialer_engine.cli.client import Client

        return Client(self.socket_path())
