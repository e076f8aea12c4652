"""The process that runs a script: starting it, following it, and its own beginning.

It has imported nothing that a script could notice when the script begins.
"""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final, NoReturn

from graphscope.session.interpreter import find_flags, launch_command
from graphscope.session.order import Order, read_order
from graphscope.session.unseen import unseen

PATIENCE_S: Final = 3.0
"""How long a script has to answer a signal before `stop` sends the next one."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGKILL", None))


class Child:
    """A script's process, seen from the one that has started it.

    It has a terminal session of its own: Ctrl-C and the end of the terminal reach it
    only through here. It goes on when this process ends.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._sent = 0
        self._sent_at = 0.0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return its exit code, −N where signal N has killed it; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end; None when it has not come by then."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def describe_end(self) -> str:
        """Say how it has ended, such as `exit code 0`; empty while it runs."""
        code = self.poll()
        return "" if code is None else describe_code(code)

    def stop(self) -> None:
        """Ask it to end, more firmly each time: for a script that does not listen.

        First SIGINT, as Ctrl-C sends it. Called again it sends SIGTERM, then SIGKILL,
        each at least 3 s after the one before. Never waits.
        """
        is_soon = self._sent and monotonic() - self._sent_at < PATIENCE_S
        if self.poll() is not None or is_soon:
            return
        chosen = _SIGNALS[min(self._sent, len(_SIGNALS) - 1)]
        self._sent, self._sent_at = self._sent + 1, monotonic()
        if chosen is None:  # not on Windows
            self._process.kill()
        else:
            self._process.send_signal(chosen)

    def let_go(self) -> None:
        """Leave it to itself: this process will not ask for its end any more."""
        if self._process.poll() is None:
            self._process.returncode = 0  # else python warns of a child that goes on


def describe_code(code: int) -> str:
    """Say what an exit status means.

    >>> describe_code(3), describe_code(-9), describe_code(-250)
    ('exit code 3', 'killed by SIGKILL', 'killed by signal 250')
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def log_of(recording: Path) -> Path:
    """Return where a script's stdout and stderr go: beside its recording.

    >>> log_of(Path("runs/train.gscope")).as_posix()
    'runs/train.gscope.log'
    """
    return recording.with_name(f"{recording.name}.log")


def start_child(order: Order) -> Child:
    """Start a script in a process of its own, under the debugger.

    Its stdin is empty; stdout and stderr are both appended to its log (`log_of`), which
    begins empty. A file, and no pipe: the script does not notice when its reader is
    gone.

    Raises:
        OSError: The log cannot be written, or no process be started.
    """
    told = replace(order, is_logged=True)
    command = launch_command(told.to_json(), told.target.words)
    log = log_of(order.output)
    log.write_bytes(b"")
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - the user's script is what is asked for
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(process)


def become_child(order: Order) -> NoReturn:
    """Run a script in this very process, which forgets everything else.

    It keeps its id, terminal, stdin, stdout, stderr and environment.

    Raises:
        OSError: Python cannot be started.
    """
    command = launch_command(order.to_json(), order.target.words)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # there the process would get another id, and nobody wait
        sys.exit(subprocess.call(command))  # noqa: S603 - likewise
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


@unseen
def main() -> None:
    """Do what the command line of this process says: what `launch_command` makes."""
    flags = find_flags(sys.orig_argv[1:])
    order = read_order(sys.argv[1], sys.argv[2:])
    sys.orig_argv = [sys.orig_argv[0], *flags, *order.target.words]
    if order.is_logged:
        _write_lines()
    from graphscope.session.script import run_script

    if not sys.flags.safe_path:
        sys.path.insert(0, "")  # the script's folder takes this place
    run_script(
        order.target,
        order.output,
        overwrite=order.overwrite,
        max_bytes=order.max_bytes,
        live=order.live,
        is_quiet=order.is_logged,
    )


def _write_lines() -> None:
    """Let a log have each line at once, as a terminal has it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)
