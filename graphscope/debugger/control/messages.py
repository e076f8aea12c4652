"""The closed list of messages, each way, and their form on the wire."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from graphscope.debugger.control.fields import (
    LARGEST,
    LONGEST_TEXT,
    Fields,
    is_encodable,
)
from graphscope.debugger.control.states import state_from_json, state_to_json
from graphscope.debugger.control.wire import MessageError, frame, parse
from graphscope.debugger.state import ProcessState
from graphscope.debugger.verbs import Command, Verb

PROTOCOL: Final = 1
"""Both sides must speak the same one."""
LONGEST_COMMAND: Final = 300
"""Longest text of a command, in characters."""
GREETING_BYTES: Final = 1024
"""Longest message that somebody may send who has not said who they are."""

_LONGEST_TOKEN: Final = 128
_HIGHEST: Final = 2**31 - 1


class Kind(StrEnum):
    """What a message is."""

    HELLO = "hello"
    COMMAND = "command"
    WELCOME = "welcome"
    STATE = "state"
    ANSWER = "answer"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's first message; again, it asks for control or gives it back.

    Attributes:
        token: What proves that the client may read the process's files.
        wants_control: Whether it wants to be the one that commands.
        protocol: The protocol that it speaks.
    """

    token: str
    wants_control: bool
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Request:
    """A command, with a number under which it is answered."""

    number: int
    command: Command


@dataclass(frozen=True, slots=True)
class Welcome:
    """The server's answer to a `Hello`: who the client is from now on."""

    is_controller: bool
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class StateTold:
    """Where the process is."""

    state: ProcessState


@dataclass(frozen=True, slots=True)
class Answer:
    """A command has been carried out."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was not carried out; number 0 is the whole connection's end."""

    number: int
    text: str


FromClient = Hello | Request
FromServer = Welcome | StateTold | Answer | Refused


def encode(message: FromClient | FromServer) -> bytes:
    """Return a message as it goes over the wire.

    A state that is too large is cut down, and so is the text of an answer.

    Raises:
        MessageError: A command's text is too long, or a number out of range.
    """
    match message:
        case Hello(token, wants_control, protocol):
            content = {"token": token, "wants_control": wants_control}
            return _encode(Kind.HELLO, protocol=protocol, **content)
        case Request(number, command):
            return _encode_request(number, command)
        case Welcome(is_controller, protocol):
            return _encode(Kind.WELCOME, protocol=protocol, is_controller=is_controller)
        case StateTold(state):
            return _encode(Kind.STATE, state=state_to_json(state))
        case Answer(number, text):
            return _encode(Kind.ANSWER, id=number, text=_cut(text))
        case Refused(number, text):
            return _encode(Kind.REFUSED, id=number, text=_cut(text))


def decode_from_client(body: bytes) -> FromClient:
    """Return the message of a client.

    Raises:
        MessageError: It is none that a client may send.
    """
    fields = Fields(parse(body))
    message: FromClient
    match fields.choice("kind", Kind):
        case Kind.HELLO:
            message = Hello(
                fields.text("token", _LONGEST_TOKEN),
                fields.flag("wants_control"),
                fields.number("protocol"),
            )
        case Kind.COMMAND:
            message = Request(fields.number("id", lowest=1), _decode_command(fields))
        case kind:
            raise MessageError(f"a {kind} from a client")
    fields.end()
    return message


def decode_from_server(body: bytes) -> FromServer:
    """Return the message of a server.

    Raises:
        MessageError: It is none that a server may send.
    """
    fields = Fields(parse(body))
    message: FromServer
    match fields.choice("kind", Kind):
        case Kind.WELCOME:
            message = Welcome(fields.flag("is_controller"), fields.number("protocol"))
        case Kind.STATE:
            message = StateTold(state_from_json(fields.take("state")))
        case Kind.ANSWER:
            message = Answer(fields.number("id", lowest=1), fields.text("text"))
        case Kind.REFUSED:
            message = Refused(fields.number("id"), fields.text("text"))
        case kind:
            raise MessageError(f"a {kind} from a server")
    fields.end()
    return message


def _decode_command(fields: Fields) -> Command:
    return Command(
        fields.choice("verb", Verb),
        fields.maybe_number("seat", _HIGHEST),
        fields.text("text", LONGEST_COMMAND),
        fields.number("number", highest=_HIGHEST),
    )


def _encode_request(number: int, command: Command) -> bytes:
    if len(command.text) > LONGEST_COMMAND:
        raise MessageError(
            f"a text of {len(command.text)} characters (at most {LONGEST_COMMAND})"
        )
    if not is_encodable(command.text):
        raise MessageError("half a character in the text")
    seat = 0 if command.seat is None else command.seat
    numbers = [(number, LARGEST), (seat, _HIGHEST), (command.number, _HIGHEST)]
    if not all(0 <= value <= highest for value, highest in numbers):
        raise MessageError("a number out of range")
    return _encode(
        Kind.COMMAND,
        id=number,
        verb=command.verb,
        seat=command.seat,
        text=command.text,
        number=command.number,
    )


def _encode(kind: Kind, **content: object) -> bytes:
    return frame({"kind": kind, **content})


def _cut(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return text.encode(errors="replace").decode()
