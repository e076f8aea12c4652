"""Asks the kernel who is at the other end of a Unix socket.

A function of its own, looked up anew for each connection: the tests put another user
in its place.
"""

import os
import socket
import struct
from typing import Final

_UCRED: Final = struct.Struct("3i")  # Linux: process, user, group
_XUCRED: Final = struct.Struct("=II")  # the BSDs: version, user, then groups
_XUCRED_BYTES: Final = 128
_SOL_LOCAL: Final = 0


def can_tell_user() -> bool:
    """Whether the kernel says which user is at the other end."""
    return hasattr(socket, "SO_PEERCRED") or hasattr(socket, "LOCAL_PEERCRED")


def find_user(connection: socket.socket) -> int:
    """Return the number of the user at the other end of a Unix socket.

    Raises:
        OSError: The kernel does not say.
    """
    linux = getattr(socket, "SO_PEERCRED", None)
    if linux is not None:
        found = connection.getsockopt(socket.SOL_SOCKET, linux, _UCRED.size)
        return int(_UCRED.unpack(found)[1])
    option = getattr(socket, "LOCAL_PEERCRED", None)
    if option is None:
        raise OSError("no credentials of peers")
    found = connection.getsockopt(_SOL_LOCAL, option, _XUCRED_BYTES)
    return int(_XUCRED.unpack_from(found)[1])


def is_own(connection: socket.socket) -> bool:
    """Whether the user at the other end of a Unix socket is the one we run as."""
    try:
        return find_user(connection) == os.geteuid()
    except OSError:
        return False
