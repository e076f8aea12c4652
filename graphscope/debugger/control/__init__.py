"""The channel between a debugged process and the debuggers that are attached to it.

Commands and positions only: no message carries code, or names a file to write.
"""

from graphscope.debugger.control.client import ControlClient
from graphscope.debugger.control.endpoint import Endpoint, open_endpoint
from graphscope.debugger.control.info import SessionInfo, Transport
from graphscope.debugger.control.registry import (
    describe,
    find_session,
    list_sessions,
)
from graphscope.debugger.control.server import ControlServer

__all__ = [
    "ControlClient",
    "ControlServer",
    "Endpoint",
    "SessionInfo",
    "Transport",
    "describe",
    "find_session",
    "list_sessions",
    "open_endpoint",
]
