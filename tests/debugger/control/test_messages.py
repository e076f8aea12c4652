"""What a message may be: closed both ways, and small."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings, strategies as st

from graphscope.debugger.control.messages import (
    Answer,
    FromClient,
    FromServer,
    Hello,
    Refused,
    Request,
    StateTold,
    Welcome,
    decode_from_client,
    decode_from_server,
    encode,
)
from graphscope.debugger.control.wire import LIMIT_BYTES, MessageError, Unframer, frame
from graphscope.debugger.state import (
    Activity,
    BreakpointState,
    ProcessState,
    SeatState,
)
from graphscope.debugger.verbs import Command, Verb

COUNTS = st.integers(0, 2**53 - 1)
NUMBERS = st.integers(0, 2**31 - 1)
CLEAN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY = st.text(st.characters(), max_size=400) | st.integers(0, 9000).map("\x00".__mul__)
COMMANDS = st.builds(
    Command, st.sampled_from(Verb), st.none() | NUMBERS, CLEAN, NUMBERS
)


def states(texts: st.SearchStrategy[str], most: int) -> st.SearchStrategy[ProcessState]:
    seat = st.builds(
        SeatState,
        NUMBERS,
        texts,
        texts,
        st.sampled_from(Activity),
        COUNTS,
        st.integers(-1, 2**53 - 1),
        st.booleans(),
        *[texts] * 6,
    )
    point = st.builds(
        BreakpointState, NUMBERS, texts, st.booleans(), st.booleans(), COUNTS, texts
    )
    return st.builds(
        ProcessState,
        st.integers(0, 2**31 - 1),
        texts,
        texts,
        st.lists(seat, max_size=most).map(tuple),
        st.lists(point, max_size=most).map(tuple),
        st.booleans(),
        texts,
        st.booleans(),
    )


CLIENT_MESSAGES = st.builds(Hello, CLEAN, st.booleans(), COUNTS) | st.builds(
    Request, st.integers(1, 2**53 - 1), COMMANDS
)
SERVER_MESSAGES = (
    st.builds(Welcome, st.booleans(), COUNTS)
    | st.builds(StateTold, states(CLEAN, 3))
    | st.builds(Answer, st.integers(1, 2**53 - 1), CLEAN)
    | st.builds(Refused, COUNTS, CLEAN)
)


def unframe(data: bytes) -> bytes:
    bodies = list(Unframer().feed(data))
    assert len(bodies) == 1
    return bodies[0]


@given(CLIENT_MESSAGES)
def test_what_a_client_sends_is_what_the_server_reads(message: FromClient) -> None:
    assert decode_from_client(unframe(encode(message))) == message


@given(SERVER_MESSAGES)
def test_what_a_server_sends_is_what_the_client_reads(message: FromServer) -> None:
    assert decode_from_server(unframe(encode(message))) == message


@given(states(ANY, 4))
@settings(deadline=None)
def test_a_state_of_any_text_fits_and_reads_back(state: ProcessState) -> None:
    body = unframe(encode(StateTold(state)))
    told = decode_from_server(body)
    assert isinstance(told, StateTold)
    assert unframe(encode(told)) == body


@given(st.lists(CLIENT_MESSAGES, max_size=4), st.integers(1, 7))
def test_a_stream_is_cut_into_messages_wherever_it_is_split(
    messages: list[FromClient], size: int
) -> None:
    stream = b"".join(encode(message) for message in messages)
    unframer = Unframer()
    bodies = [
        body
        for start in range(0, len(stream), size)
        for body in unframer.feed(stream[start : start + size])
    ]
    assert [decode_from_client(body) for body in bodies] == messages
    assert not unframer.is_begun


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_other_bytes_are_refused_and_nothing_else_is_raised(body: bytes) -> None:
    for decode in (decode_from_client, decode_from_server):
        with pytest.raises(MessageError):
            decode(body)


STEP = {"kind": "command", "id": 1, "verb": "step", "seat": 0, "text": "", "number": 0}
HELLO = {"kind": "hello", "protocol": 1, "token": "", "wants_control": True}


def refusal(content: object) -> str:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(MessageError) as refused:
        decode_from_client(body)
    return str(refused.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "state"}, "a state from a client"),
        ({"kind": "eval"}, "kind is an unknown one"),
        ({"verb": "exec"}, "verb is an unknown one"),
        ({"verb": None}, "verb is no text of up to 4096 characters"),
        ({"path": "x"}, "1 unknown fields"),
        ({"id": True}, "id is no number from 1 to 9007199254740991"),
        ({"id": 0}, "id is no number from 1 to 9007199254740991"),
        ({"id": 2**53}, "id is no number from 1 to 9007199254740991"),
        ({"id": 10**30}, "a number too large"),
        ({"id": 1.0}, "a number that is no integer"),
        ({"id": float("nan")}, "a number that is no integer"),
        ({"id": float("inf")}, "a number that is no integer"),
        ({"seat": -1}, "seat is no number from 0 to 2147483647"),
        ({"seat": False}, "seat is no number from 0 to 2147483647"),
        ({"seat": "0"}, "seat is no number from 0 to 2147483647"),
        ({"number": 2**31}, "number is no number from 0 to 2147483647"),
        ({"number": None}, "number is no number from 0 to 2147483647"),
        ({"text": "x" * 301}, "text is no text of up to 300 characters"),
        ({"text": "\ud800"}, "text has half a character"),
        ({"text": [[[["x"]]]]}, "values too deep in each other"),
        ({"text": {"a": 1}}, "text is no text of up to 300 characters"),
    ],
)
def test_a_command_of_another_form_is_refused(
    change: dict[str, object], told: str
) -> None:
    assert decode_from_client(json.dumps(STEP).encode())
    assert refusal({**STEP, **change}) == told


@pytest.mark.parametrize("name", STEP)
def test_a_command_without_one_of_its_fields_is_refused(name: str) -> None:
    content = {key: value for key, value in STEP.items() if key != name}
    assert refusal(content) == f"no field {name}"


@pytest.mark.parametrize("name", HELLO)
def test_a_greeting_without_one_of_its_fields_is_refused(name: str) -> None:
    content = {key: value for key, value in HELLO.items() if key != name}
    assert refusal(content) == f"no field {name}"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "something else than an object"),
        (b'"hello"', "something else than an object"),
        (b"null", "something else than an object"),
        (b'{"kind":"hello","kind":"hello"}', "a key twice in an object"),
        (b'{"kind":"\xff"}', "no JSON"),
        (b'{"kind":"\xed\xa0\x80"}', "no JSON"),  # a surrogate in UTF-8
        (b'\xef\xbb\xbf{"kind":"hello"}', "no JSON"),  # a byte order mark
        (b'{"kind":"hello"} {}', "no JSON"),
        (b'{"kind":"hel\nlo"}', "no JSON"),
        (b'{"a":-' + b"9" * 5000 + b"}", "a number too large"),
        (b"[" * LIMIT_BYTES, "values too deep in each other"),
        (b'{"a":' * 9000, "values too deep in each other"),
        (b'["' + b'\\"' * 30000 + b"[[[[[", "no JSON"),  # all of it is a string
    ],
)
def test_what_is_no_strict_json_is_refused(body: bytes, told: str) -> None:
    assert refusal(body) == told


@pytest.mark.parametrize("size", [0, LIMIT_BYTES + 1, 2**32 - 1])
def test_a_length_out_of_range_is_refused_before_anything_is_kept(size: int) -> None:
    unframer = Unframer()
    with pytest.raises(MessageError, match=f"^a length of {size} bytes$"):
        list(unframer.feed(size.to_bytes(4, "big")))


def test_the_longest_message_passes_and_one_byte_more_does_not() -> None:
    room = LIMIT_BYTES - len('{"a":""}')
    assert len(unframe(frame({"a": "x" * room}))) == LIMIT_BYTES
    with pytest.raises(MessageError, match=r"^a message of 65537 bytes$"):
        frame({"a": "x" * (room + 1)})


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (Command(Verb.ADD, text="x" * 301), "a text of 301 characters (at most 300)"),
        (Command(Verb.ADD, text="\udc80"), "half a character in the text"),
        (Command(Verb.STEP, seat=-1), "a number out of range"),
        (Command(Verb.ENABLE, number=2**31), "a number out of range"),
    ],
)
def test_a_command_that_would_be_refused_is_not_sent(
    command: Command, told: str
) -> None:
    with pytest.raises(MessageError) as refused:
        encode(Request(1, command))
    assert str(refused.value) == told


def told_state(state: ProcessState) -> ProcessState:
    told = decode_from_server(unframe(encode(StateTold(state))))
    assert isinstance(told, StateTold)
    return told.state


def test_a_long_text_is_cut_and_a_long_path_is_kept() -> None:
    path = "/" + "p" * 4000
    seat = SeatState(0, "Main", path, title="t" * 301)
    told = told_state(ProcessState(1, "t.py", seats=(seat,)))
    assert told.seats == (replace(seat, title="t" * 299 + "…"),)


def test_the_largest_state_fits_and_its_paths_are_whole_or_empty() -> None:
    worst = "\x01" * 5000  # six bytes each in JSON
    seats = tuple(
        SeatState(
            number,
            worst,
            f"/{number}" + worst,
            Activity.STARTING,
            2**53 - 1,
            2**53 - 1,
            False,
            *[worst] * 6,
        )
        for number in range(70)
    )
    points = tuple(
        BreakpointState(number, worst, hits=2**53 - 1, problem=worst)
        for number in range(120)
    )
    told = told_state(ProcessState(1, worst, worst, seats, points, ending=worst))
    assert len(told.seats) == 64
    assert [seat.recording for seat in told.seats] == [""] * 64
    assert len(told.breakpoints) == 100


def test_paths_stay_whole_when_texts_must_be_cut_to_make_room() -> None:
    seats = tuple(
        SeatState(number, "Main", f"/{number}/" + "p" * 250, reason="r" * 300 * number)
        for number in range(64)
    )
    points = tuple(BreakpointState(number, "b" * 290) for number in range(100))
    told = told_state(ProcessState(1, "t.py", seats=seats, breakpoints=points))
    assert [seat.recording for seat in told.seats] == [s.recording for s in seats]


def test_of_too_many_threads_those_that_have_ended_are_not_told() -> None:
    ended = [SeatState(number, "T", activity=Activity.ENDED) for number in range(60)]
    running = [SeatState(60 + number, "T") for number in range(10)]
    told = told_state(ProcessState(1, "t.py", seats=(*ended, *running)))
    assert [seat.seat for seat in told.seats] == list(range(6, 70))


def test_a_text_that_utf_8_cannot_say_is_told_with_a_sign_in_it() -> None:
    assert told_state(ProcessState(1, "a\udc80.py")).script == "a�.py"


@pytest.mark.parametrize(
    "change",
    [
        {"pid": -1},
        {"pid": True},
        {"script": "x" * 4097},
        {"ending": "x" * 301},
        {"is_failed": 1},
        {"seats": {}},
        {"seats": [asdict(SeatState(0, "T"))] * 65},
        {"seats": [{**asdict(SeatState(0, "T")), "activity": "flying"}]},
        {"seats": [{**asdict(SeatState(0, "T")), "event": -2}]},
        {"seats": [{**asdict(SeatState(0, "T")), "more": 1}]},
        {"breakpoints": [asdict(BreakpointState(0, "b"))] * 101},
        {"breakpoints": [{**asdict(BreakpointState(0, "b")), "hits": -1}]},
        {"breakpoints": [[]]},
        {"more": ""},
    ],
)
def test_a_client_refuses_a_state_of_another_form(change: dict[str, object]) -> None:
    content = asdict(ProcessState(1, "t.py"))
    message = {"kind": "state", "state": content}
    assert decode_from_server(json.dumps(message).encode())
    message = {"kind": "state", "state": {**content, **change}}
    with pytest.raises(MessageError):
        decode_from_server(json.dumps(message).encode())


def test_a_long_answer_is_cut() -> None:
    told = decode_from_server(unframe(encode(Answer(1, "\x01" * 5000))))
    assert told == Answer(1, "\x01" * 4095 + "…")
