"""Actions under way on one connection, by ActionID.

Rules: an entry lives until its answer, its timeout, its caller's cancellation or the end of the
link, whichever is first, and leaves nothing behind. An action is in the table before its bytes
leave. Nothing here ever sends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from dialer_engine.ami._stats import LinkStats
from dialer_engine.ami.wire import AmiMessage
from dialer_engine.domain.errors import ActionTimeout, AnswerTooLarge, LinkLost

_LOST: Final = "the link to the PBX broke before it answered; whether it acted is unknown"


@dataclass(frozen=True, slots=True)
class AmiList:
    """The answer to a list action: the response, the items in order, and the event that ended the
    list.

    An error response has no items and no `complete`. A list that the PBX gave up (`EventList:
    cancelled`) is not complete.
    """

    response: AmiMessage
    items: tuple[AmiMessage, ...] = ()
    complete: AmiMessage | None = None


Answer = AmiMessage | AmiList


@dataclass(slots=True)
class _Entry:
    future: asyncio.Future[Answer]
    is_list: bool
    response: AmiMessage | None = None
    items: list[AmiMessage] = field(default_factory=list)
    size: int = 0


class PendingActions:
    """The table of one connection. `max_items` and `max_bytes` bound one list."""

    def __init__(self, stats: LinkStats, *, max_items: int, max_bytes: int) -> None:
        self._stats = stats
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, action_id: str, *, is_list: bool) -> asyncio.Future[Answer]:
        """Enter an action; the future gets its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._entries[action_id] = _Entry(future, is_list)
        return future

    async def wait(self, action_id: str, future: asyncio.Future[Answer], timeout: float) -> Answer:
        """The answer of an action entered before, at most `timeout` seconds from now. However the
        wait ends, the entry is gone after it."""
        timer = asyncio.get_running_loop().call_later(timeout, self._expire, action_id, timeout)
        try:
            return await future
        finally:
            timer.cancel()
            if self._entries.pop(action_id, None) is not None:
                self._stats.actions_cancelled += 1

    def _expire(self, action_id: str, timeout: float) -> None:
        if action_id in self._entries:
            self._stats.actions_timed_out += 1
            late = f"the PBX did not answer within {timeout:g} s; whether it acted is unknown"
            self._fail(action_id, ActionTimeout(late))

    def _fail(self, action_id: str, error: Exception) -> None:
        entry = self._entries.pop(action_id, None)
        if entry is not None and not entry.future.done():
            entry.future.set_exception(error)

    def lose_all(self) -> None:
        """The link is gone: every caller learns that the fate of its action is unknown."""
        entries, self._entries = self._entries, {}
        for entry in entries.values():
            if not entry.future.done():
                # Each caller gets an exception of its own: a shared one would gather their
                # tracebacks.
                entry.future.set_exception(LinkLost(_LOST))
        self._stats.actions_lost += len(entries)

    def answer(self, message: AmiMessage) -> bool:
        """Give a message to the action that it answers. False if none waits for it."""
        action_id = message.action_id
        entry = self._entries.get(action_id)
        if entry is None or (message.event and not entry.is_list):
            return False
        if message.truncated:
            self._stats.answers_too_large += 1
            self._fail(action_id, AnswerTooLarge("the PBX's answer was above the size limit"))
        elif message.event:
            self._collect(action_id, entry, message)
        elif entry.is_list and _announces_list(message):
            entry.response = message
        else:
            self._finish(action_id, entry, AmiList(message) if entry.is_list else message)
        return True

    def _collect(self, action_id: str, entry: _Entry, message: AmiMessage) -> None:
        if message.get("EventList").lower() in ("complete", "cancelled"):
            response = entry.response or AmiMessage(())
            complete = message if message.get("EventList").lower() == "complete" else None
            self._finish(action_id, entry, AmiList(response, tuple(entry.items), complete))
            return
        entry.items.append(message)
        entry.size += message.size
        if len(entry.items) > self._max_items or entry.size > self._max_bytes:
            self._stats.answers_too_large += 1
            self._fail(action_id, AnswerTooLarge("the PBX's list was above the size limit"))

    def _finish(self, action_id: str, entry: _Entry, answer: Answer) -> None:
        del self._entries[action_id]
        self._stats.actions_answered += 1
        if not entry.future.done():
            entry.future.set_result(answer)


def _announces_list(response: AmiMessage) -> bool:
    """True if items follow. An action that is no list answers at once; to wait for its end would be
    to wait for ever."""
    if not response.is_success:
        return False
    return "EventList" in response or "follow" in response.get("Message").lower()
