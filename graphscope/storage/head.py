"""What the file keeps of each step in front of its numbers, readable in one query."""

import struct
from dataclasses import dataclass
from struct import Struct
from typing import Final

from graphscope.errors import RecordingError
from graphscope.model.kept import KeptGraph
from graphscope.model.kept_codec import kept_from_data, kept_to_data
from graphscope.model.trace import Status
from graphscope.storage.schema import decode_json, encode_json

_HEAD: Final = Struct("<qqBBd")
_LENGTH: Final = Struct("<I")
_STATUSES: Final = tuple(Status)
_HAS_LOSS: Final = 1
_HAS_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class StepHead:
    """What is known of a step without its graph and its numbers.

    Attributes:
        step: Its number.
        graph: The row of its graph.
        status: How it ended.
        loss: Its loss, None when it has none.
        error: Why it ended early.
        kept: Which earlier graphs were alive at its end, as JSON; empty when none was,
            None when that was left in the file: a file has many heads.
    """

    step: int
    graph: int
    status: Status
    loss: float | None
    error: str
    kept: bytes | None = b""

    def encode(self) -> bytes:
        """Return the head as bytes."""
        flags = (self.loss is not None) * _HAS_LOSS | bool(self.kept) * _HAS_KEPT
        numbers = _HEAD.pack(
            self.step,
            self.graph,
            _STATUSES.index(self.status),
            flags,
            0.0 if self.loss is None else self.loss,
        )
        error = self.error.encode("utf-8", "surrogatepass")
        if not self.kept:
            return numbers + error
        return b"".join([numbers, _LENGTH.pack(len(error)), error, self.kept])


def encode_kept(kept: tuple[KeptGraph, ...]) -> bytes:
    """Return what stands in a head about graphs of earlier steps."""
    return encode_json(kept_to_data(kept)) if kept else b""


def decode_kept(payload: bytes) -> tuple[KeptGraph, ...]:
    """Return what `encode_kept` wrote.

    Raises:
        RecordingError: It is malformed.
    """
    return kept_from_data(decode_json(payload)) if payload else ()


def decode_head(payload: bytes) -> StepHead:
    """Return the head that `StepHead.encode` wrote.

    Raises:
        RecordingError: It is no head.
    """
    try:
        step, graph, status, flags, loss = _HEAD.unpack_from(payload)
        text, kept = payload[_HEAD.size :], b""
        if flags & _HAS_KEPT:
            (length,) = _LENGTH.unpack_from(text)
            text, kept = text[_LENGTH.size :], text[_LENGTH.size + length :]
            text = text[:length]
        return StepHead(
            step,
            graph,
            _STATUSES[status],
            loss if flags & _HAS_LOSS else None,
            text.decode("utf-8", "surrogatepass"),
            kept,
        )
    except (struct.error, IndexError, UnicodeDecodeError):
        raise RecordingError("The head of a step is malformed.") from None
