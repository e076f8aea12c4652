"""What a recorded script leaves behind, in one line for the human."""

import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from graphscope.storage.schema import DEFAULT_MAX_BYTES

if TYPE_CHECKING:
    from graphscope.model.trace import Trace


def tell(text: str) -> None:
    """Write a line to stderr, which may be closed or on a full disk."""
    from graphscope.render.escape import clean_text

    with suppress(OSError, ValueError, AttributeError):
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        clean = clean_text(text).encode(encoding, "replace").decode(encoding)
        sys.stderr.write(f"{clean}\n")
        sys.stderr.flush()


def describe_recording(
    target: Path, *, max_bytes: int = DEFAULT_MAX_BYTES, of: str = "the script"
) -> str:
    """Say what the finished recording `of` something holds, and how to open it.

    Raises:
        RecordingError: It cannot be read.
    """
    from graphscope.model.sizes import format_size
    from graphscope.storage.file import open_recording

    with closing(open_recording(target)) as recording:
        count, thinned = len(recording), recording.thinned
    if not count:
        return f"Nothing was recorded in {target}: {of} ran no torch operation."
    steps = "1 step" if count == 1 else f"{count} steps"
    if thinned:
        budget = format_size(max_bytes)
        steps += f" of {count + thinned} (older ones were thinned to keep to {budget})"
    return f"Recorded {steps} in {target}. Open it: graphscope view {target}"


def describe_stop(target: Path, by: str) -> str:
    """Say where the training was ended, and how to look at it.

    Args:
        target: The recording.
        by: What has ended it.

    Raises:
        RecordingError: The recording cannot be read.
    """
    from graphscope.storage.file import open_recording

    with closing(open_recording(target)) as recording:
        place = _describe_last(recording[len(recording) - 1])
    return f"Stopped by {by} at {place}. Open it: graphscope view {target}"


def _describe_last(trace: "Trace") -> str:
    index = len(trace.graph.events) - 1
    event = trace.graph.events[index]
    op = trace.graph.ops[event.op] if event.op is not None else None
    site = event.site or (op.site if op is not None else None)
    where = f"step {trace.step}, event {index + 1}: {trace.event_title(index)}"
    if site is None:
        return where
    lines = trace.sources.get(site.file, "").splitlines()
    source = lines[site.line - 1].strip() if 0 < site.line <= len(lines) else ""
    return f"{where}, {site.short}" + (f": {source}" if source else "")
