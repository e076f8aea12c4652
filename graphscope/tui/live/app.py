"""The terminal UI over training that runs."""

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from graphscope.tui.fd_guard import guard_descriptors
from graphscope.tui.garbage import short_collections
from graphscope.tui.live.commanding import CommandingApp
from graphscope.tui.live.keys import LIVE_KEYS, MORE_SEATS
from graphscope.tui.live.link import ChildLike, SessionSource
from graphscope.tui.live.outcome import Outcome


class LiveApp(CommandingApp, inherit_bindings=False):
    """Shows, steps and stops training."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.to_binding() for key in LIVE_KEYS),
        *MORE_SEATS,
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit.always"),
    ]
    keys = LIVE_KEYS

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
        self._log_path = log
        self._script = script


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
        script: Whose breakpoints and watches are saved.
    """
    app = LiveApp(source, title=title, child=child, log=log, script=script)
    with guard_descriptors(), short_collections():
        app.run()
    return app.outcome
