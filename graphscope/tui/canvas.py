"""The widget that every pane is: lines made on demand, scrolled, dragged, clicked.

Nothing here costs more for a larger picture: a screenful of lines is made and cut to
the visible columns, and kept until the picture or the theme changes.
"""

from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from graphscope.tui.lines import Area, ListPicture, Picture, ScreenLine
from graphscope.tui.painting import COMPONENTS, Painter

_KEPT_STRIPS: Final = 1024
_MARGIN: Final = Spacing(2, 4, 2, 4)


class Canvas(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a `Picture`."""

    ALLOW_SELECT = False  # a drag pans; it must not select text
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page_up", "Page up", show=False, id="pane.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="pane.page_down"),
        Binding(
            "shift+left",
            "scroll_left",
            "Scroll left",
            show=False,
            id="pane.scroll_left",
        ),
        Binding(
            "shift+right",
            "scroll_right",
            "Scroll right",
            show=False,
            id="pane.scroll_right",
        ),
        Binding("shift+up", "scroll_up", "Scroll up", show=False, id="pane.scroll_up"),
        Binding(
            "shift+down",
            "scroll_down",
            "Scroll down",
            show=False,
            id="pane.scroll_down",
        ),
    ]

    class NodeClicked(Message):
        """A node was clicked in `canvas`."""

        def __init__(self, canvas: "Canvas", node: int) -> None:
            super().__init__()
            self.canvas = canvas
            self.node = node

        @property
        def control(self) -> "Canvas":
            """The canvas, for `@on` selectors."""
            return self.canvas

    class Resized(Message):
        """The canvas has another size: what was drawn for its width must be redrawn."""

    def __init__(self, pane_id: str) -> None:
        super().__init__(id=pane_id)
        self._picture: Picture = ListPicture()
        self._strips: LRUCache[tuple[int, int, int], Strip] = LRUCache(_KEPT_STRIPS)
        self._painter = Painter(self)
        self._drag_from: tuple[Offset, Offset] | None = None
        self._has_moved = False

    @property
    def picture(self) -> Picture:
        """What is shown."""
        return self._picture

    @property
    def content_width(self) -> int:
        """Cells of a line beside the scrollbar, whether that is needed or not."""
        return self.scrollable_content_region.width

    def show(self, picture: Picture) -> None:
        """Show another picture, and stay at the same place of it where possible."""
        self._picture = picture
        self._strips.clear()
        size = Size(picture.width, picture.height)
        if self.virtual_size != size:
            self.virtual_size = size
        self.refresh()

    def show_area(self, area: Area | None) -> None:
        """Scroll just as far as needed to see `area`."""
        if area is None or not self.size:
            return
        region = Region(area.x, area.y, area.width, area.height)
        self.scroll_to_region(region.grow(_MARGIN), animate=False, force=True)

    def show_line(self, y: int) -> None:
        """Scroll to line `y` unless it is in sight, then to the middle."""
        height = self.size.height
        top = self.scroll_offset.y
        if height and not top + 1 <= y < top + height - 1:
            self.scroll_to(y=max(y - height // 2, 0), animate=False, force=True)

    def notify_style_update(self) -> None:
        """Forget all strips: the theme has changed."""
        super().notify_style_update()
        self._strips.clear()
        self._painter.forget()

    def on_resize(self) -> None:
        """Ask for a picture of the new width."""
        self.post_message(self.Resized())

    def render_line(self, y: int) -> Strip:
        """Make one line of the visible part."""
        scroll_x, scroll_y = self.scroll_offset
        width = self.size.width
        key = (y + scroll_y, scroll_x, width)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._make_strip(y + scroll_y, scroll_x, width)
            self._strips[key] = strip
        return strip

    def _make_strip(self, y: int, left: int, width: int) -> Strip:
        if not 0 <= y < self._picture.height:
            return self._painter.paint(ScreenLine(), left, width)
        return self._painter.paint(self._picture.line_at(y), left, width)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a drag, or a click."""
        if event.button == 1:
            self._drag_from = (event.screen_offset, self.scroll_offset)
            self._has_moved = False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pan while the button is down."""
        if self._drag_from is None:
            return
        mouse, scroll = self._drag_from
        delta = event.screen_offset - mouse
        if self._has_moved or delta != Offset(0, 0):
            self._has_moved = True
            self.scroll_to(
                scroll.x - delta.x, scroll.y - delta.y, animate=False, force=True
            )

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End a drag; without movement it was a click."""
        if self._drag_from is None:
            return
        self._drag_from = None
        self.release_mouse()
        if self._has_moved:
            return
        at = event.get_content_offset(self)
        if at is None:
            return
        node = self._picture.node_at(
            at.x + self.scroll_offset.x, at.y + self.scroll_offset.y
        )
        if node is not None:
            self.post_message(self.NodeClicked(self, node))
