"""The pane with the answer to why: text that scrolls, and rows to go to."""

from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from graphscope.model.finding import PathStep
from graphscope.tui.canvas import Canvas
from graphscope.tui.lines import Band
from graphscope.tui.told import ToldPicture

_KEYS = "enter goes to the row · w another node · esc closes"
_NO_ROWS = "w another node · esc closes"


class WhyDrawer(Canvas):
    """Shows an answer. The stations of its paths are rows that a cursor goes along."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False, id="why.down"),
        Binding("up,k", "move(-1)", show=False, id="why.up"),
        Binding("enter", "choose", show=False, id="why.choose"),
    ]

    class Chosen(Message):
        """A station of a path is to be shown."""

        def __init__(self, station: PathStep) -> None:
            super().__init__()
            self.station = station

    def __init__(self, pane_id: str) -> None:
        super().__init__(pane_id)
        self._told = ToldPicture()
        self._rows: tuple[int, ...] = ()
        self._cursor = 0

    def show_answer(self, told: ToldPicture, *, is_new: bool) -> None:
        """Show an answer, a new one from its begin."""
        self._told, self._rows = told, told.rows
        self._cursor = 0 if is_new else min(self._cursor, len(self._rows))
        self.border_subtitle = Content(_KEYS if self._rows else _NO_ROWS)
        self._mark()
        if is_new:
            self.scroll_home(animate=False, force=True)

    @property
    def _chosen(self) -> int | None:
        """The line of the chosen row; keys go to it while the pane has the focus."""
        return self._rows[self._cursor] if self._cursor < len(self._rows) else None

    def _mark(self) -> None:
        told, chosen = self._told, self._chosen
        if chosen is not None and self.has_focus:
            lines = list(told.told)
            marked = replace(lines[chosen].line, band=Band.SELECTED)
            lines[chosen] = replace(lines[chosen], line=marked)
            told = ToldPicture(tuple(lines))
        self.show(told)

    def action_move(self, by: int) -> None:
        """Choose the next row, or the one before; where there is none, scroll."""
        chosen, wanted = self._chosen, self._cursor + by
        if chosen is not None and self._side_of(chosen) == by:
            self.show_line(chosen)  # not seen yet
        elif 0 <= wanted < len(self._rows):
            self._cursor = wanted
            self._mark()
            self.show_line(self._rows[wanted])
        else:
            self.scroll_relative(y=by, animate=False, force=True)

    def _side_of(self, y: int) -> int:
        """Return 1 for a line below what is in sight, -1 for one above, else 0."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        return (y >= top + height) - (y < top)

    def action_choose(self) -> None:
        """Go to the chosen row."""
        if self._chosen is not None:
            self._go(self._chosen)

    def on_canvas_node_clicked(self, event: Canvas.NodeClicked) -> None:
        """Go to the row that was clicked: its number is of a line, not of a node."""
        event.stop()
        if event.node in self._rows:
            self._cursor = self._rows.index(event.node)
            self._mark()
            self._go(event.node)

    def _go(self, y: int) -> None:
        station = self._told.station_at(y)
        if station is not None:
            self.post_message(self.Chosen(station))

    def on_focus(self) -> None:
        """Mark the row."""
        self._mark()

    def on_blur(self) -> None:
        """Mark no row: keys go elsewhere."""
        self._mark()
