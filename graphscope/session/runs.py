"""Captures in progress: what `gs.trace()` and `gs.record()` return."""

import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graphscope.analysis.summary import ModelSummary
from graphscope.errors import (
    CaptureError,
    RecordingError,
    StepRangeError,
    describe_error,
)
from graphscope.model.finding import Finding
from graphscope.model.trace import Trace
from graphscope.model.view import ValueView
from graphscope.session import ended
from graphscope.session.chains import ChainRuleView
from graphscope.session.endings import tell
from graphscope.session.ranks import describe_rank, path_of_rank
from graphscope.session.steps import LoadedRecording, TracedStep
from graphscope.storage.memory import MemoryRecording
from graphscope.storage.schema import DEFAULT_MAX_BYTES
from graphscope.storage.writer import RecordingWriter
from graphscope.version import __version__

if TYPE_CHECKING:
    from graphscope.capture.gate import Gate
    from graphscope.capture.recorder import Recorder
    from graphscope.session.alarm import Alarm
    from graphscope.session.answers import AnswerView


class _Capturing(ended.Recorded):
    """What `Tracing` and `RecordingRun` share: a recorder between enter and exit."""

    def __init__(self, models: Sequence[Any], options: Mapping[str, Any]) -> None:
        self._models = tuple(models)
        self._options = dict(options)
        self._alarm = _make_alarm(self._options.pop("on_finding", None))
        self._recorder: Recorder | None = None
        self._gate: Gate | None = None  # what may hold the thread; a live run's
        self._is_over = False

    def _start(self, deliver: Callable[[Trace], None]) -> None:
        from graphscope.capture.recorder import CaptureOptions, Recorder

        if self._recorder is not None:
            raise CaptureError(
                "This trace was entered before: make a new one for every `with`."
            )
        self._recorder = Recorder(
            deliver if self._alarm is None else self._watched(deliver),
            models=self._models,
            options=CaptureOptions(**self._options),
            gate=self._gate if self._alarm is None else self._alarm,
        )
        ended.note_start(self)
        try:
            self._recorder.start()
        except BaseException as problem:  # an interrupt: nobody calls `__exit__`
            self._stop(problem)
            raise

    def _watched(self, deliver: Callable[[Trace], None]) -> Callable[[Trace], None]:
        alarm = self._alarm

        def take(trace: Trace) -> None:
            deliver(trace)
            if alarm is not None:
                alarm.add(trace, self._recorder)

        return take

    def _conclude(self, error: BaseException | None) -> None:
        """Tell of the findings that are known only now that the recording is over."""
        if self._alarm is not None:
            self._alarm.end(is_failed=error is not None)

    def _stop(self, error: BaseException | None) -> None:
        if self._recorder is None or self._is_over:
            return
        try:
            self._recorder.stop(error)
        except BaseException:  # an interrupt: nothing of ours may stay behind
            self._recorder.stop(error)
            raise
        finally:
            self._is_over = True
            self._models = ()  # nothing of the user's is kept alive
        if isinstance(error, Exception):
            ended.note_end(error, self._last_reader())

    def is_recorded_by(self, recorder: object) -> bool:
        """Whether it is this recorder that makes it."""
        return self._recorder is recorder

    def last_steps(self) -> Sequence[Trace]:
        """Return the last steps that are over, of all but the last no numbers."""
        return self._last_reader()()

    def _last_reader(self) -> Callable[[], Sequence[Trace]]:
        """Return what reads the last steps, also when this object is gone."""
        raise NotImplementedError

    @property
    def faults(self) -> dict[str, int]:
        """Errors of graphscope's own, kept away from the user's code, with counts."""
        own = self._recorder.faults if self._recorder is not None else {}
        return own if self._alarm is None else {**own, **self._alarm.faults}


class Tracing(_Capturing):
    """What `gs.trace()` returns; see there. Indexed by a name it is the last step."""

    def __init__(self, models: Sequence[Any], options: Mapping[str, Any]) -> None:
        super().__init__(models, options)
        self._traces: list[Trace] = []
        self._environment = describe_environment()

    def __enter__(self) -> Self:
        """Start capturing on this thread."""
        self._start(self._traces.append)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop capturing; an exception passes through.

        Raises:
            FindingError: With `on_finding="raise"`, for what is only known now.
        """
        self._stop(error)
        self._conclude(error)

    def _last_reader(self) -> Callable[[], Sequence[Trace]]:
        steps = ended.trim(self._traces)
        return lambda: steps

    @property
    def steps(self) -> LoadedRecording:
        """All steps that were captured."""
        return LoadedRecording(MemoryRecording(self._traces, self._environment))

    @property
    def last(self) -> TracedStep:
        """The last step; inside of the `with` block the step as far as it got.

        Raises:
            StepRangeError: Nothing was captured.
        """
        if self._recorder is not None and not self._is_over:
            return TracedStep(self._recorder.snapshot(), self._environment)
        if not self._traces:
            raise StepRangeError(
                "The trace is empty: no torch operation ran inside of `with "
                "gs.trace()` on this thread."
            )
        return TracedStep(self._traces[-1], self._environment)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The known traps in the steps that are over; see `LoadedRecording`."""
        return self.steps.findings

    def __getitem__(self, name: str) -> ValueView:
        """Return the value that the user's code calls `name`, in the last step."""
        return self.last[name]

    @property
    def names(self) -> list[str]:
        """All names that the last step knows."""
        return self.last.names

    def __repr__(self) -> str:
        """Return how many steps were captured, on one line."""
        return f"<trace of {len(self._traces)} steps>"

    def chain_rule(self, leaf: str, root: str | None = None) -> ChainRuleView:
        """Take a gradient of the last step apart; see `TracedStep.chain_rule`."""
        return self.last.chain_rule(leaf, root)

    def why(self, name: str | None = None) -> "AnswerView":
        """Answer why a gradient of the last step is what it is; see `TracedStep.why`.

        What was found in the steps before is told too.
        """
        from graphscope.session.answers import ask_model, ask_why

        if name is None:
            return ask_model(self.last.trace)
        return ask_why(self.last.trace, name, self._traces or [self.last.trace])

    def all(self, name: str) -> list[ValueView]:
        """Return every value of that name in the last step."""
        return self.last.all(name)

    def summary(self) -> ModelSummary:
        """Return the layers that ran in the last step; see `TracedStep`."""
        return self.last.summary()

    def __len__(self) -> int:
        """Return the number of steps that are over."""
        return len(self._traces)

    def __bool__(self) -> bool:
        """A trace is true, also an empty one."""
        return True

    def save(self, file: str | Path, /, **options: Any) -> None:
        """Write the last step (all steps for `.gscope`) to `file`; see `TracedStep`."""
        if Path(file).suffix == ".gscope":
            self.steps.save(file)
        else:
            self.last.save(file, **options)

    def __str__(self) -> str:
        """Return the text picture of the last step."""
        return str(self.last)


class RecordingRun(_Capturing):
    """What `gs.record(path)` returns; see there."""

    def __init__(
        self, path: Path, models: Sequence[Any], options: Mapping[str, Any]
    ) -> None:
        chosen = dict(options)
        self._overwrite = bool(chosen.pop("overwrite", False))
        self._max_bytes = _check_budget(chosen.pop("max_bytes", DEFAULT_MAX_BYTES))
        self._script: Mapping[str, str] = chosen.pop("environment", {})
        super().__init__(models, chosen)
        self.path = path
        self.steps = 0
        self._writer: RecordingWriter | None = None
        self._error = ""
        self._told = 0  # how many dropped steps were told of

    def _stop(self, error: BaseException | None) -> None:
        if error is not None and not self._error:
            self._error = describe_error(error)
        super()._stop(error)

    def __enter__(self) -> Self:
        """Create the file and start capturing on this thread.

        Of several processes each writes a file of its own: `run.rank0.gscope`.

        Raises:
            RecordingError: The file exists, or cannot be written.
        """
        environment = {**describe_environment(), **describe_rank(), **self._script}
        self.path = path_of_rank(self.path)
        self._writer = RecordingWriter(
            self.path,
            environment=environment,
            overwrite=self._overwrite,
            max_bytes=self._max_bytes,
            starts=False,
        )
        self._writer.peek, self._writer.report = self._draft, self._report
        try:
            self._writer.start()
            self._start(self._add)
        except BaseException as problem:  # an interrupt: nobody calls `__exit__`
            self.__exit__(type(problem), problem, None)
            raise
        return self

    def __repr__(self) -> str:
        """Return the file and how many steps it has, on one line."""
        return f"<recording to {self.path}: {self.steps} steps>"

    def end(self, error: BaseException) -> None:
        """End the recording because of `error`, unless it is a plain exit."""
        is_plain = isinstance(error, SystemExit) and error.code in (None, 0)
        self._stop(None if is_plain else error)

    def _last_reader(self) -> Callable[[], Sequence[Trace]]:
        return partial(ended.read_last, self.path)

    def _draft(self) -> Trace | None:
        return self._recorder.draft() if self._recorder is not None else None

    def _add(self, trace: Trace) -> None:
        self.steps += 1
        if self._writer is not None:
            self._writer.add(trace)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop capturing and close the file; an exception passes through.

        Raises:
            FindingError: With `on_finding="raise"`, for what is only known now.
        """
        try:
            self._stop(error)
            self._close()
        except BaseException:  # an interrupt in the middle of it
            self._stop(error)
            self._close()
            raise
        self._conclude(error)

    def _close(self) -> None:
        if self._writer is None:
            return
        self._writer.close(error=self._error)
        dropped = self._writer.dropped
        if dropped > self._told:
            self._told = dropped
            tell(
                f"graphscope: {dropped} of {self.steps} steps are not in {self.path}: "
                "they were too large, or the disk too slow. Record with a smaller "
                "`whole`."
            )

    def _report(self, error: RecordingError) -> None:
        """Say at once that the recording has ended; the training goes on."""
        tell(f"graphscope: recording to {self.path} stopped early: {error}")


def _make_alarm(on_finding: Any) -> "Alarm | None":
    if on_finding is None:
        return None
    from graphscope.session.alarm import Alarm

    return Alarm(on_finding)


def _check_budget(max_bytes: object) -> int:
    if isinstance(max_bytes, int) and max_bytes > 0:
        return max_bytes
    raise RecordingError(
        f"max_bytes must be a positive number of bytes, not {max_bytes!r}. Nothing was"
        " recorded."
    )


def describe_environment() -> dict[str, str]:
    """Return versions and platform, for the head of a recording."""
    torch = sys.modules.get("torch")
    return {
        "graphscope": __version__,
        "torch": str(getattr(torch, "__version__", "not imported yet")),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
