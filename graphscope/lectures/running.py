"""Running one example under a trace, or into a recording.

The script is executed as a module first, unseen: what is recorded is the example, not
the imports. Randomness that an example uses is its own: the state of torch's generator
is as it was afterwards.
"""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from graphscope.errors import GraphscopeError
from graphscope.lectures.catalog import Example
from graphscope.session.opening import load, record, trace
from graphscope.session.steps import LoadedRecording


@dataclass(frozen=True, slots=True)
class Run:
    """An example that has run.

    Attributes:
        steps: What was recorded.
        returned: What the example gave back: facts that no tensor holds.
        printed: What it printed.
        error: The exception that ended it, as `IndexError: Target 3 …`, or nothing.
    """

    steps: LoadedRecording
    returned: Mapping[str, Any] = field(default_factory=dict)
    printed: str = ""
    error: str = ""


def trace_example(example: Example) -> Run:
    """Run an example and keep its steps in memory.

    Raises:
        GraphscopeError: It needs a package that is not installed.
    """
    with _importable(example):
        tracing = trace()
        returned, printed, error = _call(_load(example), tracing)
    return Run(tracing.steps, returned, printed, error)


def record_example(example: Example, file: Path) -> Run:
    """Run an example into the recording `file`, replacing an older one.

    The recording stays open for reading: close `Run.steps`.

    Raises:
        GraphscopeError: It needs a package that is not installed.
        RecordingError: The file cannot be written.
    """
    script = {"script": f"{example.path.name} {example.id}"}
    with _importable(example):
        running = record(file, overwrite=True, environment=script)
        returned, printed, error = _call(_load(example), running)
    return Run(load(file), returned, printed, error)


def _load(example: Example) -> Callable[[], Mapping[str, Any] | None]:
    spec = spec_from_file_location(f"demos_{example.topic}", example.path)
    if spec is None or spec.loader is None:
        raise GraphscopeError(f"{example.path} is not a Python script.")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[], Mapping[str, Any] | None] = getattr(module, example.function)
    return function


@contextlib.contextmanager
def _importable(example: Example) -> Iterator[None]:
    """Say which extra is missing, instead of a traceback."""
    try:
        yield
    except ModuleNotFoundError as problem:
        if problem.name is None or not problem.name.startswith("sklearn"):
            raise
        raise GraphscopeError(
            f"The example {example.id} needs scikit-learn for its data. Install it "
            "with: pip install 'graphscope-torch[lectures]'"
        ) from None


def _call(
    function: Callable[[], Mapping[str, Any] | None],
    watch: contextlib.AbstractContextManager[Any],
) -> tuple[Mapping[str, Any], str, str]:
    """Call an example under `watch`; return its result, its prints and its error."""
    output = io.StringIO()
    returned: Mapping[str, Any] | None = None
    error = ""
    with _same_randomness(), contextlib.redirect_stdout(output):
        try:
            with watch:
                returned = function()
        except ModuleNotFoundError:
            raise
        except Exception as problem:  # noqa: BLE001 - traps raise: that is their point
            error = f"{type(problem).__name__}: {problem}"
    return returned or {}, output.getvalue(), error


@contextlib.contextmanager
def _same_randomness() -> Iterator[None]:
    torch = sys.modules["torch"]
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)
