"""Taking our own frames out of the user's tracebacks.

Torch's Python functions hand themselves over to a mode through their own outer frame
and `handle_torch_function`; without us neither would be there, so both go as well.
"""

from pathlib import Path
from re import MULTILINE, compile as pattern
from types import TracebackType
from typing import Any, Final

from torch.overrides import handle_torch_function

from graphscope.capture.calls import CALL_NAME

_FOLDER: Final = str(Path(__file__).parent)
_HOLDING: Final = ("debugger", "session/alarm.py")
_FOLDERS: Final = (
    _FOLDER,
    *(str(Path(__file__).parents[1] / name) for name in _HOLDING),
)
"""Where our frames are: something holds the thread, and an exception ends that."""
_ENTRY: Final = pattern(r'^(?=  File ")', MULTILINE)
_HANDLER: Final = handle_torch_function.__code__


def strip_frames(error: BaseException, seen: set[int] | None = None) -> None:
    """Take our frames out of `error`, its causes and the members of a group."""
    seen = set() if seen is None else seen
    if id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = without_ours(error.__traceback__)
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for inner in (error.__cause__, error.__context__, *members):
        if inner is not None:
            strip_frames(inner, seen)


def without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback without our frames; its entries are linked anew."""
    kept: list[TracebackType] = []
    while trace is not None:
        if trace.tb_frame.f_code is _HANDLER:
            del kept[-1:]
        elif not _is_ours(trace):
            kept.append(trace)
        trace = trace.tb_next
    after: TracebackType | None = None
    for entry in reversed(kept):
        entry.tb_next = after
        after = entry
    return after


def clean_anomaly(metadata: dict[str, Any]) -> None:
    """Take our frames out of the text that anomaly mode keeps of a forward call."""
    texts = metadata.get("traceback_")
    if isinstance(texts, list):
        texts[:] = [without_our_lines(text) for text in texts]


def without_our_lines(text: str) -> str:
    """Return a written stack without our frames, like `without_ours`."""
    kept: list[str] = []
    for entry in _ENTRY.split(text):
        head = entry.partition("\n")[0]
        if head.endswith("in handle_torch_function"):
            del kept[-1:]
        elif not (head.endswith(CALL_NAME) or f'File "{_FOLDER}' in head):
            kept.append(entry)
    return "".join(kept)


def _is_ours(trace: TracebackType) -> bool:
    code = trace.tb_frame.f_code
    return code.co_name == CALL_NAME or code.co_filename.startswith(_FOLDERS)
