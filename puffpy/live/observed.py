"""What is looked at: as much of a server and of its session as it takes.

Who looks is an :class:`puffpy.record.Observer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from puffpy.record import Message, Observer, Reply
from puffpy.types import Call


class Served(Protocol):
    """A server that can be looked at."""

    @property
    def session(self) -> Conversation:
        """Whose messages are heard."""

    def observe(self, observers: Sequence[Observer]) -> None:
        """Have *observers*, and no others, hear every message from the next one on.  From any thread."""


class Conversation(Protocol):
    """As much of a session as is looked at."""

    def receive(self, message: Message, size: int) -> Reply:
        """Answer a message; whoever is in here is doing so."""

    def parked(self) -> list[tuple[bytes, Call | None]]:
        """Return the requests whose operation runs elsewhere: each with what that operation was given."""
