"""Running a user's script as `python script.py` would, inside our process.

Separate from the recorder because it knows nothing of torch: it sets up `__main__`,
`sys.argv` and `sys.path[0]`, and turns the script's end into an exit code.
"""

import sys
import types
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path

from graphscope.capture.tracebacks import strip_frames
from graphscope.errors import CaptureError


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
        return compile(path.read_bytes(), str(path.resolve()), "exec")
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


def become_main(path: Path, argv: Sequence[str]) -> types.ModuleType:
    """Make `path` this process's `__main__`, for good.

    It stays so after the script: its threads and its `atexit` functions run later and
    may look at `__main__`, pickling and spawned workers do.
    """
    module = types.ModuleType("__main__")
    full = str(path.resolve())
    module.__dict__.update(
        __annotations__={},
        __builtins__=__builtins__,
        __cached__=None,
        __file__=full,
        __loader__=SourceFileLoader("__main__", full),
    )
    sys.modules["__main__"] = module
    sys.argv = [str(path), *argv]
    sys.path[0] = str(Path(full).parent)
    return module


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
    strip_frames(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    error.__traceback__ = trace
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
