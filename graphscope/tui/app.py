"""The terminal UI over a recording: opens it and steps through its events."""

from collections.abc import Sequence
from typing import Final

from textual.widget import Widget

from graphscope.tui.fd_guard import guard_descriptors
from graphscope.tui.feed import Feed
from graphscope.tui.garbage import short_collections
from graphscope.tui.lines import Piece, ScreenLine, Tone, clean, line
from graphscope.tui.navigation import NavigatingApp
from graphscope.tui.painting import Bar
from graphscope.tui.session_view import SessionView

_POLL_S: Final = 1.0


class GraphscopeApp(NavigatingApp):
    """Shows the steps of a feed; one that an exception ended is opened at its end."""

    def __init__(self, feed: Feed, title: str = "") -> None:
        super().__init__(SessionView(feed, clean(title)), title)

    def compose_bars(self) -> Sequence[Widget]:
        """Return the line that says what ended the run."""
        bar = Bar(self._ending_line, bar_id="state")
        bar.display = False
        return (bar,)

    def on_mount(self) -> None:
        self.query_one("#graph").focus()
        if self.session.last_ending:
            self.session.go_to_end()
            self.show()
        else:
            self.go(self.position)
        self.set_interval(_POLL_S, self._poll)

    def _poll(self) -> None:
        if self.session.refresh():
            self.show()

    def show(self) -> None:
        """Draw every pane for where the user is."""
        self.query_one("#state").display = bool(self.session.ending)
        super().show()

    def _ending_line(self, width: int) -> ScreenLine:
        del width
        return line(Piece(f" ✗ ended: {self.session.ending}", Tone.ERROR))


def run_app(feed: Feed, *, title: str) -> None:
    """Open the terminal UI over `feed` and return when the user quits.

    Must be called on the main thread, with a terminal.
    """
    with guard_descriptors(), short_collections():
        GraphscopeApp(feed, title).run()
