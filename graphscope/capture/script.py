"""Running a user's script as `python script.py` would, inside our process.

Separate from the recorder because it knows nothing of torch: it sets up `__main__`,
`sys.argv` and `sys.path[0]`, and turns the script's end into an exit code.
"""

import io
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from graphscope.capture.mode import strip_frames
from graphscope.errors import CaptureError

_OURS = str(Path(__file__).parent)


def read_script(path: Path) -> types.CodeType:
    """Compile a script.

    Raises:
        CaptureError: It is missing, a folder, or not Python source.
    """
    if not path.exists():
        raise CaptureError(f"There is no file {path}. Check the path of the script.")
    if not path.is_file():
        raise CaptureError(f"{path} is not a file: name the Python script to run.")
    try:
        source = io.BytesIO(path.read_bytes())
        return compile(source.getvalue(), str(path.resolve()), "exec")
    except (SyntaxError, ValueError) as problem:
        where = getattr(problem, "lineno", None)
        line = f":{where}" if where else ""
        reason = getattr(problem, "msg", None) or str(problem)
        raise CaptureError(
            f"{path}{line} is not a Python script ({reason}). "
            "graphscope records scripts that `python` can run."
        ) from None
    except OSError as problem:
        raise CaptureError(f"{path} cannot be read: {problem.strerror}.") from problem


@contextmanager
def as_main(path: Path, argv: Sequence[str]) -> Iterator[types.ModuleType]:
    """Make a fresh `__main__` for `path`, and put the old one back afterwards."""
    module = types.ModuleType("__main__")
    full = str(path.resolve())
    module.__file__ = full
    module.__dict__.update(__builtins__=__builtins__, __cached__=None)
    kept = sys.modules["__main__"], sys.argv, sys.path[0]
    sys.modules["__main__"] = module
    sys.argv = [str(path), *argv]
    sys.path[0] = str(Path(full).parent)
    try:
        yield module
    finally:
        sys.modules["__main__"], sys.argv, sys.path[0] = kept


def run_code(code: types.CodeType, module: types.ModuleType) -> None:
    """Execute a compiled script in `module`; whatever it raises passes through."""
    exec(code, module.__dict__)  # noqa: S102 - running the user's script is the point


def report_end(error: BaseException | None, script: str) -> int:
    """Return the exit code that `python` would give, after printing what it would.

    The traceback is the user's own: it begins at `script`, the file that was run, and
    our frames are taken out of it.
    """
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        return _exit_code(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    error.with_traceback(strip_frames(trace, _OURS))
    sys.stdout.flush()
    sys.excepthook(type(error), error, error.__traceback__)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1
