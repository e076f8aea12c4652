"""Recording an unmodified script."""

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphscope.errors import GraphscopeError
from graphscope.session.awaiting import ImportWatch
from graphscope.session.endings import describe_recording, describe_stop, tell
from graphscope.session.live_options import LiveOptions
from graphscope.session.order import INTERFACE
from graphscope.session.ranks import path_of_rank
from graphscope.session.reporting import hide_frames
from graphscope.session.target import ScriptTarget, execute
from graphscope.session.unseen import unseen
from graphscope.storage.create import create_file
from graphscope.storage.schema import DEFAULT_MAX_BYTES

if TYPE_CHECKING:
    from graphscope.debugger.controller import Debugger
    from graphscope.session.live import LiveRun
    from graphscope.session.runs import RecordingRun


@unseen
def run_script(
    target: ScriptTarget,
    output: Path,
    *,
    overwrite: bool = False,
    max_bytes: int = DEFAULT_MAX_BYTES,
    live: LiveOptions | None = None,
    is_quiet: bool = False,
) -> None:
    """Run a script as `python script.py argv…` would, recording it to `output`.

    Recording begins when the script has imported torch; with `live` a debugger may
    attach from then on. Whatever ends the script passes through, for the interpreter
    to deal with as it always does: call this where nothing else follows. Unless it
    `is_quiet`, the last thing that the process says is what has been recorded.

    Raises:
        SystemExit: `output` exists or cannot be written, and a message has been told;
            the script has not begun.
        BaseException: What the script raises.
    """
    run = _ScriptRun(target, output, max_bytes=max_bytes, live=live)
    run.reserve(overwrite=overwrite)
    if not is_quiet:
        run.says = True
        atexit.register(run.say_goodbye)  # first of all, and so called last of all
    watch = ImportWatch("torch", run.begin)
    watch.start()
    try:
        execute(target)
    except BaseException as error:
        run.end(error)
        if isinstance(error, KeyboardInterrupt):
            run.load_goodbye()
        hide_frames(error)
        raise
    finally:
        watch.stop()
    run.end(None)


def _cannot_begin(problem: GraphscopeError) -> SystemExit:
    """Say why there can be no recording, and return what ends the script for it."""
    tell(f"graphscope: {problem}")
    return SystemExit(1)


def _forget_calls(error: BaseException | None) -> None:
    """Take the calls out of a traceback that a child has from before it was forked."""
    tracebacks = sys.modules.get("graphscope.capture.tracebacks")
    if error is not None and tracebacks is not None:
        tracebacks.strip_frames(error)


class _ScriptRun:
    """The recording of one script, which begins when torch is there."""

    def __init__(
        self,
        target: ScriptTarget,
        output: Path,
        *,
        max_bytes: int,
        live: LiveOptions | None,
    ) -> None:
        self.says = False
        self._title = target.title
        self._shown = path_of_rank(output)
        self._path = self._shown.absolute()  # the script may change the folder
        self._live = live
        self._pid = os.getpid()
        self._run: RecordingRun | LiveRun | None = None
        self._max_bytes = max_bytes
        self._environment = {
            "script": target.title,
            "arguments": " ".join(target.argv),
            "folder": str(Path.cwd()),
        }
        if live is not None and live.waits:
            self._environment[INTERFACE] = "terminal"

    def reserve(self, *, overwrite: bool) -> None:
        """Make the file, so that a place that cannot be written is known at once."""
        try:
            create_file(self._path, self._environment, overwrite=overwrite)
        except GraphscopeError as problem:
            raise _cannot_begin(problem) from None

    def begin(self) -> None:
        """Start to record, on this thread."""
        options = {
            "overwrite": True,
            "environment": self._environment,
            "max_bytes": self._max_bytes,
        }
        try:
            run = self._make(options)
            run.__enter__()
        except GraphscopeError as problem:
            raise _cannot_begin(problem) from None
        self._run = run
        if run.path != self._path:  # the script has set a rank by itself
            self._path.unlink(missing_ok=True)
            self._path = self._shown = run.path
        if self.says and self._live is not None:
            tell(
                f"graphscope: {self._title} trains in process {self._pid}. Attach from "
                f"another terminal: graphscope attach {self._pid}"
            )

    def _make(self, options: dict[str, Any]) -> "RecordingRun | LiveRun":
        if self._live is None:
            from graphscope.session.runs import RecordingRun

            return RecordingRun(self._path, (), options)
        from graphscope.session.live import LiveRun

        run = LiveRun(self._path, options, self._live)
        run.awaits_threads = True
        return run

    def end(self, error: BaseException | None) -> None:
        """Close the recording because of `error`; a forked child has none."""
        if os.getpid() != self._pid:
            _forget_calls(error)
            return
        if self._run is None:
            with suppress(Exception):  # a full disk, or a script that patched threads
                self._leave_empty()
            return
        try:
            if error is not None:
                self._run.end(error)
        finally:
            self._run.__exit__(None, None, None)

    def _leave_empty(self) -> None:
        """Close a recording that has never begun."""
        from graphscope.storage.writer import RecordingWriter

        RecordingWriter(
            self._path, environment=self._environment, overwrite=True
        ).close()

    def load_goodbye(self) -> None:
        """Import now what saying goodbye takes, and not when the interrupt is told of.

        Python ends as killed by SIGINT unless source text is executed after that, which
        dataclasses do as they are defined. Source: `run_eval_code_obj` in CPython.
        """
        if self.says and os.getpid() == self._pid:
            with suppress(Exception):
                from graphscope.render.escape import clean_text

                clean_text(describe_recording(self._shown))

    def say_goodbye(self) -> None:
        """Say what has been recorded; threads may have gone on until now."""
        if os.getpid() != self._pid:
            return
        threads = getattr(self._run, "thread_paths", ())
        debugger: Debugger | None = getattr(self._run, "debugger", None)
        try:
            if debugger is not None and debugger.stopped:
                reason = self._describe_reason(debugger.stopped)
                tell(describe_stop(self._shown, reason))
                return
            for path in threads:
                tell(describe_recording(path, max_bytes=self._max_bytes))
            for line in self._describe_misses(debugger):
                tell(line)
            of = "the main thread" if threads else "the script"
            tell(describe_recording(self._shown, max_bytes=self._max_bytes, of=of))
        except (GraphscopeError, OSError) as problem:
            tell(f"graphscope: {problem}")

    def _describe_misses(self, debugger: "Debugger | None") -> list[str]:
        """Say which places were never reached, and which of them name nothing."""
        states = debugger.state.breakpoints if debugger is not None else ()
        problems = {state.text: state.problem for state in states}
        until = self._live.until if self._live is not None else ""
        why = problems.pop(until, "")
        found = [
            f"graphscope: --break {text!r} was never reached. {problem}"
            for text, problem in problems.items()
            if problem
        ]
        if until:
            line = f"graphscope: --until {until!r} was never reached. {why}"
            found.append(line.rstrip())
        return found

    def _describe_reason(self, stopped: str) -> str:
        is_until = self._live is not None and stopped == self._live.until
        return f"--until {stopped!r}" if is_until else "the debugger"
