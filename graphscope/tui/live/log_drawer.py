"""The drawer with what the script prints."""

from pathlib import Path

from textual.content import Content

from graphscope.tui.canvas import Canvas
from graphscope.tui.lines import Tone, message_picture
from graphscope.tui.live.log_tail import LogTail
from graphscope.tui.live.pictures import LogPicture
from graphscope.tui.panes_app import entitle

_NO_LOG = (
    "What the script prints is not in a file: it goes to the terminal that the script "
    "was started in."
)


class LogDrawer(Canvas):
    """Shows the end of a file, and goes along with it unless one has scrolled up."""

    def __init__(self, path: Path | None) -> None:
        super().__init__("log")
        self.display = False
        self._tail = None if path is None else LogTail(path)
        self._is_following = True

    def on_mount(self) -> None:
        entitle(self, "log: what the script prints")
        self.border_subtitle = Content("Shift-Tab, Page Up: earlier lines · L closes")

    def fill(self, *, is_forced: bool = False) -> None:
        """Show what was printed since the last time."""
        tail = self._tail
        if tail is None:
            self.show(message_picture(_NO_LOG, self.content_width, Tone.MUTED))
            return
        is_new = False
        while tail.read():
            is_new = True
        if is_new or is_forced:
            is_at_end = self.scroll_offset.y >= self.max_scroll_y
            lines = list(tail.lines)
            self.show(LogPicture(lines if lines[-1] else lines[:-1], tail.skipped))
            if is_at_end or is_forced:
                self.call_after_refresh(self._show_end)

    def _show_end(self) -> None:
        self.scroll_end(animate=False, force=True, immediate=True)
