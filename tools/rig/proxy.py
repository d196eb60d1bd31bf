"""A wire that can be cut: a TCP proxy between the daemon and the PBX's AMI.

It cuts where it is told to, in the middle of a message too, or goes deaf and leaves the connection
standing, as a firewall does that has forgotten it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from types import TracebackType

_LOOK_S = 0.05
# How long who cuts may wait for the thread, on a machine that is very busy.
_CUT_S = 30.0
_PIECE = 65536
# SO_LINGER on, zero seconds: close() sends RST, as a cut does, not FIN.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on 127.0.0.1. Use as a context manager. cuts: how often it has cut a connection."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._ended = threading.Event()
        self._deaf = threading.Event()
        self._closed = threading.Event()
        self._cut = threading.Event()
        self._trap: tuple[bytes, bool] | None = None
        self.cuts = 0
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._server.close()

    def cut(self) -> None:
        """Cut every connection; they are gone when it returns."""
        self._cut.clear()
        self._closed.set()
        self._cut.wait(_CUT_S)

    def cut_at(self, word: bytes, *, through: bool) -> None:
        """Cut when the daemon next sends something that holds `word`. through: after it has reached
        the PBX; else in the middle of it, so that the PBX gets a part.
        """
        self._trap = (word, through)

    def heal(self) -> None:
        """A wire again that passes everything on, and has no trap."""
        self._trap = None
        self.deaf(False)

    def deaf(self, on: bool = True) -> None:
        """Pass nothing on, and leave connections standing."""
        (self._deaf.set if on else self._deaf.clear)()

    # -- the thread

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._closed.is_set():
                self._closed.clear()
                self._cut_all()
                self._cut.set()
            ends = [end for pair in self._pairs for end in pair]
            watched = [self._server, *([] if self._deaf.is_set() else ends)]
            for ready in select.select(watched, [], [], _LOOK_S)[0]:
                self._serve(ready)
        self._cut_all()

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._server:
            self._accept()
            return
        pair = next((pair for pair in self._pairs if ready in pair), None)
        if pair is not None:
            self._pass_on(ready, pair)

    def _accept(self) -> None:
        client, _ = self._server.accept()
        try:
            self._pairs.append((client, socket.create_connection(self._target, 2.0)))
        except OSError:
            client.close()

    def _pass_on(self, source: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        try:
            data = source.recv(_PIECE)
            if source is client and self._trapped(data, pair):
                return
            if data:
                (server if source is client else client).sendall(data)
                return
        except OSError:
            pass
        self._drop(pair)

    def _trapped(self, data: bytes, pair: tuple[socket.socket, socket.socket]) -> bool:
        if self._trap is None or self._trap[0] not in data:
            return False
        word, through = self._trap
        self._trap = None
        # Up to the middle of the action that holds the word.
        pair[1].sendall(data if through else data[: data.index(word) + len(word)])
        self.cuts += 1
        self._drop(pair)
        return True

    def _cut_all(self) -> None:
        for pair in list(self._pairs):
            self.cuts += 1
            self._drop(pair)

    def _drop(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.remove(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()
