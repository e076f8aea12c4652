"""Keeps a script's breakpoints and watches, and takes them up again."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from graphscope.debugger.saved import Saved, SavedBreakpoint, load_saved, store_saved
from graphscope.debugger.state import BreakpointState
from graphscope.debugger.verbs import Command, Verb
from graphscope.debugger.watches import WatchList
from graphscope.errors import DebuggerError
from graphscope.tui.live.roster import Process
from graphscope.tui.live.switchboard import Answered

Send = Callable[[Command, Answered], bool]


class Keeper:
    """What is kept of one script; of none when there is no path.

    Attributes:
        saved: What was kept last.
        watches: The watched expressions that were kept.
    """

    def __init__(self, script: Path | None) -> None:
        self._script = script
        self.saved = Saved() if script is None else load_saved(script)
        self._pending = 0
        self.watches = WatchList()
        for text in self.saved.watches:
            with suppress(DebuggerError):
                self.watches = self.watches.add(text)

    def restore(self, process: Process, send: Send) -> None:
        """Give a process the breakpoints that were kept and that it does not have."""
        texts = {state.text for state in process.state.breakpoints}
        for kept in self.saved.breakpoints:
            if kept.text not in texts:
                self._restore_one(process, send, kept)

    def _restore_one(self, process: Process, send: Send, kept: SavedBreakpoint) -> None:
        def hear(_answer: str, is_refusal: bool) -> None:  # noqa: FBT001
            self._pending -= 1
            if kept.is_enabled or is_refusal:
                return
            for state in process.state.breakpoints:
                if state.text == kept.text and state.is_enabled:
                    self._send(send, Command(Verb.DISABLE, number=state.number))

        self._send(send, Command(Verb.ADD, text=kept.text), hear)

    def _send(self, send: Send, command: Command, then: Answered | None = None) -> None:
        def hear(_answer: str, _is_refusal: bool) -> None:  # noqa: FBT001
            self._pending -= 1

        self._pending += send(command, then or hear)

    def keep(self, there: Sequence[BreakpointState], watches: WatchList) -> None:
        """Keep what there is now, if it is something else.

        Raises:
            DebuggerError: The file cannot be written.
        """
        breakpoints = tuple(
            SavedBreakpoint(state.text, state.is_enabled)
            for state in there
            if not state.is_once
        )
        wanted = Saved(breakpoints, watches.texts)
        if self._pending:
            return
        if wanted != Saved(self.saved.breakpoints, self.saved.watches):
            self.saved = wanted
            if self._script is not None:
                store_saved(self._script, wanted)
