"""Attaches to a debugged process: commands one way, positions the other."""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from time import monotonic
from typing import Final

from graphscope.debugger.control.dial import Line, Lost, dial
from graphscope.debugger.control.info import SessionInfo
from graphscope.debugger.control.messages import (
    PROTOCOL,
    Answer,
    FromClient,
    FromServer,
    Hello,
    Refused,
    Request,
    StateTold,
    Welcome,
    encode,
)
from graphscope.debugger.control.registry import describe
from graphscope.debugger.control.wire import MessageError
from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command
from graphscope.errors import DebuggerError

CONNECTING_S: Final = 3.0
ANSWERING_S: Final = 5.0

_JOIN_S: Final = 3.0
_GREETING: Final = 0  # where the answer to a Hello is waited for

Reply = Welcome | Answer | Refused | Lost


class ControlClient:
    """A debugger's end of the channel to one process.

    `on_state` and `on_lost` are called on a thread of the client's own, which begins
    in the constructor: the first state may come before the constructor returns.
    Texts are as the process sends them: strip control characters before showing them.

    Args:
        found: The process, as `list_sessions` or `find_session` gives it.
        on_state: Hears every new state.
        on_lost: Hears, once, why the connection has ended; not after `close`.
        wants_control: Whether to command; else, or when somebody else does, it reads.

    Raises:
        DebuggerError: There is no connection within 3 s, or the process refuses it.
    """

    def __init__(
        self,
        found: SessionInfo,
        *,
        on_state: Callable[[ProcessState], None],
        on_lost: Callable[[str], None],
        wants_control: bool = True,
    ) -> None:
        self.found = found
        self._on_state = on_state
        self._on_lost = on_lost
        self._is_controller = False
        self._is_closed = False
        self._ending: Lost | None = None
        self._sending = Lock()
        self._waiting: dict[int, SimpleQueue[Reply]] = {}
        self._number = 0
        self._line, self._state = self._attach(wants_control=wants_control)
        self._thread = Thread(target=self._read, name="graphscope-attach", daemon=True)
        self._thread.start()

    @property
    def state(self) -> ProcessState:
        """What the process told last."""
        return self._state

    @property
    def is_controller(self) -> bool:
        """Whether this debugger may command."""
        return self._is_controller

    def send(self, command: Command) -> str:
        """Have a command carried out, and return what the process says of it.

        By then `state` knows of it.

        Raises:
            DebuggerError: It cannot be carried out, in the process's words; or there
                is no answer within 5 s.
        """
        with self._sending:
            self._number += 1
            number = self._number
        reply = self._ask(number, Request(number, command), str(command.verb))
        return reply.text if isinstance(reply, Answer) else ""

    def ask_for_control(self, *, wants_control: bool = True) -> bool:
        """Ask to be the one that commands, or give it back; return who we are then.

        Raises:
            DebuggerError: There is no answer within 5 s.
        """
        hello = Hello(self.found.token, wants_control)
        self._ask(_GREETING, hello, "the change of control")
        return self._is_controller

    def close(self) -> None:
        """End the connection: the process goes on."""
        self._is_closed = True
        self._line.close()
        if current_thread() is not self._thread:
            self._thread.join(_JOIN_S)

    # --- the beginning

    def _attach(self, *, wants_control: bool) -> tuple[Line, ProcessState]:
        until = monotonic() + CONNECTING_S
        line: Line | None = None
        try:
            line = dial(self.found, until)
            line.send(encode(Hello(self.found.token, wants_control)))
            return line, self._read_greeting(line, until)
        except Lost as error:
            if line is not None:
                line.free()
            raise DebuggerError(
                f"No debugger was attached: {error}\n  {describe(self.found)}\n"
                "See `graphscope attach` for the processes that there are."
            ) from error
        except BaseException:
            if line is not None:
                line.free()
            raise

    def _read_greeting(self, line: Line, until: float) -> ProcessState:
        message = line.read(until)
        if isinstance(message, Refused):
            raise Lost(message.text)
        if not isinstance(message, Welcome) or message.protocol != PROTOCOL:
            raise Lost("the process does not say welcome")
        self._is_controller = message.is_controller
        message = line.read(until)
        if not isinstance(message, StateTold):
            raise Lost("the process does not say where it is")
        return message.state

    # --- asking

    def _ask(self, number: int, message: FromClient, what: str) -> Welcome | Answer:
        if current_thread() is self._thread:
            raise DebuggerError(
                f"{what} was not sent: the thread that would hear the answer asks. "
                "Send it from another thread than that of on_state."
            )
        answers: SimpleQueue[Reply] = SimpleQueue()
        self._waiting[number] = answers
        try:
            self._send(message)
            reply = answers.get(timeout=ANSWERING_S)
        except MessageError as error:
            raise DebuggerError(
                f"{what} was not sent: {error}. Make it shorter."
            ) from (error)
        except (Lost, Empty) as error:
            raise self._explain(what, error) from error
        finally:
            self._waiting.pop(number, None)
        if isinstance(reply, Refused):
            raise DebuggerError(reply.text)
        if isinstance(reply, Lost):
            raise self._explain(what, reply)
        return reply

    def _send(self, message: FromClient) -> None:
        data = encode(message)
        with self._sending:
            if self._ending is not None:
                raise Lost(str(self._ending))
            self._line.send(data)

    def _explain(self, what: str, error: Lost | Empty) -> DebuggerError:
        reason = (
            f"no answer within {ANSWERING_S:.0f} s"
            if isinstance(error, Empty)
            else error
        )
        return DebuggerError(
            f"{what} may not have been carried out: {reason}\n"
            f"  {describe(self.found)}\nAttach again to see where the process is."
        )

    # --- the reader's thread

    def _read(self) -> None:
        ending = self._listen()
        self._ending = ending
        self._line.close()
        for answers in list(self._waiting.values()):
            answers.put(ending)
        with self._sending:
            self._line.free()
        if not self._is_closed:
            with suppress(Exception):
                self._on_lost(str(ending))

    def _listen(self) -> Lost:
        """Hear what the process says until there is an end, and return that."""
        try:
            self._on_state(self._state)
            while True:
                self._hear(self._line.read())
        except Lost as error:
            return error
        except Exception as error:  # noqa: BLE001 - told, where nobody would see it
            return Lost(f"the debugger could not show the state: {error!r}")

    def _hear(self, message: FromServer) -> None:
        match message:
            case StateTold(state):
                self._state = state
                self._on_state(state)
            case Welcome(is_controller):
                self._is_controller = is_controller
                if _GREETING in self._waiting:
                    self._deliver(_GREETING, message)
                else:  # unasked: who had control has gone
                    self._on_state(self._state)
            case Refused(0, text):
                raise Lost(text)
            case Answer(number) | Refused(number):
                self._deliver(number, message)

    def _deliver(self, number: int, reply: Reply) -> None:
        answers = self._waiting.get(number)  # nobody, when it came too late
        if answers is not None:
            answers.put(reply)
