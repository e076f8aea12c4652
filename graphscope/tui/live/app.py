"""The terminal UI over training that runs."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from graphscope.debugger.state import Activity
from graphscope.debugger.verbs import Verb
from graphscope.errors import DebuggerError
from graphscope.storage.memory import MemoryRecording
from graphscope.tui.fd_guard import guard_descriptors
from graphscope.tui.feed import Feed
from graphscope.tui.garbage import short_collections
from graphscope.tui.live.breakpoint_drawer import BreakpointDrawer
from graphscope.tui.live.commanding import CommandingApp
from graphscope.tui.live.keys import LIVE_KEYS, MORE_SEATS
from graphscope.tui.live.link import ChildLike, SessionSource
from graphscope.tui.live.list_drawer import ListDrawer
from graphscope.tui.live.log_drawer import LogDrawer
from graphscope.tui.live.outcome import Outcome
from graphscope.tui.live.places import place_of_node, run_to
from graphscope.tui.live.saving import Keeper
from graphscope.tui.live.switchboard import News
from graphscope.tui.live.watch_drawer import WatchDrawer
from graphscope.tui.live.watch_panel import WatchPanel
from graphscope.tui.panes_app import STYLES, TALL
from graphscope.tui.session_view import SessionView

_NO_TORCH: Final = (
    "The script has ended without an operation that could be recorded. What it printed "
    "is below."
)

Drawer = LogDrawer | BreakpointDrawer | WatchDrawer


class LiveApp(CommandingApp, inherit_bindings=False):
    """Shows, steps and stops training.

    Args:
        source: Where its processes are found; the first may still have to appear.
        title: What the header calls it.
        child: The process that was started for it, None when it was attached to.
        log: The file that the script's stdout and stderr go to.
        script: Whose breakpoints and watches are kept.
    """

    CSS_PATH = [STYLES, Path(__file__).with_name("live.tcss")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.to_binding() for key in LIVE_KEYS),
        *MORE_SEATS,
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit.always"),
    ]
    keys = LIVE_KEYS
    hears_signals = False

    def __init__(
        self,
        source: SessionSource,
        *,
        title: str,
        child: ChildLike | None = None,
        log: Path | None = None,
        script: Path | None = None,
    ) -> None:
        super().__init__(source, title=title, child=child)
        self._keeper = Keeper(script)
        self._printed = LogDrawer(log)
        self._breakpoints = BreakpointDrawer(self)
        self._watches = WatchDrawer(self, WatchPanel(self._keeper.watches))
        self._has_told_end = False

    def compose_drawers(self) -> Sequence[Widget]:
        """Return the panes that open above the timeline."""
        return self._drawers

    @property
    def _drawers(self) -> tuple[Drawer, ...]:
        return self._breakpoints, self._watches, self._printed

    @property
    def is_waiting(self) -> bool:
        """Whether something is still to be shown, or an answer to come."""
        return self._watches.is_waiting or super().is_waiting

    def on_mount(self) -> None:
        if self.hears_signals:
            self._hear_signals()
        if self._keeper.saved.problem:
            self.say(self._keeper.saved.problem, is_error=True)

    def _hear_signals(self) -> None:
        """Leave the terminal as it was, and the training, when told to end."""
        does = {
            "SIGINT": self.action_interrupt,  # as ctrl+c, which comes as a key
            "SIGTERM": self.action_detach,
            "SIGHUP": self.action_detach,
        }
        loop = asyncio.get_running_loop()
        for name, do in does.items():
            with suppress(AttributeError, NotImplementedError):  # on Windows
                loop.add_signal_handler(getattr(signal, name), do)

    # --- drawers

    def show(self) -> None:
        """Draw every pane for where the user is."""
        is_open = any(drawer.display for drawer in self._drawers)
        self.query_one("#graph").screen.set_class(is_open, "-drawer")
        super().show()
        if self._watches.display:
            self._watches.fill()

    def refresh_bars(self) -> None:
        """Draw what changes without a move."""
        super().refresh_bars()
        if self._breakpoints.display:
            self._breakpoints.fill()

    def _poll(self) -> None:
        super()._poll()
        if self._printed.display:
            self._printed.fill()

    def action_toggle_drawer(self, name: str) -> None:
        drawer = next(found for found in self._drawers if found.id == name)
        if drawer.display:
            self._close(drawer)
        else:
            self._open(drawer)

    def _open(self, drawer: Drawer) -> None:
        """Open a drawer; where there is little room, in the place of another."""
        if self.size.height < TALL:
            for other in self._drawers:
                other.display = False
            self.session.chain.close()
            self.session.why.close()
        drawer.display = True
        if isinstance(drawer, ListDrawer):
            drawer.focus()
        else:
            drawer.fill(is_forced=True)
        self.show()

    def make_room(self) -> None:
        """Close the drawers where an answer has no room beside them."""
        if self.size.height < TALL:
            for drawer in self._drawers:
                drawer.display = False

    def _close(self, drawer: Drawer) -> None:
        drawer.display = False
        if drawer.has_focus or self.focused is None:
            self.query_one("#graph").focus()
        self.show()

    @on(ListDrawer.Asked)
    def _do(self, event: ListDrawer.Asked) -> None:
        drawer = event.drawer
        if event.what == "close":
            self.action_toggle_drawer(str(drawer.id))
        elif isinstance(drawer, BreakpointDrawer | WatchDrawer):
            drawer.do(event.what)

    @on(ListDrawer.Moved)
    def _mark(self) -> None:
        for drawer in (self._breakpoints, self._watches):
            if drawer.display:
                drawer.fill()

    # --- breakpoints at what is shown

    def action_break_here(self) -> None:
        session = self.session
        moment, outline, node = session.moment, session.outline, session.selected
        default = ""
        if moment is not None and outline is not None and node is not None:
            default = place_of_node(moment, outline, node)
        self.ask_place("add a breakpoint", Verb.ADD, default)

    def action_run_to_here(self) -> None:
        seat, session = self.roster.current, self.session
        moment, outline, node = session.moment, session.outline, session.selected
        if seat is None or moment is None or outline is None or node is None:
            self.say("Select a node first: that is where R runs to.")
            return
        state = seat.state
        is_paused = state.activity is Activity.PAUSED
        now = (state.step, state.event if is_paused else len(moment.graph.events))
        try:
            text = run_to(moment, outline, node, now)
        except DebuggerError as error:
            self.say(str(error), is_error=True)
            return
        self.say(f"Running to {text}")
        self.command(Verb.RUN_UNTIL, text)

    # --- what is kept

    def _note(self, news: News) -> None:
        super()._note(news)
        for key in news.joined:
            process = self.roster.processes[key]
            if process.is_controller and not process.is_over:
                self._keeper.restore(process, partial(self.switchboard.send, key))
        if news.states:
            self.keep()
            self._tell_end()

    def keep(self) -> None:
        """Keep breakpoints and watches for the next run."""
        process = self.roster.process
        if process is None:
            return
        try:
            self._keeper.keep(process.state.breakpoints, self._watches.panel.watches)
        except DebuggerError as error:
            self.say(str(error), is_error=True)

    def _tell_end(self) -> None:
        """Say once where the traceback is."""
        process = self.roster.process
        if process is not None and process.state.is_failed and not self._has_told_end:
            self._has_told_end = True
            self.say("The script has raised an exception. L shows its traceback.")

    def note_early_end(self) -> None:
        """Show what the script printed when there is nothing else to show."""
        if self.roster.early_end and not self._has_told_end:
            self._has_told_end = True
            nothing = Feed(MemoryRecording(()))
            self.session = SessionView(nothing, self.roster.title, if_empty=_NO_TORCH)
            self.go(self.position)
            self._open(self._printed)


def run_live(
    source: SessionSource,
    *,
    title: str,
    child: ChildLike | None = None,
    log: Path | None = None,
    script: Path | None = None,
) -> Outcome:
    """Open the terminal UI over training that runs; return how the user left it.

    Must be called on the main thread, with a terminal. When it returns `STOPPED` a
    child that still runs may be ended, when `DETACHED` it must be left alone.

    Args:
        source: Where its processes are found; the first may still have to appear.
        title: What the header calls it: `train.py`.
        child: The process that was started for it, None when it was attached to.
        log: The file that the script's stdout and stderr go to.
        script: Whose breakpoints and watches are kept.
    """
    app = LiveApp(source, title=title, child=child, log=log, script=script)
    app.hears_signals = True
    with guard_descriptors(), short_collections():
        app.run()
    return app.outcome
