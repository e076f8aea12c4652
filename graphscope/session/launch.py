"""The processes of one launch, as the terminal UI looks for them."""

from collections.abc import Callable, Sequence

from graphscope.debugger.control import (
    ControlClient,
    SessionInfo,
    list_sessions,
)
from graphscope.debugger.state import ProcessState
from graphscope.errors import DebuggerError


class Launch:
    """Finds the processes that belong together, those that come later included.

    Args:
        find: Returns those that there are now.
    """

    def __init__(self, find: Callable[[], Sequence[SessionInfo]]) -> None:
        self._find = find
        self._found: dict[str, SessionInfo] = {}

    def find(self) -> list[str]:
        """Return a key for each process that can be attached to now."""
        self._found = {str(info.folder): info for info in self._find()}
        return list(self._found)

    def connect(
        self,
        key: str,
        *,
        on_state: Callable[[ProcessState], None],
        on_lost: Callable[[str], None],
    ) -> ControlClient:
        """Attach to one.

        Raises:
            DebuggerError: It is gone, or refuses.
        """
        info = self._found.get(key)
        if info is None:
            raise DebuggerError("The process is gone. Attach to another one.")
        return ControlClient(info, on_state=on_state, on_lost=on_lost)


def launch_of_pid(pid: int) -> Launch:
    """Return the launch of a process that has just been started."""
    return Launch(lambda: [info for info in list_sessions() if info.pid == pid])


def launch_of(first: SessionInfo) -> Launch:
    """Return the launch that a process belongs to."""
    return Launch(lambda: [i for i in list_sessions() if trains_with(first, i)])


def trains_with(first: SessionInfo, other: SessionInfo) -> bool:
    """Whether two processes train together, or are the same.

    Without a rank a process trains alone. Scripts that were started from one shell have
    a parent in common and nothing else.
    """
    if not first.rank:
        return other.folder == first.folder
    return bool(other.rank) and other.group == first.group
