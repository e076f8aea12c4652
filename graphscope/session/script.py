"""Recording an unmodified script."""

from collections.abc import Sequence
from pathlib import Path

from graphscope.session.runs import RecordingRun
from graphscope.storage.schema import DEFAULT_MAX_BYTES


def run_script(
    script: Path,
    argv: Sequence[str],
    output: Path,
    *,
    overwrite: bool = False,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> int:
    """Run a script as `python script.py argv…` would, recording it to `output`.

    Returns:
        The script's exit code. Its traceback goes to stderr, unshortened.

    Raises:
        CaptureError: There is no such Python script.
        RecordingError: `output` exists or cannot be written.
    """
    from graphscope.capture.script import become_main, read_script, report_end, run_code

    code = read_script(script)
    environment = {"script": str(script), "arguments": " ".join(argv)}
    error: BaseException | None = None
    options = {
        "overwrite": overwrite,
        "environment": environment,
        "max_bytes": max_bytes,
    }
    with RecordingRun(output, (), options) as run:
        module = become_main(script, argv)
        try:
            run_code(code, module)
        except BaseException as problem:  # noqa: BLE001 - it is reported below
            error = problem
            run.end(problem)
    return report_end(error, code.co_filename)
