"""What the drawers need of the application that they are in."""

from typing import Protocol

from graphscope.debugger.verbs import Verb
from graphscope.tui.live.roster import Roster
from graphscope.tui.session_view import SessionView
from graphscope.tui.state import Position


class Host(Protocol):
    """The live application, as its drawers see it."""

    @property
    def roster(self) -> Roster:
        """The processes and their threads."""

    @property
    def session(self) -> SessionView:
        """What is on the screen."""

    def ask_place(self, title: str, verb: Verb, default: str = "") -> None:
        """Ask for a breakpoint's text and send it."""

    def change_breakpoint(self, verb: Verb, text: str) -> None:
        """Switch or remove a breakpoint."""

    def go(self, position: Position, *, follow: bool = True) -> None:
        """Go to another place in the recording."""

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show a message for a moment."""

    def keep(self) -> None:
        """Keep breakpoints and watches for the next run."""
