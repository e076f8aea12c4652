"""Who is attached, and what each may ask: one controller, many readers.

Separate from the server's thread and sockets: here is what the messages do.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from graphscope.debugger.control.connection import Connection, Gone, Role
from graphscope.debugger.control.log import ControlLog, quote
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
from graphscope.debugger.control.wire import MessageError
from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command, Verb
from graphscope.errors import DebuggerError

MOST_CLIENTS: Final = 16

_WHO: Final = "This is a debugger's channel: the first message was no valid greeting."
_ENTITLED: Final = frozenset({Role.READER, Role.CONTROLLER})


class Unwelcome(Exception):  # noqa: N818 - a decision of ours, no error
    """The connection ends; the text says why, and may be told to the client."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What the server asks of the debugger, on the server's thread.

    Attributes:
        state: Returns where the process is.
        execute: Carries out a command and returns a few words.
        on_control: Hears that a controller has come (True) or gone (False).
        on_tick: Is called about twice a second.
    """

    state: Callable[[], ProcessState]
    execute: Callable[[Command], str]
    on_control: Callable[[bool], None]
    on_tick: Callable[[], None]


class Audience:
    """The clients that have said who they are.

    Attributes:
        members: Readers and the controller, in the order in which they came.
    """

    def __init__(
        self, calls: Calls, *, token: str, log: ControlLog, state: ProcessState
    ) -> None:
        self.members: list[Connection] = []
        self._calls = calls
        self._token = token.encode()
        self._log = log
        self._last_state = state

    @property
    def controller(self) -> Connection | None:
        """The one that may command."""
        found = (item for item in self.members if item.role is Role.CONTROLLER)
        return next(found, None)

    def hear(self, client: Connection, message: FromClient) -> None:
        """Do what a message asks for.

        Raises:
            Unwelcome: The client must go.
            MessageError: It does not read what it gets.
            Gone: It has gone.
        """
        if isinstance(message, Hello):
            self._greet(client, message)
        elif client.role in _ENTITLED:
            self._answer(client, message)
        else:
            raise Unwelcome(_WHO)

    def refusal_of(self, client: Connection, reason: str) -> bytes:
        """Return what a client whose message was `reason` is told at the end.

        Somebody who has not said who it is gets always the same, whatever it sent.
        """
        if client.role is Role.STRANGER:
            return encode(Refused(0, _WHO))
        return encode(Refused(0, f"The connection was closed: {reason}."))

    def tell(self) -> list[Connection]:
        """Show the state to everybody; return those that could not take it."""
        if not self.members:
            return []
        state = self._encode_state()
        failed = []
        for client in self.members:
            try:
                client.show(state)
            except Gone:
                failed.append(client)
            except MessageError as error:
                self._log.write(f"connection {client.number}: dropped: {error}")
                failed.append(client)
        return failed

    def dismiss(self, client: Connection) -> None:
        """Forget a client; when it was the controller the debugger hears of it."""
        if client not in self.members:
            return
        self.members.remove(client)
        if client.role is Role.CONTROLLER:
            client.role = Role.READER
            self._note_control(is_there=False)
            self._pass_control_on()

    def tick(self) -> None:
        """Let the debugger look after what it watches."""
        try:
            self._calls.on_tick()
        except Exception as error:  # noqa: BLE001 - the channel outlives it
            self._log.write(f"a look failed: {quote(error)}")

    def _greet(self, client: Connection, hello: Hello) -> None:
        if not hmac.compare_digest(hello.token.encode(), self._token):
            raise Unwelcome(_WHO)
        if hello.protocol != PROTOCOL:
            raise Unwelcome(
                f"The debugged process speaks version {PROTOCOL} of the channel, the "
                f"debugger version {hello.protocol}. Use one version of graphscope."
            )
        if client not in self.members:
            self._admit(client)
        self._decide_role(client, wants_control=hello.wants_control)
        client.send(encode(Welcome(client.role is Role.CONTROLLER)))
        client.show(self._encode_state())

    def _admit(self, client: Connection) -> None:
        if len(self.members) >= MOST_CLIENTS:
            raise Unwelcome(
                f"{MOST_CLIENTS} debuggers are attached already. Close one of them."
            )
        client.admit(Role.READER)
        self.members.append(client)

    def _decide_role(self, client: Connection, *, wants_control: bool) -> None:
        client.wants_control = wants_control
        controller = self.controller
        if wants_control and controller is None:
            client.role = Role.CONTROLLER
            self._note_control(is_there=True)
        elif not wants_control and controller is client:
            client.role = Role.READER
            self._note_control(is_there=False)
            self._pass_control_on()

    def _pass_control_on(self) -> None:
        """Give control to who has waited longest: it would else look on for ever."""
        for client in self.members:
            if not client.wants_control:
                continue
            try:
                client.send(encode(Welcome(is_controller=True)))
            except (Gone, MessageError):
                continue  # the hall will find that it has gone
            client.role = Role.CONTROLLER
            self._note_control(is_there=True)
            return

    def _answer(self, client: Connection, request: Request) -> None:
        command = request.command
        reply: FromServer
        if client.role is Role.READER and command.verb is not Verb.STATUS:
            reply = Refused(request.number, self._explain_reader(command))
        else:
            reply = self._execute(request)
        client.show(self._encode_state())  # before the answer: then it is known
        client.send(encode(reply))

    def _explain_reader(self, command: Command) -> str:
        who = "Another debugger has" if self.controller is not None else "Nobody has"
        return (
            f"{command.verb} was not carried out: this debugger only looks on. "
            f"{who} control of the process: ask for control first."
        )

    def _execute(self, request: Request) -> FromServer:
        try:
            return Answer(request.number, self._calls.execute(request.command))
        except DebuggerError as error:
            return Refused(request.number, str(error))
        except Exception as error:  # noqa: BLE001 - the channel outlives it
            verb = request.command.verb
            self._log.write(f"{verb} failed: {quote(error)}")
            return Refused(
                request.number,
                f"{verb} failed in the debugged process: {quote(error)}. "
                "The training goes on; ask for the status to see where.",
            )

    def _note_control(self, *, is_there: bool) -> None:
        try:
            self._calls.on_control(is_there)
        except Exception as error:  # noqa: BLE001 - the channel outlives it
            self._log.write(f"a change of control failed: {quote(error)}")

    def _encode_state(self) -> bytes:
        try:
            self._last_state = self._calls.state()
        except Exception as error:  # noqa: BLE001 - the channel outlives it
            self._log.write(f"the state failed: {quote(error)}")
        try:
            return encode(StateTold(self._last_state))
        except MessageError as error:
            self._log.write(f"the state does not fit: {error}")
            return encode(StateTold(ProcessState(self._last_state.pid, "")))
