"""One client of the server: its socket, what has come and what waits to be sent."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from math import inf
from typing import Final

from graphscope.debugger.control.messages import GREETING_BYTES
from graphscope.debugger.control.wire import LIMIT_BYTES, MessageError, Unframer

GREETING_S: Final = 2.0
"""How long somebody who connects may take to say who it is."""
MESSAGE_S: Final = 5.0
"""How long a message may take from its first byte to its last."""
MOST_UNSENT_BYTES: Final = 1 << 20
"""What may wait for a client that does not read."""

_LEAVING_S: Final = 1.0
_READ_BYTES: Final = 64 * 1024
_CROWDED_BYTES: Final = 128 * 1024  # from here on only the newest state waits
_NO_SIGNAL: Final = getattr(socket, "MSG_NOSIGNAL", 0)  # a script may want SIGPIPE


class Role(StrEnum):
    """What a client is to the server."""

    STRANGER = "stranger"  # has not said who it is
    READER = "reader"
    CONTROLLER = "controller"
    LEAVING = "leaving"  # gets what is still to be sent, and is heard no more


class Gone(Exception):  # noqa: N818 - the usual end, no error
    """The client has closed its end, or the network has."""


class Connection:
    """A client's socket, which never blocks.

    Every method that reads or sends raises `Gone` when the client is no longer there.

    Attributes:
        number: The how manyth it is, for the log.
        role: What it may do.
        wants_control: Whether it would command, if nobody else did.
    """

    def __init__(self, peer: socket.socket, number: int, now: float) -> None:
        peer.setblocking(False)
        self.peer = peer
        self.number = number
        self.role = Role.STRANGER
        self.wants_control = False
        self._unframer = Unframer(GREETING_BYTES)
        self._unsent = bytearray()
        self._next_state = b""
        self._last_state = b""
        self._deadline = now + GREETING_S
        self._begun_at = inf

    @property
    def deadline(self) -> float:
        """When it must have said something, or have gone."""
        return min(self._deadline, self._begun_at + MESSAGE_S)

    @property
    def wants_to_send(self) -> bool:
        """Whether something waits until the client reads."""
        return bool(self._unsent)

    def admit(self, role: Role) -> None:
        """Let it be a reader or controller: longer messages, and no more hurry."""
        self.role = role
        self._unframer.limit_bytes = LIMIT_BYTES
        self._deadline = inf

    def receive(self, now: float) -> Iterator[bytes]:
        """Read once, and yield the messages that are complete by now.

        Raises:
            MessageError: A length is out of range.
        """
        try:
            data = self.peer.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        if self.role is Role.LEAVING:
            return
        was_begun = self._unframer.is_begun
        for body in self._unframer.feed(data):
            was_begun = False
            yield body
        if not self._unframer.is_begun:
            self._begun_at = inf
        elif not was_begun:
            self._begun_at = now

    def send(self, message: bytes) -> None:
        """Send, or keep what does not fit now.

        Raises:
            MessageError: Too much waits already: the client does not read.
        """
        if len(self._unsent) + len(message) > MOST_UNSENT_BYTES:
            raise MessageError("does not read what it gets")
        self._unsent += message
        self.flush()

    def show(self, state: bytes) -> None:
        """Send a state that differs from the last one.

        A client that does not read for a while gets the newest one only.
        """
        if len(self._unsent) > _CROWDED_BYTES:
            self._next_state = state
        elif state != self._last_state:
            self._last_state = state
            self.send(state)

    def flush(self) -> None:
        """Send as much as goes now."""
        try:
            while self._unsent:
                del self._unsent[: self.peer.send(self._unsent, _NO_SIGNAL)]
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise Gone from error
        if self._next_state:
            state, self._next_state = self._next_state, b""
            self.show(state)
        elif self.role is Role.LEAVING:
            self._end_sending()

    def leave(self, farewell: bytes, now: float) -> None:
        """Say why, and wait a moment for the client to read it.

        Closing at once would throw away what it has not read.
        """
        self.role = Role.LEAVING
        self._deadline, self._begun_at = now + _LEAVING_S, inf
        self._next_state = b""
        self._unsent += farewell
        self.flush()

    def close(self) -> None:
        """Close the socket."""
        self.peer.close()

    def _end_sending(self) -> None:
        with suppress(OSError):  # it has gone already
            self.peer.shutdown(socket.SHUT_WR)
