"""The one place that composes capture, storage, debugger and pictures.

Its names are loaded when used: a script that runs under graphscope must not find
numpy imported already, and torch is imported when a trace or a recording starts, never
by loading or drawing one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from graphscope.session.hooks import name as name, on as on, step as step
    from graphscope.session.opening import (
        load as load,
        record as record,
        trace as trace,
    )
    from graphscope.session.runs import (
        RecordingRun as RecordingRun,
        Tracing as Tracing,
    )
    from graphscope.session.script import run_script as run_script
    from graphscope.session.steps import (
        LoadedRecording as LoadedRecording,
        TracedStep as TracedStep,
    )

_HOMES: Final = {
    "LoadedRecording": "steps",
    "RecordingRun": "runs",
    "TracedStep": "steps",
    "Tracing": "runs",
    "load": "opening",
    "name": "hooks",
    "on": "hooks",
    "record": "opening",
    "run_script": "script",
    "step": "hooks",
    "trace": "opening",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
