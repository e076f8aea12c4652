"""Writes tensors into a buffer: whole when they are small, else their statistics.

`PlainReader` is the fast way for what nearly every tensor is, in Python; the compiled
`Reader` does the same, and measures as well. Whatever is widened, strided, elsewhere,
or not to be read at all goes to `other`.
"""

import ctypes
from collections.abc import Callable
from typing import Final, Protocol

import torch
from torch._C._functorch import is_functorch_wrapped_tensor

from graphscope.capture.kernel import NATIVE
from graphscope.capture.memory import has_memory
from graphscope.capture.tensors import PLAIN_TYPES, READABLE, WIDENED
from graphscope.model.packed import Kept

Reading = int
"""`place << 3 | Kept`: an object for every number would cost more than the number."""

ABSENT: Final = int(Kept.ABSENT)
UNREAD: Final = int(Kept.UNREAD)
WHOLE: Final = int(Kept.WHOLE)
STATS: Final = int(Kept.STATS)
KIND: Final = 7
_SAMPLE: Final = 16
_COPIED: Final = frozenset(READABLE - WIDENED - {torch.complex64, torch.complex128})


class TensorReader(Protocol):
    """What reads tensors into a buffer: `PlainReader`, or the compiled one."""

    used: int
    is_finite: bool

    def attach(self, address: int, room: int, /) -> None:
        """Write to `room` bytes at `address` from now on."""

    def reserve(self, count: int, /) -> int:
        """Return where `count` bytes may be written."""

    def copy(self, address: int, count: int, /) -> int:
        """Copy so many bytes from elsewhere, and return where they are now."""

    def read(self, tensor: torch.Tensor | None, /) -> Reading:
        """Read the numbers of `tensor`."""

    def measure(self, tensor: torch.Tensor, /) -> Reading:
        """Put the statistics of a tensor that fills its memory; -1: cannot."""

    def sample(self, tensor: torch.Tensor, /) -> bytes:
        """Return a few of a large tensor's numbers, as bytes; none where it is slow."""


class PlainReader:
    """Reads into memory that `attach` was told of.

    Args:
        whole: Tensors up to this many elements are kept whole.
        stats: Whether larger ones are measured.
        other: Reads what is not read here.
        grow: Makes room for so many bytes, and calls `attach`.

    Attributes:
        used: How many bytes of the memory are taken.
        room: How many there are.
        is_finite: Whether all that was written is known to be neither NaN nor Inf.
    """

    def __init__(
        self,
        whole: int,
        stats: bool,  # noqa: FBT001 - as the compiled one
        other: Callable[[torch.Tensor], Reading],
        grow: Callable[[int], None],
    ) -> None:
        self.whole = whole
        self.used = self.room = 0
        self.is_finite = True
        self._stats = stats
        self._other = other
        self._grow = grow
        self._address = 0
        self._sizes = {dtype: dtype.itemsize for dtype in _COPIED}

    def attach(self, address: int, room: int, /) -> None:
        """Write to `room` bytes at `address` from now on."""
        self._address, self.room = address, room

    def reserve(self, count: int, /) -> int:
        """Return where `count` bytes may be written."""
        place = self.used
        if place + count > self.room:
            self._grow(max(2 * self.room, place + count))
        self.used = place + count
        return place

    def copy(self, address: int, count: int, /) -> int:
        """Copy so many bytes from elsewhere, and return where they are now."""
        place = self.reserve(count)
        ctypes.memmove(self._address + place, address, count)
        return place

    def read(self, tensor: torch.Tensor | None, /) -> Reading:
        """Read the numbers of `tensor`."""
        if tensor is None:
            return ABSENT
        size = self._size_of(tensor)
        if not size or not tensor.is_contiguous():
            return self._other(tensor)
        numel, address = tensor.numel(), tensor.data_ptr()
        if not address or (tensor.storage_offset() and not has_memory(tensor)):
            return self._other(tensor)
        if numel <= self.whole:
            place = self.reserve(numel * size)
            ctypes.memmove(self._address + place, address, numel * size)
            self.is_finite = False  # for all that is known
            return place << 3 | WHOLE
        return self._other(tensor) if self._stats else UNREAD

    def measure(self, _tensor: torch.Tensor, /) -> Reading:
        """Put the statistics of a tensor that fills its memory; -1: not compiled."""
        return -1

    def sample(self, tensor: torch.Tensor, /) -> bytes:
        """Return a few of a large tensor's numbers, as bytes; none where it is slow."""
        size, numel = self._size_of(tensor), tensor.numel()
        is_large = numel > max(self.whole, _SAMPLE)
        if not size or not is_large or not tensor.is_contiguous():
            return b""
        start, count = tensor.data_ptr(), _SAMPLE * size
        if not start or (tensor.storage_offset() and not has_memory(tensor)):
            return b""
        last = numel - _SAMPLE
        return b"".join(
            ctypes.string_at(start + min(place, last) * size, count)
            for place in (0, numel // 3, 2 * numel // 3, last)
        )

    def _size_of(self, tensor: torch.Tensor) -> int:
        """Return the bytes of an element that can be copied as it is, else 0."""
        size = self._sizes.get(tensor.dtype, 0) if type(tensor) in PLAIN_TYPES else 0
        if (
            not size
            or not tensor.is_cpu
            or tensor.layout is not torch.strided
            or tensor.is_nested
            or is_functorch_wrapped_tensor(tensor)
            or tensor.is_neg()
        ):
            return 0
        return size


def make_reader(
    *,
    whole: int,
    stats: bool,
    other: Callable[[torch.Tensor], Reading],
    grow: Callable[[int], None],
) -> TensorReader:
    """Return the compiled reader where there is one, else a `PlainReader`."""
    if NATIVE is None:
        return PlainReader(whole, stats, other, grow)
    reader: TensorReader = NATIVE.Reader(whole, stats, other, grow)
    return reader
