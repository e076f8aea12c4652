"""The drawer with the watched expressions."""

from typing import Final

from textual import work
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.worker import get_current_worker

from graphscope.debugger.recorded import RecordedArrival
from graphscope.errors import DebuggerError
from graphscope.tui.feed import Feed, Series
from graphscope.tui.live.dialogs import Asking, Report
from graphscope.tui.live.host import Host
from graphscope.tui.live.known_names import known_names
from graphscope.tui.live.list_drawer import ListDrawer
from graphscope.tui.live.watch_panel import WatchKey, WatchPanel
from graphscope.tui.panes_app import entitle
from graphscope.tui.words import name_of_node

_KEYS: Final = "a add · d remove · esc close"
_HINT: Final = "Such as: loss   w.grad.l2   'fc1.weight'.value.max   x.mean - y.mean"
_REST_S: Final = 0.08


class WatchDrawer(ListDrawer):
    """Shows what each expression comes to where the user looks, and over the steps."""

    class WorkedOut(Message):
        """The numbers over the steps are there."""

        def __init__(self, key: WatchKey, curves: list[Series]) -> None:
            super().__init__()
            self.key = key
            self.curves = curves

    def __init__(self, host: Host, panel: WatchPanel) -> None:
        super().__init__("watches")
        self.panel = panel
        self._host = host
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        entitle(self, "watches")
        self.border_subtitle = Content(_KEYS)

    def fill(self) -> None:
        """Show them for where the user looks."""
        picture = self.panel.picture(
            self._arrival, self.shown_cursor, self.content_width
        )
        self.show_rows(picture, len(self.panel.watches.expressions))
        if not self.panel.is_current(self._key):
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(_REST_S, self._begin)

    @property
    def is_waiting(self) -> bool:
        """Whether curves are still to come."""
        return bool(self.display) and not self.panel.is_current(self._key)

    @property
    def _arrival(self) -> RecordedArrival | None:
        session = self._host.session
        moment = session.moment
        if moment is None or moment.current is None:
            return None
        is_before = session.is_about_to_run
        return RecordedArrival(moment.trace, moment.event, is_before=is_before)

    @property
    def _key(self) -> WatchKey:
        session, watches = self._host.session, self.panel.watches
        place = (session.number, session.position.event)
        if not any(expression.is_of_event for expression in watches.expressions):
            place = (-1, -1)
        return WatchKey(watches.texts, id(session), session.changes, place)

    def _begin(self) -> None:
        self._work_out(self._key, self._host.session.feed, self._arrival)

    @work(thread=True, exclusive=True, group="watches", exit_on_error=False)
    def _work_out(self, key: WatchKey, feed: Feed, at: RecordedArrival | None) -> None:
        worker = get_current_worker()
        curves = self.panel.work_out(feed, at, lambda: not worker.is_cancelled)
        if not worker.is_cancelled:
            self.post_message(self.WorkedOut(key, curves))

    def on_watch_drawer_worked_out(self, event: WorkedOut) -> None:
        """Draw the curves."""
        self.panel.put(event.key, event.curves)
        self.fill()

    def do(self, what: str) -> None:
        """Do what a key asks for."""
        if what == "add":
            self._ask()
        elif what == "remove" and self.cursor is not None:
            self.panel.watches = self.panel.watches.remove(self.cursor)
            self._host.keep()
            self.fill()

    def _ask(self) -> None:
        def submit(text: str, report: Report) -> None:
            try:
                names = known_names(self._host.session.feed)
                self.panel.watches = self.panel.watches.add(text, names)
            except DebuggerError as error:
                report(str(error))
                return
            report("")
            self._host.keep()
            self.fill()

        dialog = Asking(
            "watch an expression", default=self._selected(), hint=_HINT, submit=submit
        )
        self.app.push_screen(dialog)

    def _selected(self) -> str:
        """Write the selected node as an expression."""
        session = self._host.session
        node = session.selected
        if session.moment is None or node is None:
            return ""
        name = name_of_node(session.moment.trace, node)
        is_plain = name.replace(".", "_").isidentifier()
        return name if is_plain or not name else f"'{name}'"
