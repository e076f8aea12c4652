"""The public way in: trace a step, record a training, load a recording."""

from pathlib import Path
from typing import Any

from graphscope.session.runs import RecordingRun, Tracing
from graphscope.session.steps import LoadedRecording
from graphscope.storage.file import open_recording


def trace(*models: Any, **options: Any) -> Tracing:
    """Capture the torch code of a `with` block.

    Args:
        *models: Modules whose parameters get their dotted names (`fc1.weight`).
            Modules that are called inside are found without.
        **options: `whole` (elements up to which tensors are kept, 256), `stats`
            (statistics of larger ones, True), `local` (local derivatives, True),
            `on_finding`: tell at once of what is suspicious. `"raise"` raises a
            `gs.FindingError` in your code as soon as the step is over, `"warn"` gives
            a `gs.FindingWarning` at the line that is to blame, a function is called
            with the `Finding`. Each finding is told once. Looked at are steps 0 to 3
            and the last four of every 64, the first ones that run other operations,
            and those in which a NaN, an Inf or an exception comes up;
            `t.findings` looks at all.

    Returns:
        A context manager. It sees the thread that enters it, and nothing of the
        user's is kept alive: numbers are copied.
    """
    return Tracing(models, options)


def record(path: str | Path, *models: Any, **options: Any) -> RecordingRun:
    """Record the torch code of a `with` block to a `.gscope` file.

    Steps are found by themselves; see `gs.step()`. Options as for `trace`, and
    `overwrite=True` to replace an older recording, and `max_bytes` (1 GiB): where the
    file reaches it, older steps are thinned evenly. The first step, the newest ones and
    those with a NaN, an Inf, a gap or an exception stay.
    """
    return RecordingRun(Path(path), models, options)


def load(path: str | Path) -> LoadedRecording:
    """Open a recording, also one that is being written.

    Raises:
        RecordingError: It is missing, damaged, newer than this version, or no
            recording at all.
    """
    return LoadedRecording(open_recording(Path(path)))
