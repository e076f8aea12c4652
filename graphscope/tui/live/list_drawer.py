"""A pane with a list that one goes through with a cursor, and adds to and removes from.

The breakpoints and the watches are such lists.
"""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from graphscope.tui.canvas import Canvas
from graphscope.tui.lines import Picture


class ListDrawer(Canvas):
    """Shows rows, one of which is chosen; says what is to be done with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False, id="list.down"),
        Binding("up,k", "move(-1)", show=False, id="list.up"),
        Binding("a", "ask('add')", show=False, id="list.add"),
        Binding("d,delete", "ask('remove')", show=False, id="list.remove"),
        Binding("e", "ask('switch')", show=False, id="list.switch"),
        Binding("enter", "ask('jump')", show=False, id="list.jump"),
        Binding("escape", "ask('close')", show=False, id="list.close"),
    ]

    class Asked(Message):
        """Something is to be done, with the chosen row where there is one."""

        def __init__(self, drawer: "ListDrawer", what: str) -> None:
            super().__init__()
            self.drawer = drawer
            self.what = what

    class Moved(Message):
        """Another row was chosen."""

    def __init__(self, pane_id: str) -> None:
        super().__init__(pane_id)
        self.display = False
        self._cursor = 0
        self._count = 0

    @property
    def cursor(self) -> int | None:
        """Which row is chosen, None when there is none."""
        return min(self._cursor, self._count - 1) if self._count else None

    @property
    def shown_cursor(self) -> int | None:
        """Which row is to be marked: keys go to it."""
        return self.cursor if self.has_focus else None

    def show_rows(self, picture: Picture, count: int) -> None:
        """Show the rows, of which the first `count` can be chosen."""
        self._count = count
        self.show(picture)
        if self.shown_cursor is not None:
            self.show_line(self.shown_cursor)

    def action_move(self, by: int) -> None:
        """Choose the next row, or the one before."""
        if self._count:
            self._cursor = min(max((self.cursor or 0) + by, 0), self._count - 1)
            self.post_message(self.Moved())

    def action_ask(self, what: str) -> None:
        """Say what is to be done."""
        self.post_message(self.Asked(self, what))

    def on_focus(self) -> None:
        """Mark the row."""
        self.post_message(self.Moved())

    def on_blur(self) -> None:
        """Mark no row: keys go elsewhere."""
        self.post_message(self.Moved())
