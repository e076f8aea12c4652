"""Connects to a debugged process, and reads what it says.

Separate from the client that lives on it: here everything happens before a deadline,
or is a `Lost`.
"""

import os
import socket
from collections import deque
from contextlib import suppress
from threading import Lock
from time import monotonic, sleep
from typing import Final

from graphscope.debugger.control import peers
from graphscope.debugger.control.endpoint import send_at_once
from graphscope.debugger.control.info import SessionInfo, Transport
from graphscope.debugger.control.messages import FromServer, decode_from_server
from graphscope.debugger.control.wire import MessageError, Unframer

SENDING_S: Final = 5.0
"""How long the process may take to read a message."""

_READ_BYTES: Final = 64 * 1024
_NAP_S: Final = 0.01
_NO_SIGNAL: Final = getattr(socket, "MSG_NOSIGNAL", 0)


class Lost(Exception):  # noqa: N818 - told to the user in other words
    """The connection is over; the text says why."""


class Line:
    """A connection to a debugged process, of which messages are read one by one.

    Threads: one reads, others may send, one at a time.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._unframer = Unframer()
        self._bodies: deque[bytes] = deque()
        self._ending = Lock()  # around the number of a socket, which is used again

    def send(self, message: bytes) -> None:
        """Send a whole message.

        Raises:
            Lost: The process is gone, or does not read.
        """
        try:
            self._connection.sendall(message, _NO_SIGNAL)
        except OSError as error:
            raise Lost(_explain(error)) from error

    def read(self, until: float | None = None) -> FromServer:
        """Return the next message; wait for it until the time `until`, or for ever.

        Raises:
            Lost: There is none, or something that is no message.
        """
        try:
            while not self._bodies:
                self._receive(until)
            return decode_from_server(self._bodies.popleft())
        except MessageError as error:
            raise Lost(f"the process sent something that is no message: {error}") from (
                error
            )

    def close(self) -> None:
        """End the connection; a thread that reads wakes up."""
        with self._ending, suppress(OSError):  # it has ended already
            self._connection.shutdown(socket.SHUT_RDWR)

    def free(self) -> None:
        """Give the socket back, when nobody reads from it any more."""
        with self._ending:
            self._connection.close()

    def _receive(self, until: float | None) -> None:
        if until is not None:
            self._connection.settimeout(max(0.001, until - monotonic()))
        try:
            data = self._connection.recv(_READ_BYTES)
        except TimeoutError as error:
            if until is not None:
                raise Lost("the process does not answer") from error
            return  # nothing has happened for a while
        except OSError as error:
            raise Lost(_explain(error)) from error
        finally:
            self._connection.settimeout(SENDING_S)
        if not data:
            raise Lost("the process has closed the channel")
        self._bodies.extend(self._unframer.feed(data))


def dial(found: SessionInfo, until: float) -> Line:
    """Connect to a process.

    Raises:
        Lost: It does not listen by the time `until`, or another user does in its place.
    """
    is_unix = found.transport is Transport.UNIX
    if is_unix and not hasattr(socket, "AF_UNIX"):
        raise Lost("there are no Unix sockets here")
    connection = found.open_socket()
    try:
        _connect(connection, found.address, until)
        if not is_unix:
            send_at_once(connection)
    except OSError as error:
        connection.close()
        raise Lost(_explain(error)) from error
    if is_unix and peers.can_tell_user() and not peers.is_own(connection):
        connection.close()
        raise Lost("it is another user's process that listens there")
    connection.settimeout(SENDING_S)
    return Line(connection)


def _connect(
    connection: socket.socket, address: str | tuple[str, int], until: float
) -> None:
    """Connect; a Unix socket at which others wait as well says so at once."""
    while True:
        try:
            connection.settimeout(max(0.001, until - monotonic()))
            connection.connect(address)
        except BlockingIOError:
            if monotonic() >= until:
                raise TimeoutError from None
            sleep(_NAP_S)
        else:
            return


def _explain(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "the process does not answer"
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return "nobody listens there any more"
    if isinstance(error, ConnectionError):
        return "the process has gone"
    return os.strerror(error.errno) if error.errno else str(error)
