"""What one finds of a debugged process in its directory: `session.json`."""

import json
import os
import secrets
import socket
import stat
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from graphscope.debugger.control.fields import Fields
from graphscope.debugger.control.places import SOCKET_NAME
from graphscope.debugger.control.wire import LIMIT_BYTES, MessageError, parse

INFO_NAME: Final = "session.json"
TOKEN_NAME: Final = "token"  # noqa: S105 - the name of the file
LOG_NAME: Final = "control.log"
DRAFT_PREFIX: Final = ".draft-"

_FORMAT: Final = 1
_LOOPBACK: Final = "127.0.0.1"
_PRIVATE: Final = 0o600
_OTHERS: Final = 0o077
_HIGHEST_PORT: Final = 2**16 - 1
_HIGHEST: Final = 2**31 - 1
_NO_FOLLOWING: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)  # for the writer of a FIFO


class Transport(StrEnum):
    """How one connects."""

    UNIX = "unix"  # a socket in the directory
    TCP = "tcp"  # of this machine only, with a token, where there is nothing better


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One process that can be attached to.

    Attributes:
        folder: Its directory.
        pid: Its process id.
        started: What tells it from a later process of that number.
        host: The machine, or container, that it runs on.
        script: What it runs.
        recording: Path of its main thread's recording; empty until there is one.
        rank: `1 of 2` where several train together, else empty.
        group: The same for all processes of one launch.
        transport: How to connect.
        port: The TCP port, else 0.
        token: What to say first, empty when the kernel tells who connects.
    """

    folder: Path
    pid: int
    started: str
    host: str
    script: str
    recording: str
    rank: str
    group: str
    transport: Transport
    port: int = 0
    token: str = field(default="", repr=False)

    @property
    def socket_path(self) -> str:
        """Name of the Unix socket; nothing that a file says decides on it."""
        return str(self.folder / SOCKET_NAME)

    @property
    def address(self) -> str | tuple[str, int]:
        """Where one connects to; the port is 0 until the process listens."""
        is_unix = self.transport is Transport.UNIX
        return self.socket_path if is_unix else (_LOOPBACK, self.port)

    def open_socket(self) -> socket.socket:
        """Return a new socket of the kind that connects to it.

        Raises:
            OSError: There can be no more.
        """
        is_unix = self.transport is Transport.UNIX
        family = socket.AF_UNIX if is_unix else socket.AF_INET
        return socket.socket(family, socket.SOCK_STREAM)


def write_info(info: SessionInfo) -> None:
    """Put `session.json` there in one move, readable for its owner only.

    Raises:
        OSError: It cannot be written.
    """
    content = {
        "format": _FORMAT,
        "pid": info.pid,
        "started": info.started,
        "host": info.host,
        "script": info.script,
        "recording": info.recording,
        "rank": info.rank,
        "group": info.group,
        "transport": info.transport,
        "port": info.port,
        "has_token": bool(info.token),
    }
    text = json.dumps(content, ensure_ascii=False)
    replace_private(info.folder / INFO_NAME, text.encode(errors="replace"))


def read_info(folder: Path) -> SessionInfo | None:
    """Return what `folder` tells; None when there is nothing, or nothing sensible."""
    try:
        info, has_token = _decode(folder, read_private(folder / INFO_NAME))
        if not has_token:
            return info
        token = read_private(folder / TOKEN_NAME).decode("ascii")
    except (OSError, ValueError, MessageError):
        return None
    return replace(info, token=token)


def replace_private(path: Path, data: bytes) -> None:
    """Put `data` into `path` in one move, readable for its owner only.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f"{DRAFT_PREFIX}{secrets.token_hex(4)}")
    try:
        write_private(draft, data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Make the new file `path`, which only its owner may read.

    Raises:
        OSError: It exists, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOWING
    descriptor = os.open(path, flags, _PRIVATE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
        path.chmod(_PRIVATE)  # whatever the umask has left of it
        file.write(data)


def read_private(path: Path) -> bytes:
    """Return what the short file `path` holds that only its owner can have written.

    Raises:
        OSError: There is none, or others may write to it.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | _NO_FOLLOWING)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
        found = os.fstat(descriptor)
        is_ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
        is_closed = os.name == "nt" or not found.st_mode & _OTHERS
        if not (stat.S_ISREG(found.st_mode) and is_ours and is_closed):
            raise OSError("not a private file")
        return file.read(LIMIT_BYTES)


def _decode(folder: Path, body: bytes) -> tuple[SessionInfo, bool]:
    fields = Fields(parse(body))
    fields.number("format", lowest=_FORMAT, highest=_FORMAT)
    info = SessionInfo(
        folder=folder,
        pid=fields.number("pid", lowest=1, highest=_HIGHEST),
        started=fields.text("started"),
        host=fields.text("host"),
        script=fields.text("script"),
        recording=fields.text("recording"),
        rank=fields.text("rank"),
        group=fields.text("group"),
        transport=fields.choice("transport", Transport),
        port=fields.number("port", highest=_HIGHEST_PORT),
    )
    has_token = fields.flag("has_token")
    fields.end()
    return info, has_token
