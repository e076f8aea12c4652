"""The screen of every application here: its panes, and how they are filled.

Abstract: what the keys do is added in `navigation.py`, and whether the recording is
finished or still written by those that derive from that.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from textual import on, work
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker, WorkerState, get_current_worker

from graphscope.diagram.options import DiagramOptions
from graphscope.model.trace import Trace
from graphscope.tui.canvas import Canvas
from graphscope.tui.chain_answer import ChainKey
from graphscope.tui.export import write_picture
from graphscope.tui.graph_pane import draw_boxes
from graphscope.tui.histories import HistoryKey, read_history
from graphscope.tui.key_footer import KeyFooter
from graphscope.tui.keys import KEYS, Key
from graphscope.tui.lines import ScreenLine, clean
from graphscope.tui.messages import (
    BoxesDrawn,
    ChainFound,
    Exported,
    HistoryRead,
    WhyFound,
)
from graphscope.tui.moment import Moment
from graphscope.tui.painting import Bar
from graphscope.tui.session_view import SessionView
from graphscope.tui.state import Position
from graphscope.tui.why_answer import find_answer
from graphscope.tui.why_drawer import WhyDrawer
from graphscope.tui.why_question import Asked

STYLES: Final = Path(__file__).with_name("app.tcss")
_REST_S: Final = 0.08
TALL: Final = 30  # lines of a screen with room to spare
_FRAME: Final = 3  # cells of the border and the scrollbar of a pane


class PanesApp(App[None]):
    """Shows a session; abstract.

    Threads: lives on the main thread; series and exports are made in workers, which
    report back with messages.

    Attributes:
        keys: All keys, for the footer, the help and the palette.
    """

    CSS_PATH = [STYLES]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    keys: ClassVar[tuple[Key, ...]] = KEYS
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (TALL, "-tall")]

    def __init__(self, session: SessionView, title: str) -> None:
        super().__init__()
        self.title = clean(title)
        self.session = session
        self._rest_timer: Timer | None = None

    @property
    def position(self) -> Position:
        """Where the user is."""
        return self.session.position

    def compose(self) -> ComposeResult:
        yield Bar(self._header_line, bar_id="header")
        yield from self.compose_bars()
        with Container(id="panes"):
            yield Canvas("graph")
            with Container(id="side"):
                yield Canvas("inspector")
                yield Canvas("source")
        yield Canvas("chain")
        yield WhyDrawer("why")
        yield from self.compose_drawers()
        yield Bar(self._timeline_line, bar_id="timeline")
        yield KeyFooter(key.action for key in self.keys if key.is_roomy)

    def compose_bars(self) -> Sequence[Widget]:
        """Return what stands below the header."""
        return ()

    def compose_drawers(self) -> Sequence[Widget]:
        """Return the panes that open above the timeline."""
        return ()

    def _header_line(self, width: int) -> ScreenLine:
        return self.session.header(width)

    def _timeline_line(self, width: int) -> ScreenLine:
        return self.session.timeline(width)

    def go(self, position: Position, *, follow: bool = True) -> None:
        """Go to another place; `follow` selects what its event is about."""
        self.session.go(position, follow=follow)
        self.show()

    def show(self) -> None:
        """Draw every pane for where the user is."""
        self._show_chain()
        self._show_why()
        self._show_graph()
        self._show_details()
        self.refresh_bars()

    def refresh_bars(self) -> None:
        """Draw the lines above and below the panes."""
        for bar in self.query(Bar):
            bar.refresh()

    def _show_graph(self) -> None:
        canvas = self.query_one("#graph", Canvas)
        entitle(canvas, self.session.graph_title)
        event = self.session.event_line(canvas.content_width - 4).text
        canvas.border_subtitle = Content(event)
        picture = self.session.graph_picture(canvas.content_width)
        canvas.show(picture)
        if self.session.has_slow_boxes and self.session.moment is not None:
            self._draw_boxes(self.session.moment, self.session.options)
        for node in reversed(self.session.nodes_in_sight()):
            canvas.show_area(picture.area_of(node))

    def _show_chain(self) -> None:
        canvas = self.query_one("#chain", Canvas)
        chain, moment = self.session.chain, self.session.moment
        canvas.screen.set_class(chain.is_open, "-chain")
        if not chain.is_open:
            return
        # not laid out yet when it opens
        width = canvas.content_width if canvas.size else self.size.width - _FRAME
        has_room = self.size.height >= TALL
        picture = chain.picture(moment, width, has_room=has_room)
        entitle(canvas, chain.title)
        canvas.border_subtitle = Content(chain.progress(moment))
        canvas.show(picture)
        line = chain.line_to_show(moment, picture)
        if line is not None:
            canvas.show_line(line)
        if chain.is_waiting:
            self._read_later()

    def _show_why(self) -> None:
        drawer, why = self.query_one(WhyDrawer), self.session.why
        drawer.screen.set_class(why.is_open, "-why")
        if not why.is_open:
            return
        width = drawer.content_width if drawer.size else self.size.width - _FRAME
        entitle(drawer, why.title)
        told = why.picture(self.session.moment, width)
        drawer.show_answer(told, is_new=why.is_new())
        if why.is_waiting:
            self._read_later()

    def _show_details(self) -> None:
        self._show_inspector()
        source = self.query_one("#source", Canvas)
        title, picture, line = self.session.source_picture(source.content_width)
        entitle(source, title)
        source.show(picture)
        if line is not None:
            source.show_line(line)

    def _show_inspector(self) -> None:
        canvas = self.query_one("#inspector", Canvas)
        key = self.session.history_key
        history = self.session.histories.get(key)
        if history is None and key is not None:
            history = self.session.histories.last(key)
            self._read_later()
        entitle(canvas, self.session.node_title)
        canvas.show(self.session.inspector_picture(canvas.content_width, history))

    def _read_later(self) -> None:
        """Begin to read once the user rests: reading slows drawing."""
        if self._rest_timer is not None:
            self._rest_timer.stop()
        self._rest_timer = self.set_timer(_REST_S, self._begin_reading)

    def _begin_reading(self) -> None:
        key = self.session.history_key
        is_missing = key is not None and self.session.histories.get(key) is None
        if key is not None and is_missing and self.session.histories.begin(key):
            self._read_history(key)
        work = self.session.chain.begin_work()
        if work is not None:
            self._find_chain(*work)
        asked = self.session.why.begin_work()
        if asked is not None:
            self._find_why(asked)

    @property
    def is_waiting(self) -> bool:
        """Whether something that a worker finds out is still to be shown."""
        key = self.session.history_key
        has_history = key is None or self.session.histories.get(key) is not None
        is_answered = not (self.session.chain.is_waiting or self.session.why.is_waiting)
        return not (has_history and is_answered)

    @on(Canvas.Resized)
    def _redraw(self) -> None:
        self.show()

    # --- workers

    @work(thread=True, exclusive=True, group="history", exit_on_error=False)
    def _read_history(self, key: HistoryKey) -> None:
        worker = get_current_worker()
        session = self.session
        history = read_history(session.feed, key, lambda: not worker.is_cancelled)
        if not worker.is_cancelled:  # else it may be a part only
            self.post_message(HistoryRead(session, key, history))

    @work(thread=True, exclusive=True, group="chain", exit_on_error=False)
    def _find_chain(self, key: ChainKey, trace: Trace) -> None:
        session = self.session
        for answer in session.chain.work_out(key, trace):
            self.post_message(ChainFound(session, key, trace=trace, answer=answer))

    @work(thread=True, exclusive=True, group="why", exit_on_error=False)
    def _find_why(self, asked: Asked) -> None:
        session, answer = self.session, find_answer(asked)
        self.post_message(WhyFound(session, asked, answer))

    @work(thread=True, exclusive=True, group="boxes", exit_on_error=False)
    def _draw_boxes(self, moment: Moment, options: DiagramOptions) -> None:
        session = self.session
        drawing = draw_boxes(moment, options)
        if not get_current_worker().is_cancelled:
            self.post_message(BoxesDrawn(session, moment, drawing))

    @work(thread=True, group="export", exit_on_error=False)
    def write_file(self, path: Path, options: DiagramOptions) -> None:
        """Export the current step."""
        moment = self.session.moment
        if moment is not None:
            problem = write_picture(moment.trace, path, options)
            self.post_message(Exported(path, problem))

    @on(Worker.StateChanged)
    def _report_crash(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.say(f"{type(error).__name__}: {error}", is_error=True)

    @on(HistoryRead)
    def _keep_history(self, event: HistoryRead) -> None:
        event.session.histories.put(event.key, event.history)
        if event.key == self.session.history_key:
            self._show_inspector()

    @on(ChainFound)
    def _keep_chain(self, event: ChainFound) -> None:
        if event.session.chain.put(event.key, event.trace, event.answer):
            self._show_graph()
        self._show_chain()

    @on(WhyFound)
    def _keep_why(self, event: WhyFound) -> None:
        event.session.why.put(event.asked, event.answer)
        self._show_why()

    @on(BoxesDrawn)
    def _keep_boxes(self, event: BoxesDrawn) -> None:
        event.session.keep_drawing(event.moment, event.drawing)
        self._show_graph()

    @on(Exported)
    def _report_export(self, event: Exported) -> None:
        if event.problem:
            self.say(event.problem, is_error=True)
        else:
            self.say(f"Wrote {event.path}")

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show a message for a moment."""
        self.notify(
            clean(text),
            severity="error" if is_error else "information",
            markup=False,
        )


def entitle(canvas: Canvas, title: str) -> None:
    """Put text into the border, as text: a plain string would be read as markup."""
    canvas.border_title = Content(title)
