"""The place at which a debugged process can be found, and its listening socket."""

import os
import platform
import secrets
import socket
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from graphscope.debugger.control import peers
from graphscope.debugger.control.folders import remove_folder
from graphscope.debugger.control.info import (
    LOG_NAME,
    TOKEN_NAME,
    SessionInfo,
    Transport,
    write_info,
    write_private,
)
from graphscope.debugger.control.places import is_short, list_roots, make_root
from graphscope.debugger.control.processes import find_start
from graphscope.errors import DebuggerError
from graphscope.forks import call_in_child

_TOKEN_BYTES: Final = 32
_WAITING: Final = 64  # may queue while the thread waits for the interpreter
_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


class Endpoint:
    """A directory of this process's own, with a socket that listens in it.

    A forked child has it closed: neither the directory nor the connections are its.

    Attributes:
        info: What others find in the directory.
        listener: The socket, which does not block.
    """

    def __init__(self, info: SessionInfo, listener: socket.socket) -> None:
        self.info = info
        self.listener = listener
        self._is_closed = False
        call_in_child(self.drop)

    @property
    def log_path(self) -> Path:
        """Where refusals are written down."""
        return self.info.folder / LOG_NAME

    def describe(
        self, *, recording: str | None = None, rank: str | None = None
    ) -> None:
        """Tell what was not known before; a full disk leaves it untold."""
        if self._is_closed:
            return
        known = self.info
        self.info = replace(
            known,
            recording=_to_absolute(known.recording if recording is None else recording),
            rank=known.rank if rank is None else rank,
        )
        with suppress(OSError):
            write_info(self.info)

    def close(self) -> None:
        """Stop listening and remove the directory; a second time nothing."""
        if self._is_closed:
            return
        self.drop()
        remove_folder(self.info.folder)

    def drop(self) -> None:
        """Close the socket and leave the directory to whoever owns it."""
        self._is_closed = True
        self.listener.close()


def open_endpoint(
    *,
    script: str,
    recording: str = "",
    rank: str = "",
    transport: Transport | None = None,
) -> Endpoint:
    """Make a directory for this process, and listen in it.

    Args:
        script: What the process runs.
        recording: Path of its main thread's recording, when there is one.
        rank: `1 of 2` where several train together.
        transport: How to connect; by default a Unix socket where there are any.

    Raises:
        DebuggerError: There is no place that is private, or nothing can be made there.
    """
    if transport is None:
        is_unix = hasattr(socket, "AF_UNIX")
        transport = Transport.UNIX if is_unix else Transport.TCP
    info = SessionInfo(
        folder=_make_folder(transport),
        pid=os.getpid(),
        started=find_start(os.getpid()) or "",
        host=platform.node(),
        script=script,
        recording=_to_absolute(recording),
        rank=rank,
        group=find_group(),
        transport=transport,
    )
    try:
        return _listen(info)
    except OSError as error:
        remove_folder(info.folder)
        raise DebuggerError(
            f"The debugger's channel was not opened: nothing can listen in "
            f"{str(info.folder)!r} ({error}). Set GRAPHSCOPE_RUNTIME_DIR to a "
            "directory of yours on a local disk."
        ) from error


def send_at_once(connection: socket.socket) -> None:
    """Have TCP not gather short messages: each would wait for 40 ms."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def find_group() -> str:
    """Return what the processes of one launch have in common, and no others."""
    launch = os.environ.get("TORCHELASTIC_RUN_ID")
    if launch is not None:
        return f"{launch} {os.environ.get('MASTER_PORT', '')}"
    parent = os.getppid()
    # Only ranks: of one shell one may start many trainings that have nothing in common.
    if os.environ.get("RANK") and parent > 1:
        return f"parent {parent}"
    return f"process {os.getpid()}"


def _to_absolute(path: str) -> str:
    """Return what others, in other directories, call `path`."""
    return str(Path(path).absolute()) if path else ""


def _make_folder(transport: Transport) -> Path:
    roots = list_roots()
    wants_name = transport is Transport.UNIX
    root = next((root for root in roots if not wants_name or is_short(root)), roots[-1])
    make_root(root)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
        folder.chmod(_PRIVATE_FOLDER)  # whatever the umask has left of it
    except OSError as error:
        raise DebuggerError(
            f"The debugger's channel was not opened: no directory can be made in "
            f"{str(root)!r} ({error}). Make room there, or set GRAPHSCOPE_RUNTIME_DIR "
            "to another directory of yours."
        ) from error
    return folder


def _listen(info: SessionInfo) -> Endpoint:
    listener = info.open_socket()
    try:
        listener.bind(info.address)
        if info.transport is Transport.UNIX:
            Path(info.socket_path).chmod(_PRIVATE)  # nobody listens yet
        else:
            info = replace(info, port=listener.getsockname()[1])
        if info.transport is Transport.TCP or not peers.can_tell_user():
            info = replace(info, token=secrets.token_hex(_TOKEN_BYTES))
            write_private(info.folder / TOKEN_NAME, info.token.encode())
        listener.listen(_WAITING)
        listener.setblocking(False)
        write_info(info)  # last: whoever finds it can connect
    except BaseException:
        listener.close()
        raise
    return Endpoint(info, listener)
