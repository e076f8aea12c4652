"""What the live UI needs of the processes that it debugs: position, state, commands.

Steps are never asked for here: they are read from the recording, as those of a finished
run are. Tests put a fake in the place of each of these.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command


class Link(Protocol):
    """An open connection to one debugged process."""

    @property
    def state(self) -> ProcessState:
        """The last state that was heard of."""

    @property
    def is_controller(self) -> bool:
        """Whether commands are taken; else somebody else gives them."""

    def send(self, command: Command) -> str:
        """Ask for something and wait for the answer, which is text for the user.

        May be called from any thread.

        Raises:
            DebuggerError: The process refused, with the reason.
        """

    def close(self) -> None:
        """Leave the process to itself. May be called twice."""


class SessionSource(Protocol):
    """Where the processes of one launch are found, those that come later included.

    Both methods may wait for the network and are called from a worker thread.
    """

    def find(self) -> Sequence[str]:
        """Return a key for each process that can be connected to now."""

    def connect(
        self,
        key: str,
        *,
        on_state: Callable[[ProcessState], None],
        on_lost: Callable[[str], None],
    ) -> Link:
        """Connect to one. The callbacks may come from any thread.

        Raises:
            DebuggerError: It is gone, or refuses.
        """


class ChildLike(Protocol):
    """The process that was started for this UI."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""

    def describe_end(self) -> str:
        """Say how it ended: `exit code 0`, `killed by SIGKILL`; empty while it runs."""
