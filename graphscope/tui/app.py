"""The terminal UI over a recording: opens it and steps through its events."""

from collections.abc import Sequence
from typing import Final

from textual.widget import Widget

from graphscope.tui.fd_guard import guard_descriptors
from graphscope.tui.feed import Feed
from graphscope.tui.garbage import short_collections
from graphscope.tui.lines import Piece, ScreenLine, Tone, clean, line, pad
from graphscope.tui.navigation import NavigatingApp
from graphscope.tui.painting import Bar
from graphscope.tui.session_view import SessionView

_POLL_S: Final = 1.0


class GraphscopeApp(NavigatingApp):
    """Shows the steps of a feed; one that an exception ended is opened at its end."""

    def __init__(self, feed: Feed, title: str = "") -> None:
        super().__init__(SessionView(feed, clean(title)), title)
        self._ending = ("", False)

    def compose_bars(self) -> Sequence[Widget]:
        """Return the line that says what ended the run."""
        bar = Bar(self._ending_line, bar_id="state")
        bar.display = False
        return (bar,)

    def on_mount(self) -> None:
        self.query_one("#graph").focus()
        self._tell_ending()
        if self._ending[0]:
            self.session.go_to_end()
            self.show()
        else:
            self.go(self.position)
        self.set_interval(_POLL_S, self._poll)

    def _poll(self) -> None:
        if self.session.refresh():
            self._tell_ending()
            self.show()

    def _tell_ending(self) -> None:
        """Give what ended the run a line, if something did."""
        self._ending = self.session.ending
        self.query_one("#state").display = bool(self._ending[0])

    def _ending_line(self, width: int) -> ScreenLine:
        reason, has_failed = self._ending
        text = f"✗ ended: {reason}" if has_failed else f"■ {reason}"
        return line(Piece(pad(f" {text}", width), Tone.ERROR))


def run_app(feed: Feed, *, title: str) -> None:
    """Open the terminal UI over `feed` and return when the user quits.

    Must be called on the main thread, with a terminal.
    """
    with guard_descriptors(), short_collections():
        GraphscopeApp(feed, title).run()
