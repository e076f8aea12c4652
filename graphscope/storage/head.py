"""What the file keeps of each step in front of its numbers, readable in one query."""

import struct
from dataclasses import dataclass
from struct import Struct
from typing import Final

from graphscope.errors import RecordingError
from graphscope.model.trace import Status

_HEAD: Final = Struct("<qqBBd")
_STATUSES: Final = tuple(Status)


@dataclass(frozen=True, slots=True)
class StepHead:
    """What is known of a step without its graph and its numbers."""

    step: int
    graph: int
    status: Status
    loss: float | None
    error: str

    def encode(self) -> bytes:
        """Return the head as bytes."""
        numbers = _HEAD.pack(
            self.step,
            self.graph,
            _STATUSES.index(self.status),
            self.loss is not None,
            0.0 if self.loss is None else self.loss,
        )
        return numbers + self.error.encode("utf-8", "surrogatepass")


def decode_head(payload: bytes) -> StepHead:
    """Return the head that `StepHead.encode` wrote.

    Raises:
        RecordingError: It is no head.
    """
    try:
        step, graph, status, has_loss, loss = _HEAD.unpack_from(payload)
        error = payload[_HEAD.size :].decode("utf-8", "surrogatepass")
        return StepHead(
            step, graph, _STATUSES[status], loss if has_loss else None, error
        )
    except (struct.error, IndexError, UnicodeDecodeError):
        raise RecordingError("The head of a step is malformed.") from None
