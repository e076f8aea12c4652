"""Frames a JSON object for a stream, and reads back only what is strictly one.

Separate from what the objects mean (`graphscope.debugger.control.messages`): here is
everything that a hostile peer's bytes reach before a schema looks at them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn

LIMIT_BYTES: Final = 64 * 1024
"""Longest JSON text of a message."""

_HEAD_BYTES: Final = 4
_DEEPEST: Final = 4  # message, state, list of seats, seat
_LONGEST_INTEGER: Final = 20
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


class MessageError(Exception):
    """Bytes that are not a message, or a message that may not be sent."""


def frame(content: Mapping[str, object]) -> bytes:
    r"""Return `content` as JSON, with its length in front.

    >>> frame({"id": 7})
    b'\x00\x00\x00\x08{"id":7}'

    Raises:
        MessageError: It is longer than a message may be.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    body = text.encode()
    if len(body) > LIMIT_BYTES:
        raise MessageError(f"a message of {len(body)} bytes")
    return len(body).to_bytes(_HEAD_BYTES, "big") + body


class Unframer:
    """Cuts a stream into the bodies of messages, as the bytes come in.

    Attributes:
        limit_bytes: Longest body that is taken. It may change between two messages.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._rest = bytearray()

    @property
    def is_begun(self) -> bool:
        """Whether a message has begun whose end has not come."""
        return bool(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take `data` in, and yield every body that is complete by now.

        Raises:
            MessageError: A length is 0, or more than `limit_bytes`.
        """
        self._rest += data
        while len(self._rest) >= _HEAD_BYTES:
            size = int.from_bytes(self._rest[:_HEAD_BYTES], "big")
            if not 0 < size <= self.limit_bytes:
                raise MessageError(f"a length of {size} bytes")
            end = _HEAD_BYTES + size
            if len(self._rest) < end:
                return
            body = bytes(self._rest[_HEAD_BYTES:end])
            del self._rest[:end]
            yield body


def parse(body: bytes) -> object:
    """Return what the JSON text says; of numbers only integers are known.

    Raises:
        MessageError: It is no strict JSON in UTF-8: a duplicated key, NaN, a fraction,
            lists in lists in lists.
    """
    _check_depth(body)
    try:
        text = body.decode()
        return json.loads(
            text,
            object_pairs_hook=_to_mapping,
            parse_int=_to_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except ValueError as error:  # also of UTF-8
        raise MessageError("no JSON") from error


def _check_depth(body: bytes) -> None:
    """Refuse what is deep before the parser recurses into it.

    A script may have raised Python's recursion limit, or run with a small stack.
    """
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > _DEEPEST:
            raise MessageError("values too deep in each other")


def _to_mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise MessageError("a key twice in an object")
    return mapping


def _to_integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise MessageError("a number too large")
    return int(digits)


def _refuse_number(_: str) -> NoReturn:
    raise MessageError("a number that is no integer")
