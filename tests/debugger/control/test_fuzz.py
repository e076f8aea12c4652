"""Bytes that nobody should send: refused, written down, and of no effect."""

import json
import random
from collections.abc import Iterator

import pytest

from graphscope.debugger.control import Transport
from graphscope.debugger.control.messages import (
    Hello,
    Refused,
    Request,
    decode_from_client,
    encode,
)
from graphscope.debugger.control.wire import LIMIT_BYTES, MessageError
from graphscope.debugger.verbs import Command, Verb
from tests.debugger.control.serving import Process, Raw, attached, serving
from tests.waiting import wait_for

PLAIN = Command(Verb.STATUS)
BAD = Request(7, Command(Verb.STOP, text="nobody may do this"))
WHO = encode(
    Refused(0, "This is a debugger's channel: the first message was no valid greeting.")
)


def frame_of(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def is_message(body: bytes) -> bool:
    try:
        decode_from_client(body)
    except MessageError:
        return False
    return True


def random_bytes(draw: random.Random) -> bytes:
    data = draw.randbytes(draw.randint(3, 200))
    return b"\x7f" + data  # else the length could be one that is waited for


def random_body(draw: random.Random) -> bytes:
    return frame_of(draw.randbytes(draw.randint(1, 200)))


def mutated(draw: random.Random) -> bytes:
    """Change a valid command in a few bytes until it is none."""
    body = bytearray(encode(BAD)[4:])
    while is_message(bytes(body)):
        place = draw.randrange(len(body))
        match draw.randrange(3):
            case 0:
                body[place] = draw.randrange(256)
            case 1:
                del body[place : place + draw.randint(1, 4)]
            case _:
                body[place:place] = draw.randbytes(draw.randint(1, 4))
    return frame_of(bytes(body))


def other_json(draw: random.Random) -> bytes:
    content = json.loads(encode(BAD)[4:])
    values: list[object] = [
        None,
        True,
        -1,
        1.5,
        float("nan"),
        10**40,
        "x" * 5000,
        [],
        {},
        [[]],
        "é",
    ]
    name = draw.choice([*content, "extra", "__class__"])
    content[name] = draw.choice(values)
    body = json.dumps(content).encode()
    return frame_of(b"{}" if is_message(body) else body)


def oversized(draw: random.Random) -> bytes:
    size = draw.randint(LIMIT_BYTES + 1, 2**32 - 1)
    return size.to_bytes(4, "big") + draw.randbytes(50)


def nested(draw: random.Random) -> bytes:
    opening = draw.choice([b"[", b'{"a":', b'{"seat":['])
    return frame_of(opening * draw.randint(5, 9000))


MAKERS = (random_bytes, random_body, mutated, other_json, oversized, nested)


def cases(count: int) -> Iterator[tuple[bytes, bool, bool]]:
    draw = random.Random(812)  # noqa: S311 - repeatable, and no secret
    for number in range(count):
        data = MAKERS[number % len(MAKERS)](draw)
        yield data, draw.random() < 0.5, draw.random() < 0.25


def bombard(process: Process, data: bytes, *, greets: bool, splits: bool) -> None:
    with Raw(process.info) as raw:
        if greets:
            raw.greet()
        for piece in [data[i : i + 1] for i in range(len(data))] if splits else [data]:
            raw.pour(piece)
        if not greets:
            assert raw.read_rest() == WHO
            return
        *others, last = raw.read_rest_messages()
        assert not any(isinstance(message, Refused) for message in others)
        assert isinstance(last, Refused)
        assert last.number == 0


@pytest.mark.parametrize("transport", Transport)
def test_1000_fuzzed_messages_are_refused_and_a_debugger_works_on(
    transport: Transport,
) -> None:
    with serving(transport) as process, attached(process.info) as client:
        for number, (data, greets, splits) in enumerate(cases(1000)):
            bombard(process, data, greets=greets, splits=splits and len(data) < 400)
            if number % 10 == 0:
                process.go_to(number)
                assert client.send(PLAIN) == "done"
                assert client.state.seats[0].step == number
        assert client.is_controller
        assert process.controls == [True]
        assert process.executed == [PLAIN] * 100
        log = process.log
    assert 500 < log.count("refused") <= 1000  # up to where it is full
    assert len(log) <= 64 * 1024
    assert "nobody may do this" not in log
    assert log.isascii()


def test_a_message_that_ends_in_the_middle_has_no_effect() -> None:
    data = encode(BAD)
    with serving() as process:
        for length in range(len(data)):
            with Raw(process.info) as raw:
                raw.greet(wants_control=True)
                raw.peer.sendall(data[:length])
        with attached(process.info, wants_control=False) as client:
            client.send(PLAIN)
        assert process.executed == [PLAIN]


def test_a_valid_command_in_single_bytes_is_carried_out() -> None:
    with serving() as process, Raw(process.info) as raw:
        raw.greet(wants_control=True)
        for byte in encode(BAD):
            raw.peer.sendall(bytes([byte]))
        wait_for(lambda: process.executed == [BAD.command])


def test_many_messages_at_once_are_carried_out_in_their_order() -> None:
    commands = [Command(Verb.ADD, text=f"b{number}") for number in range(500)]
    with serving() as process, Raw(process.info) as raw:
        raw.greet(wants_control=True)
        numbered = enumerate(commands, 1)
        raw.peer.sendall(b"".join(encode(Request(n, c)) for n, c in numbered))
        wait_for(lambda: process.executed == commands)


def test_nothing_that_follows_a_bad_message_is_carried_out() -> None:
    with serving() as process, Raw(process.info) as raw:
        raw.greet(wants_control=True)
        raw.pour(frame_of(b"{}") + encode(BAD))
        assert isinstance(raw.read_rest_messages()[-1], Refused)
        assert process.executed == []


@pytest.mark.parametrize("transport", Transport)
def test_a_command_before_the_greeting_is_refused(transport: Transport) -> None:
    with serving(transport) as process, Raw(process.info) as raw:
        raw.send(BAD)
        assert raw.read_rest() == WHO
        assert process.executed == []


def test_100_connections_without_the_secret_learn_nothing() -> None:
    draw = random.Random(7)  # noqa: S311 - repeatable, and no secret
    with serving(Transport.TCP) as process, attached(process.info) as client:
        token = process.info.token
        process.go_to(1, "the secret of the training")
        wrong = [
            "",
            "x",
            token[:-1],
            token + "0",
            token.upper() if token.upper() != token else token[::-1],
            "0" * 64,
            "é" * 64,
            token[:-1] + ("0" if token[-1] != "0" else "1"),
        ]
        for number in range(100):
            with Raw(process.info) as raw:
                match number % 4:
                    case 0:
                        raw.send(Hello(draw.choice(wrong), wants_control=True))
                    case 1:
                        raw.pour(encode(BAD))
                    case 2:
                        raw.pour(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    case _:
                        raw.pour(draw.randbytes(1100) + b"\xff" * 8)
                assert raw.read_rest() == WHO
            process.go_to(number + 2, "the secret of the training")
        assert client.send(PLAIN) == "done"
        assert process.executed == [PLAIN]
        assert process.controls == [True]
        assert token not in process.log


def test_the_greeting_of_another_version_is_told_which() -> None:
    with serving() as process, Raw(process.info) as raw:
        raw.send(Hello("", wants_control=True, protocol=2))
        assert raw.read_rest_messages() == [
            Refused(
                0,
                "The debugged process speaks version 1 of the channel, the debugger "
                "version 2. Use one version of graphscope.",
            )
        ]


def test_the_longest_greeting_is_far_shorter_than_a_message() -> None:
    with serving() as process, Raw(process.info) as raw:
        raw.pour((1025).to_bytes(4, "big"))
        assert raw.read_rest() == WHO


@pytest.mark.parametrize("transport", Transport)
def test_the_refusal_reaches_also_a_client_that_has_not_finished_sending(
    transport: Transport,
) -> None:
    with serving(transport) as process, Raw(process.info) as raw:
        raw.pour(b"\xff" * 3_000_000)
        assert raw.read_rest() == WHO
