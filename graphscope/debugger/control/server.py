"""Serves the debuggers that attach to this process, on one thread of its own.

The training never waits for it: `publish` only rings a bell. The thread sleeps until
somebody has sent something, or half a second has gone.
"""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import RLock, Thread, current_thread
from time import monotonic, sleep
from typing import Final

from graphscope.debugger.control.audience import Audience, Calls
from graphscope.debugger.control.endpoint import Endpoint
from graphscope.debugger.control.hall import Hall
from graphscope.debugger.control.log import ControlLog, quote
from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command
from graphscope.errors import DebuggerError
from graphscope.forks import call_in_child

TICK_S: Final = 0.5

_PAUSE_S: Final = 0.02  # between two states: a loop that publishes must not cost much
_CREDIT_S: Final = 0.06  # pauses that are saved up: a step tells two states in a row
_ENDING_S: Final = 0.5  # for the last state to reach the clients
_JOIN_S: Final = 3.0
_NAP_S: Final = 0.005
_NO_SIGNAL: Final = getattr(socket, "MSG_NOSIGNAL", 0)
_OWN_FAULTS: Final = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP")


class ControlServer:
    """Lets debuggers command this process, and tells them where it is.

    All callables run on the server's thread, one at a time; none may wait long. What
    they raise never ends the server: a `DebuggerError` of `execute` is told to the
    client in its own words. A forked child has a closed server.

    Args:
        endpoint: Where it listens; closing the server closes it.
        state: Returns where the process is.
        execute: Carries out a command and returns a few words.
        on_control: Hears that a controller has come (True) or gone (False).
        on_tick: Is called about twice a second.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        state: Callable[[], ProcessState],
        execute: Callable[[Command], str],
        on_control: Callable[[bool], None],
        on_tick: Callable[[], None],
    ) -> None:
        self._endpoint = endpoint
        info = endpoint.info
        self._log = ControlLog(endpoint.log_path)
        self._audience = Audience(
            Calls(state, execute, on_control, on_tick),
            token=info.token,
            log=self._log,
            state=ProcessState(info.pid, info.script, info.rank),
        )
        self._lock = RLock()  # around the bell, which another thread may close
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._hall = Hall(endpoint, self._ear, self._audience, self._log)
        self._is_changed = False
        self._is_closing = False
        self._is_over = False
        self._next_tick, self._next_state = 0.0, float("-inf")
        self._thread = Thread(target=self._run, name="graphscope-control", daemon=True)
        call_in_child(self.drop)

    def start(self) -> None:
        """Begin to serve.

        Raises:
            DebuggerError: No thread can be started.
        """
        try:
            self._thread.start()
        except RuntimeError as error:
            self._finish()
            raise DebuggerError(
                f"The debugger's channel was not opened: process {os.getpid()} cannot "
                f"start another thread ({error}). End some threads first."
            ) from error

    def publish(self) -> None:
        """Tell everybody that the state has changed; from any thread, without waiting.

        Many calls in a short time are one.
        """
        if self._is_changed or not self._audience.members:
            return
        self._is_changed = True
        self._ring()

    def close(self) -> None:
        """Tell the last state, let everybody go and remove the directory.

        Called on the server's own thread, it happens when the command is answered.
        """
        if self._is_over:
            return
        self._is_closing = True
        if current_thread() is self._thread:
            return
        if self._thread.ident is not None:
            self._ring()
            self._thread.join(_JOIN_S)
        self._finish()

    def drop(self) -> None:
        """Close what a forked child has inherited, without a word to anybody."""
        self._is_over = True
        self._lock = RLock()  # another thread of the parent may have had it
        self._hall.drop()
        self._bell.close()
        self._ear.close()

    def _ring(self) -> None:
        with self._lock, suppress(OSError):  # it rings already, or is closed
            if not self._is_over:
                self._bell.send(b"!", _NO_SIGNAL)

    def _run(self) -> None:
        _leave_signals_to_others()
        try:
            while not self._is_closing:
                try:
                    self._turn()
                except Exception as error:  # noqa: BLE001 - the channel outlives it
                    self._log.write(f"a turn failed: {quote(error)}")
                    sleep(_NAP_S)
            self._end()
        except BaseException as error:  # noqa: BLE001 - stderr is the script's
            self._log.write(f"the channel ends: {quote(error)}")
        finally:
            self._finish()

    def _turn(self) -> None:
        now = monotonic()
        until = self._next_tick
        if self._is_changed:
            until = min(until, self._next_state)
        if self._hall.serve(max(0.0, until - now)):
            self._hear_bell()
        now = monotonic()
        if now >= self._next_tick:
            self._next_tick = now + TICK_S
            self._audience.tick()
        if self._is_changed and now >= self._next_state:
            self._next_state = max(self._next_state, now - _CREDIT_S) + _PAUSE_S
            self._is_changed = False  # first: a change from now on is told later
            self._hall.tell()

    def _hear_bell(self) -> None:
        with suppress(OSError):
            while self._ear.recv(4096):
                pass

    def _end(self) -> None:
        """Tell the last state, and wait a little until it has gone."""
        until = monotonic() + _ENDING_S
        self._hall.tell()
        self._hall.end_all()
        while self._hall.is_sending and monotonic() < until:
            self._hall.serve(_NAP_S)

    def _finish(self) -> None:
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            self._bell.close()
        self._hall.close()
        self._ear.close()
        self._endpoint.close()


def _leave_signals_to_others() -> None:
    """Have the kernel deliver signals to the script's threads.

    One that this thread got would not wake the main thread from a system call.
    """
    if hasattr(signal, "pthread_sigmask"):
        own = {getattr(signal, name, None) for name in _OWN_FAULTS}
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - own)
