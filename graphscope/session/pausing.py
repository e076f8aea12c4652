"""Asking for a debugger in user code: `gs.breakpoint()` and `gs.serve()`."""

import atexit
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Final

from graphscope.errors import DebuggerError
from graphscope.session.endings import tell
from graphscope.session.live_options import RESUME_AFTER_S, LiveOptions
from graphscope.session.target import ScriptTarget

_LIVE: Final = "graphscope.session.live"


def breakpoint(*, when: str = "") -> None:  # noqa: A001 - the word for it
    """Pause here when a debugger is attached; else do nothing.

    Args:
        when: A condition about what has been recorded by now, such as
            `"loss.value.max > 10"`. One that is no condition pauses, and says so.
    """
    module = sys.modules.get(_LIVE)
    live = module.running_live() if module is not None else None
    if live is None or not live.debugger.is_controlled:
        return
    run = live.find_seat()
    if run is None:
        return  # a thread that is not recorded has nothing to show
    reason, problem = f"gs.breakpoint() at {_line_of(sys._getframe(1))}", ""  # noqa: SLF001
    if when:
        try:
            if not run.is_true(when):
                return
        except DebuggerError as wrong:
            problem = str(wrong)
    run.seat.pause_in_code(reason, problem)


def _line_of(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def serve(
    path: str | Path | None = None,
    *,
    wait: bool = False,
    resume_after_s: float = RESUME_AFTER_S,
    **options: Any,
) -> Any:
    """Record from here on, and let `graphscope attach` in from another terminal.

    Under `graphscope run` it does nothing more: that has begun already.

    Args:
        path: The recording; the script's name with `.gscope` here, if not given. That
            one is replaced when an earlier call has made it.
        wait: Whether to wait for up to 30 s until somebody is attached.
        resume_after_s: Seconds after which a pause ends whose controller has vanished.
        **options: As for `record`.

    Returns:
        The run: `close()` ends it, and so does the end of the program. It is a context
        manager that does the same.

    Raises:
        RecordingError: The file exists, or cannot be written.
    """
    import graphscope.capture  # noqa: F401 - under `graphscope run` this begins it
    from graphscope.session.live import LiveRun, running_live

    found = running_live()
    if found is not None:
        return found
    chosen = dict(options)
    script = sys.argv[0] or "python"
    target = Path(path) if path is not None else ScriptTarget(script).recording
    if path is None and is_live_recording(target):
        chosen["overwrite"] = True
    chosen["environment"] = {
        "script": script,
        "arguments": " ".join(sys.argv[1:]),
    }
    run = LiveRun(
        target, chosen, LiveOptions(waits=wait, resume_after_s=resume_after_s)
    )
    run.__enter__()
    atexit.register(run.close)
    tell(
        f"graphscope: process {os.getpid()} can be debugged. Attach from another "
        f"terminal: graphscope attach {os.getpid()}"
    )
    return run


def is_live_recording(path: Path) -> bool:
    """Whether a debugger's run has made the file: then the next may replace it."""
    from graphscope.errors import RecordingError
    from graphscope.storage.file import open_recording

    if not path.is_file() or not os.access(path, os.R_OK):
        return False
    try:
        recording = open_recording(path)
    except RecordingError:
        return False
    try:
        return bool(recording.environment.get("live"))
    finally:
        recording.close()
