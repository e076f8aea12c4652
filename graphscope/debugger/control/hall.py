"""The sockets of the server: who may come in, whose turn it is, who must go."""

import errno
import selectors
import socket
from contextlib import suppress
from time import monotonic
from typing import Final

from graphscope.debugger.control import peers
from graphscope.debugger.control.audience import Audience, Unwelcome
from graphscope.debugger.control.connection import Connection, Gone, Role
from graphscope.debugger.control.endpoint import Endpoint, send_at_once
from graphscope.debugger.control.info import Transport
from graphscope.debugger.control.log import ControlLog
from graphscope.debugger.control.messages import Refused, decode_from_client, encode
from graphscope.debugger.control.wire import MessageError

MOST_STRANGERS: Final = 16
"""Most connections that have not said who they are; a newer one replaces the oldest."""

_MOST_LEAVING: Final = 32
_AT_ONCE: Final = 16  # connections that are taken in before others have their turn
_SHORTAGE_S: Final = 0.5
_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Hall:
    """Lets connections in, reads from those that have sent something, and ends them.

    Used on the server's thread only; `drop` in a forked child.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        bell: socket.socket,
        audience: Audience,
        log: ControlLog,
    ) -> None:
        self._listener = endpoint.listener
        self._is_unix = endpoint.info.transport is Transport.UNIX
        self._audience = audience
        self._log = log
        self._everybody: list[Connection] = []
        self._count = 0
        self._opens_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(bell, _READ, bell)
        self._selector.register(self._listener, _READ, self._listener)

    @property
    def is_sending(self) -> bool:
        """Whether something waits for a client that has to read first."""
        return any(client.wants_to_send for client in self._everybody)

    def serve(self, patience_s: float) -> bool:
        """Wait until something happens and deal with it; return whether the bell rang.

        Nothing is due before the next deadline, so that nobody is asked in vain.
        """
        rang = False
        for key, events in self._selector.select(self._bound(patience_s)):
            if isinstance(key.data, Connection):
                self._attend(key.data, events)
            elif key.data is self._listener:
                self._let_in()
            else:
                rang = True
        self._expire(monotonic())
        return rang

    def tell(self) -> None:
        """Show the state to everybody who is attached."""
        for client in self._audience.tell():
            self._end(client)
        for client in self._audience.members:
            self._watch(client)

    def end_all(self) -> None:
        """Let everybody go; what is unsent still goes out."""
        for client in list(self._everybody):
            self._dismiss(client, b"")

    def close(self) -> None:
        """Close all connections; when there was a controller the debugger hears it."""
        for client in list(self._everybody):
            self._end(client)
        self._selector.close()

    def drop(self) -> None:
        """Close what a forked child has inherited.

        Nothing is unregistered: the kernel's list of what is watched is the parent's.
        """
        self._selector.close()
        for client in self._everybody:
            client.close()

    def _bound(self, patience_s: float) -> float:
        due = [client.deadline for client in self._everybody]
        if self._opens_at is not None:
            due.append(self._opens_at)
        return max(0.0, min([patience_s, *(time - monotonic() for time in due)]))

    # --- coming

    def _let_in(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                peer, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._shut_door(error)
                return
            self._count += 1
            self._receive_stranger(Connection(peer, self._count, monotonic()))

    def _shut_door(self, error: OSError) -> None:
        """Look away for a moment: the listener stays readable, and would spin."""
        self._log.write(
            f"nobody can be let in now: {errno.errorcode[error.errno or 0]}"
        )
        self._selector.unregister(self._listener)
        self._opens_at = monotonic() + _SHORTAGE_S

    def _receive_stranger(self, client: Connection) -> None:
        if not self._is_unix:
            with suppress(OSError):  # it has gone already
                send_at_once(client.peer)
        self._everybody.append(client)
        self._selector.register(client.peer, _READ, client)
        if self._is_unix and peers.can_tell_user() and not peers.is_own(client.peer):
            self._refuse(client, "another user")
            return
        strangers = [item for item in self._everybody if item.role is Role.STRANGER]
        for oldest in strangers[:-MOST_STRANGERS]:
            self._refuse(oldest, "too many that do not say who they are")

    # --- a turn

    def _attend(self, client: Connection, events: int) -> None:
        try:
            if events & _WRITE:
                client.flush()
            if events & _READ:
                self._hear(client)
        except Gone:
            self._end(client)
        except Unwelcome as error:
            self._log.write(f"connection {client.number}: refused: {error}")
            self._dismiss(client, encode(Refused(0, str(error))))
        except MessageError as error:
            self._refuse(client, str(error))
        else:
            self._watch(client)

    def _hear(self, client: Connection) -> None:
        for body in client.receive(monotonic()):
            self._audience.hear(client, decode_from_client(body))

    def _watch(self, client: Connection) -> None:
        """Have the selector wake us when it reads again, if something waits for it."""
        wanted = _READ | _WRITE if client.wants_to_send else _READ
        with suppress(KeyError, ValueError):  # it has gone meanwhile
            if self._selector.get_key(client.peer).events != wanted:
                self._selector.modify(client.peer, wanted, client)

    # --- going

    def _expire(self, now: float) -> None:
        if self._opens_at is not None and now >= self._opens_at:
            self._opens_at = None
            self._selector.register(self._listener, _READ, self._listener)
        for client in [item for item in self._everybody if now >= item.deadline]:
            if client.role is Role.LEAVING:
                self._end(client)
            else:
                self._refuse(client, "too late")

    def _refuse(self, client: Connection, reason: str) -> None:
        self._log.write(f"connection {client.number}: refused: {reason}")
        self._dismiss(client, self._audience.refusal_of(client, reason))

    def _dismiss(self, client: Connection, farewell: bytes) -> None:
        self._audience.dismiss(client)
        leaving = sum(item.role is Role.LEAVING for item in self._everybody)
        try:
            client.leave(farewell, monotonic())
        except Gone:
            self._end(client)
            return
        if leaving >= _MOST_LEAVING:
            self._end(client)
        else:
            self._watch(client)

    def _end(self, client: Connection) -> None:
        self._audience.dismiss(client)
        if client in self._everybody:
            self._everybody.remove(client)
            with suppress(KeyError, ValueError, OSError):
                self._selector.unregister(client.peer)
        client.close()
