"""graphscope: a debugger for the PyTorch training step.

```python
import graphscope as gs

with gs.trace() as t:
    ...
    loss.backward()
print(t["w"].grad)
```

Importing it imports neither torch nor the terminal UI: names are loaded when used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from graphscope.version import __version__ as __version__

if TYPE_CHECKING:
    from graphscope.errors import (
        CaptureError as CaptureError,
        DebuggerError as DebuggerError,
        ExportError as ExportError,
        FindingError as FindingError,
        FindingWarning as FindingWarning,
        GraphscopeError as GraphscopeError,
        NotRecordedError as NotRecordedError,
        RecordingError as RecordingError,
        StepRangeError as StepRangeError,
        UnknownNameError as UnknownNameError,
    )
    from graphscope.model.finding import Finding as Finding
    from graphscope.model.notice import Notice as Notice
    from graphscope.session.explaining import explain as explain
    from graphscope.session.hooks import name as name, on as on, step as step
    from graphscope.session.opening import (
        load as load,
        record as record,
        trace as trace,
    )
    from graphscope.session.pausing import (
        breakpoint as breakpoint,  # noqa: A004 - the word for it
        serve as serve,
    )

_HOMES = {
    "CaptureError": "graphscope.errors",
    "DebuggerError": "graphscope.errors",
    "ExportError": "graphscope.errors",
    "Finding": "graphscope.model.finding",
    "FindingError": "graphscope.errors",
    "FindingWarning": "graphscope.errors",
    "GraphscopeError": "graphscope.errors",
    "NotRecordedError": "graphscope.errors",
    "Notice": "graphscope.model.notice",
    "RecordingError": "graphscope.errors",
    "StepRangeError": "graphscope.errors",
    "UnknownNameError": "graphscope.errors",
    "breakpoint": "graphscope.session.pausing",
    "explain": "graphscope.session.explaining",
    "load": "graphscope.session.opening",
    "name": "graphscope.session.hooks",
    "on": "graphscope.session.hooks",
    "record": "graphscope.session.opening",
    "serve": "graphscope.session.pausing",
    "step": "graphscope.session.hooks",
    "trace": "graphscope.session.opening",
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - all of them are strings


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'graphscope' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
