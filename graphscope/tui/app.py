"""The terminal UI: opens a recording and steps through its events."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Footer
from textual.worker import Worker, WorkerState, get_current_worker

from graphscope.diagram.options import DiagramOptions
from graphscope.model.graph import Phase
from graphscope.model.trace import Trace
from graphscope.tui.canvas import Canvas
from graphscope.tui.chain_answer import ChainKey
from graphscope.tui.dialogs import Help, SearchDialog
from graphscope.tui.export import write_picture
from graphscope.tui.fd_guard import guard_descriptors
from graphscope.tui.feed import Feed, check_step
from graphscope.tui.garbage import short_collections
from graphscope.tui.histories import Histories, HistoryKey
from graphscope.tui.keys import KEYS
from graphscope.tui.lines import ScreenLine, clean
from graphscope.tui.messages import BoxesDrawn, ChainFound, Exported, HistoryRead
from graphscope.tui.moment import Moment
from graphscope.tui.painting import Bar
from graphscope.tui.palette import Commands
from graphscope.tui.questions import ask_for_file, ask_for_step
from graphscope.tui.search import Entry, list_entries
from graphscope.tui.session_view import SessionView
from graphscope.tui.state import (
    LAST,
    Position,
    jump_to_phase,
    move_event,
    move_selection,
    move_step,
    toggle_lecture,
    toggle_style,
    toggle_view,
)

_POLL_S: Final = 1.0
_REST_S: Final = 0.08
_TALL: Final = 30  # lines of a screen with room to spare
_FRAME: Final = 3  # cells of the border and the scrollbar of a pane


class GraphscopeApp(App[None]):
    """Shows the steps of a feed.

    Threads: lives on the main thread; series and exports are made in workers, which
    report back with messages.
    """

    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (_TALL, "-tall")]
    COMMANDS = App.COMMANDS | {Commands}
    BINDINGS: ClassVar[list[BindingType]] = [key.to_binding() for key in KEYS]

    def __init__(self, feed: Feed, title: str = "") -> None:
        super().__init__()
        self.title = clean(title)
        self.session = SessionView(feed, clean(title))
        self._histories = Histories()
        self._rest_timer: Timer | None = None

    @property
    def position(self) -> Position:
        """Where the user is."""
        return self.session.position

    def compose(self) -> ComposeResult:
        yield Bar(self._header_line, bar_id="header")
        with Container(id="panes"):
            yield Canvas("graph")
            with Container(id="side"):
                yield Canvas("inspector")
                yield Canvas("source")
        yield Canvas("chain")
        yield Bar(self._timeline_line, bar_id="timeline")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#graph").focus()
        self.go(self.position)
        self.set_interval(_POLL_S, self._poll)

    def _header_line(self, width: int) -> ScreenLine:
        return self.session.header(width)

    def _timeline_line(self, width: int) -> ScreenLine:
        return self.session.timeline(width)

    def _poll(self) -> None:
        if self.session.refresh():
            self._show()

    def go(self, position: Position, *, follow: bool = True) -> None:
        """Go to another place; `follow` selects what its event is about."""
        self.session.go(position, follow=follow)
        self._show()

    def _show(self) -> None:
        """Draw every pane for where the user is."""
        self._show_chain()
        self._show_graph()
        self._show_details()
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
        has_room = self.size.height >= _TALL
        picture = chain.picture(moment, width, has_room=has_room)
        entitle(canvas, chain.title)
        canvas.border_subtitle = Content(chain.progress(moment))
        canvas.show(picture)
        line = chain.line_to_show(moment, picture)
        if line is not None:
            canvas.show_line(line)
        if chain.is_waiting:
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
        history = self._histories.get(key)
        if history is None and key is not None:
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
        is_missing = key is not None and self._histories.get(key) is None
        if key is not None and is_missing and self._histories.begin(key):
            self._read_history(key)
        work = self.session.chain.begin_work()
        if work is not None:
            self._find_chain(*work)

    @property
    def is_waiting(self) -> bool:
        """Whether something that a worker finds out is still to be shown."""
        key = self.session.history_key
        has_history = key is None or self._histories.get(key) is not None
        return not has_history or self.session.chain.is_waiting

    @on(Canvas.Resized)
    def _redraw(self) -> None:
        self._show()

    @on(Canvas.NodeClicked)
    def _click(self, event: Canvas.NodeClicked) -> None:
        self.select_node(event.node)

    def select_node(self, node: int) -> None:
        """Select a node and stay at the event."""
        self.go(replace(self.position, selection=node), follow=False)

    def list_entries(self) -> tuple[Entry, ...]:
        """Return the nodes of the step, as the search and the palette list them."""
        session = self.session
        if session.moment is None or session.outline is None:
            return ()
        return list_entries(session.moment.trace, session.outline)

    # --- actions, named in `keys.py`

    def action_event(self, by: int) -> None:
        counts = {"events": self.session.events, "steps": self.session.steps}
        self.go(move_event(self.position, by, **counts))

    def action_step(self, by: int) -> None:
        wanted = move_step(self.position, by, steps=self.session.steps)
        self.go(wanted, follow=False)

    def action_phase(self, name: str) -> None:
        moment = self.session.moment
        events = moment.graph.events if moment is not None else ()
        wanted = jump_to_phase(self.position, events, Phase[name])
        if wanted is None:
            self._say(f"This step has no {name.lower()} phase.")
        else:
            self.go(wanted)

    def action_first_event(self) -> None:
        self.go(replace(self.position, event=0))

    def action_last_event(self) -> None:
        self.go(replace(self.position, event=LAST))

    def action_select(self, by: int) -> None:
        focused = self.focused
        if isinstance(focused, Canvas) and focused.id != "graph":
            focused.scroll_relative(y=by, animate=False, force=True)
            return
        count = len(self.session.outline.nodes) if self.session.outline else 0
        self.go(move_selection(self.position, by, nodes=count), follow=False)

    def action_toggle_view(self) -> None:
        self.go(toggle_view(self.position), follow=False)

    def action_toggle_style(self) -> None:
        self.go(toggle_style(self.position), follow=False)

    def action_toggle_lecture(self) -> None:
        self.go(toggle_lecture(self.position), follow=False)

    def action_toggle_chain(self) -> None:
        if self.session.toggle_chain():
            self._show_or_hide_chain()
        else:
            self._say("Select a node first: its chain rule is what c shows.")

    def action_close_chain(self) -> None:
        self.session.chain.close()
        self._show_or_hide_chain()

    def _show_or_hide_chain(self) -> None:
        """Leave no other pane on top of an open rule, and no focus on a closed one."""
        panel, is_open = self.query_one("#chain"), self.session.chain.is_open
        if (
            self.screen.maximized is not None
            and (self.screen.maximized is panel) != is_open
        ):
            self.screen.minimize()
        if panel.has_focus and not is_open:
            self.query_one("#graph").focus()
        self._show()

    def action_toggle_maximize(self) -> None:
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif isinstance(self.focused, Canvas):
            self.screen.maximize(self.focused)

    def action_help(self) -> None:
        self.push_screen(Help([(key.shown, key.meaning) for key in KEYS]))

    def action_search(self) -> None:
        def select(node: int | None) -> None:
            if node is not None:
                self.select_node(node)

        self.push_screen(SearchDialog(self.list_entries()), select)

    def action_ask_step(self) -> None:
        numbers = self.session.numbers

        def move(text: str | None) -> None:
            if text is not None:
                step = check_step(int(text), numbers)
                self.go(replace(self.position, step=step), follow=False)

        self.push_screen(ask_for_step(numbers, self.session.number), move)

    def action_export(self) -> None:
        if self.session.moment is None:
            self._say("There is no step to export.")
            return

        def write(answer: str | None) -> None:
            if answer is not None:
                self._write(Path(answer).expanduser(), self.session.options)

        self.push_screen(ask_for_file(self.session.number), write)

    # --- workers

    @work(thread=True, exclusive=True, group="history", exit_on_error=False)
    def _read_history(self, key: HistoryKey) -> None:
        worker = get_current_worker()
        history = self.session.read_history(key, lambda: not worker.is_cancelled)
        if not worker.is_cancelled:  # else it may be a part only
            self.post_message(HistoryRead(key, history))

    @work(thread=True, exclusive=True, group="chain", exit_on_error=False)
    def _find_chain(self, key: ChainKey, trace: Trace) -> None:
        for answer in self.session.chain.work_out(key, trace):
            self.post_message(ChainFound(key, trace, answer))

    @work(thread=True, exclusive=True, group="boxes", exit_on_error=False)
    def _draw_boxes(self, moment: Moment, options: DiagramOptions) -> None:
        drawing = self.session.draw(moment, options)
        if not get_current_worker().is_cancelled:
            self.post_message(BoxesDrawn(moment, drawing))

    @work(thread=True, group="export", exit_on_error=False)
    def _write(self, path: Path, options: DiagramOptions) -> None:
        moment = self.session.moment
        if moment is not None:
            problem = write_picture(moment.trace, path, options)
            self.post_message(Exported(path, problem))

    @on(Worker.StateChanged)
    def _report_crash(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self._say(f"{type(error).__name__}: {error}", is_error=True)

    @on(HistoryRead)
    def _keep_history(self, event: HistoryRead) -> None:
        self._histories.put(event.key, event.history)
        if event.key == self.session.history_key:
            self._show_inspector()

    @on(ChainFound)
    def _keep_chain(self, event: ChainFound) -> None:
        if self.session.chain.put(event.key, event.trace, event.answer):
            self._show_graph()
        self._show_chain()

    @on(BoxesDrawn)
    def _keep_boxes(self, event: BoxesDrawn) -> None:
        self.session.keep_drawing(event.moment, event.drawing)
        self._show_graph()

    @on(Exported)
    def _report_export(self, event: Exported) -> None:
        if event.problem:
            self._say(event.problem, is_error=True)
        else:
            self._say(f"Wrote {event.path}")

    def _say(self, text: str, *, is_error: bool = False) -> None:
        self.notify(
            clean(text),
            severity="error" if is_error else "information",
            markup=False,
        )


def entitle(canvas: Canvas, title: str) -> None:
    """Put text into the border, as text: a plain string would be read as markup."""
    canvas.border_title = Content(title)


def run_app(feed: Feed, *, title: str) -> None:
    """Open the terminal UI over `feed` and return when the user quits.

    Must be called on the main thread, with a terminal.
    """
    with guard_descriptors(), short_collections():
        GraphscopeApp(feed, title).run()
