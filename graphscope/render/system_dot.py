"""Runs the `dot` that is installed on the machine, if there is one."""

import os
import shutil
import signal
import subprocess
from typing import Final

from graphscope.render.failure import EngineError

_REASON_LENGTH: Final = 120


def find_dot() -> str | None:
    """Return the path of `dot`, None when none is on PATH."""
    return shutil.which("dot")


def run_dot(executable: str, source: str, *, output: str, timeout_s: float) -> str:
    """Return what `dot` makes of `source`, which reaches it through stdin.

    Raises:
        EngineError: It failed, printed something else than text, or took too long;
            then it is killed with all its children.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, no argument of the user's
            [executable, f"-T{output}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(f"did not start: {error.strerror}") from error
    with process:
        try:
            out, err = process.communicate(source.encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise EngineError(f"took more than {timeout_s:g} s") from error
        except BaseException:
            _kill(process)
            raise
    if process.returncode != 0:
        raise EngineError(_describe_exit(process.returncode, err))
    return out.decode(errors="replace")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def _describe_exit(code: int, err: bytes) -> str:
    lines = err.decode(errors="replace").split("\n")
    said = next((line.strip() for line in lines if line.strip()), "")
    how = f"exit code {code}" if code > 0 else f"signal {-code}"
    return f"{how}: {said[:_REASON_LENGTH]}" if said else how
