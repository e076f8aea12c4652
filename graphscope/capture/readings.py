"""What was read of tensors in the running step: bytes in one growing buffer.

A reading is one integer, `place << 3 | Kept`: making an object for every number costs
more than the number, and makes Python's garbage collector run. `pack` hands a step's
readings over in the order of its slots.

All arithmetic runs under `quiet()` or in the compiled kernel: no autograd, no autocast,
none of the user's modes, out of place, no random numbers.
"""

import ctypes
from collections.abc import Sequence
from math import prod, sqrt
from typing import Any, Final

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor

from graphscope.capture.deferred import DeferredReadings
from graphscope.capture.kernel import Kernel, load_kernels
from graphscope.capture.memory import is_dense
from graphscope.capture.records import RawSlot, RawValue
from graphscope.capture.tensors import (
    PLAIN_TYPES,
    READABLE,
    WIDENED,
    quiet,
    summarize,
    to_numpy,
)
from graphscope.model.observation import Observation
from graphscope.model.packed import (
    STATS,
    Kept,
    Order,
    PackedNumbers,
    SlotTable,
    stored_dtype,
    view_data,
)

Reading = int

ABSENT: Final = int(Kept.ABSENT)
UNREAD: Final = int(Kept.UNREAD)
_WHOLE: Final = int(Kept.WHOLE)
_STATS: Final = int(Kept.STATS)
_KIND: Final = 7
_FIRST_BYTES: Final = 1 << 16
_SAMPLE: Final = 16
_COPIED: Final = frozenset(READABLE - WIDENED - {torch.complex64, torch.complex128})


class Readings:
    """The readings of one recorder; `restart` begins the next step.

    Args:
        whole: Tensors up to this many elements are kept whole.
        stats: Whether statistics of larger ones are taken.
    """

    def __init__(self, *, whole: int, stats: bool) -> None:
        self.whole = whole
        self.stats = stats
        kernels = load_kernels()
        self._kernels: dict[torch.dtype, Kernel] = {
            getattr(torch, name): kernel for name, kernel in kernels.items()
        }
        self._sizes = {dtype: dtype.itemsize for dtype in _COPIED}
        self._used = 0
        self._buffer: np.ndarray[Any, np.dtype[np.uint8]] = np.empty(0, np.uint8)
        self._old: np.ndarray[Any, np.dtype[np.uint8]] | None = None
        self._order: Order | None = None
        self._packed: list[Reading] = []
        self._table: SlotTable | None = None
        self._deferred = DeferredReadings(whole=whole, stats=stats)
        self._grow(_FIRST_BYTES)

    def _grow(self, size: int) -> None:
        fresh = np.empty(size, np.uint8)
        if self._used:
            fresh[: self._used] = self._buffer[: self._used]
        self._buffer = fresh
        self._room = size
        self._address = fresh.ctypes.data

    def _reserve(self, count: int) -> int:
        """Return where `count` bytes may be written."""
        place = self._used
        if place + count > self._room:
            self._grow(max(2 * self._room, place + count))
        self._used = place + count
        return place

    def read(self, tensor: torch.Tensor | None) -> Reading:
        """Read `tensor`: whole when it is small, else its statistics.

        The fast way for what nearly every tensor is; `_read_other` is for the rest.
        """
        if tensor is None:
            return ABSENT
        dtype = tensor.dtype
        size = self._sizes.get(dtype, 0) if type(tensor) in PLAIN_TYPES else 0
        if (
            not size
            or not tensor.is_cpu
            or tensor.layout is not torch.strided
            or tensor.is_nested
            or is_functorch_wrapped_tensor(tensor)
            or tensor.is_neg()
            or not tensor.is_contiguous()
        ):
            return self._read_other(tensor)
        numel, address = tensor.numel(), tensor.data_ptr()
        if not address or (tensor.storage_offset() and not has_memory(tensor)):
            return self._read_other(tensor)
        if numel <= self.whole:
            place = self._reserve(numel * size)
            ctypes.memmove(self._address + place, address, numel * size)
            return place << 3 | _WHOLE
        if not self.stats:
            return UNREAD
        kernel = self._kernels.get(dtype)
        if kernel is None:
            return self._summarize(tensor)
        place = self._reserve(STATS.size)
        kernel(address, numel, self._address + place)
        return place << 3 | _STATS

    def sample(self, tensor: torch.Tensor) -> bytes:
        """Return a few of a large tensor's numbers, as bytes; none where it is slow."""
        numel = tensor.numel()
        size = self._sizes.get(tensor.dtype, 0)
        if numel <= self.whole or not tensor.is_cpu or not tensor.is_contiguous():
            return b""
        start, count = tensor.data_ptr(), _SAMPLE * size
        return b"".join(
            ctypes.string_at(start + place * size, count)
            for place in (0, numel // 3, 2 * numel // 3, numel - _SAMPLE)
        )

    def _read_other(self, tensor: torch.Tensor) -> Reading:
        """Read a tensor that is widened, strided, elsewhere, or not to be read."""
        if tensor.layout is torch.sparse_coo and type(tensor) in PLAIN_TYPES:
            return self._read_sparse(tensor)
        if not is_readable(tensor) or not has_memory(tensor):
            return UNREAD
        if not tensor.is_cpu:
            return self._defer(tensor)
        kernel = self._kernels.get(tensor.dtype)
        is_large = tensor.numel() > self.whole
        if kernel and is_large and self.stats and _is_block(tensor):
            place = self._reserve(STATS.size)
            kernel(tensor.data_ptr(), tensor.numel(), self._address + place)
            return place << 3 | _STATS
        with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch():
            plain = tensor.detach()
            if plain.numel() <= self.whole:
                return self.put(to_numpy(plain))
        if not self.stats:
            return UNREAD
        return self._summarize(tensor)

    def _read_sparse(self, tensor: torch.Tensor) -> Reading:
        """Read a small sparse tensor as the dense one that it stands for."""
        if (
            tensor.numel() > self.whole
            or tensor.dtype not in READABLE
            or is_functorch_wrapped_tensor(tensor)
            or not tensor.is_cpu
        ):
            return UNREAD
        with quiet():
            return self.put(to_numpy(tensor.detach().to_dense()))

    def _defer(self, tensor: torch.Tensor) -> Reading:
        """Leave the numbers on the device; all of a step are fetched at once."""
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            return UNREAD
        size = self._deferred.measure(tensor)
        if not size:
            return UNREAD
        place = self._reserve(size)
        self._deferred.add(place)
        is_whole = tensor.numel() <= self.whole
        return place << 3 | (_WHOLE if is_whole else _STATS)

    def _summarize(self, tensor: torch.Tensor) -> Reading:
        with quiet():
            plain, repeats = without_repeats(tensor.detach())
            if plain._is_zerotensor():
                plain = torch.zeros(plain.shape, dtype=plain.dtype)
            dense = in_memory_order(plain)
            kernel = self._kernels.get(dense.dtype)
            if kernel is None or dense.is_neg():
                return self._put_stats(summarize(dense), repeats)
            place = self._reserve(STATS.size)
            kernel(dense.data_ptr(), dense.numel(), self._address + place)
            if repeats > 1:
                found = STATS.unpack_from(self._buffer.data, place)
                STATS.pack_into(self._buffer.data, place, *_repeat(found, repeats))
            return place << 3 | _STATS

    def _put_stats(self, found: Sequence[Any], repeats: int) -> Reading:
        place = self._reserve(STATS.size)
        STATS.pack_into(self._buffer.data, place, *_repeat(found, repeats))
        return place << 3 | _STATS

    def put(self, data: "np.ndarray[Any, Any]") -> Reading:
        """Keep `data` whole, of the dtype that its slot is kept in."""
        found = data.tobytes()
        place = self._reserve(len(found))
        self._buffer[place : place + len(found)] = np.frombuffer(found, np.uint8)
        return place << 3 | _WHOLE

    def put_number(self, number: float) -> Reading:
        """Keep a Python number: an integer as int64, any other as float64."""
        kind = np.int64 if isinstance(number, int) else np.float64
        return self.put(np.array(number, kind))

    def decode(
        self, reading: Reading, shape: tuple[int, ...], dtype: str
    ) -> Observation | None:
        """Return one reading of the running step as an observation, a copy."""
        self._settle()
        place, kind = reading >> 3, reading & _KIND
        if kind == _STATS:
            numbers = self._buffer[place : place + STATS.size].tobytes()
            return Observation.from_stats(STATS.unpack(numbers))
        if kind == _WHOLE:
            body = self._buffer[: self._used].tobytes()
            return Observation(
                view_data(body, place, shape, stored_dtype(dtype)).copy()
            )
        return None if kind == ABSENT else Observation()

    def is_equal(self, one: Reading, other: Reading, holder: RawValue) -> bool:
        """Whether two readings of the same value in this step have the same bytes."""
        if one & _KIND != other & _KIND:
            return False
        size = STATS.size if one & _KIND == _STATS else bytes_of(holder)
        first, second = one >> 3, other >> 3
        return bool(
            np.array_equal(
                self._buffer[first : first + size], self._buffer[second : second + size]
            )
        )

    def pack(self, readings: list[Reading], table: SlotTable) -> PackedNumbers:
        """Return the readings of a step, one for each slot of `table`."""
        self._settle()
        order = self._order
        if order is None or self._packed != readings or self._table is not table:
            found = np.array(readings, np.int64)
            statuses = (found & _KIND).astype(np.uint8).tobytes()
            order = self._order = Order(table, statuses, found >> 3)
            self._packed, self._table = readings, table
        body = self._buffer[: self._used].tobytes()
        return PackedNumbers.ordered(table, order, body)

    def restart(self) -> None:
        """Begin the next step; the numbers of the last stay for `carry`."""
        self._settle()
        old, self._old = self._old, self._buffer
        self._used = 0
        if old is not None and len(old) == self._room:
            self._buffer = old
            self._address = old.ctypes.data
        else:
            self._grow(self._room)

    def carry(self, reading: Reading, holder: RawValue | RawSlot) -> Reading:
        """Return a reading of the last step, about `holder`, as one of this step."""
        place, kind = reading >> 3, reading & _KIND
        if kind not in (_WHOLE, _STATS) or self._old is None:
            return reading
        count = STATS.size if kind == _STATS else bytes_of(holder)
        start = self._reserve(count)
        self._buffer[start : start + count] = self._old[place : place + count]
        return start << 3 | kind

    def _settle(self) -> None:
        """Fetch what was left on a device."""
        if self._deferred.is_waiting:
            for place, numbers in self._deferred.fetch():
                self._buffer[place : place + len(numbers)] = numbers


def bytes_of(holder: RawValue | RawSlot) -> int:
    """Return how many bytes the whole data of a value or a slot takes."""
    stored = stored_dtype(holder.dtype)
    return 0 if stored is None else prod(holder.shape) * stored.itemsize


def is_readable(tensor: torch.Tensor) -> bool:
    """Whether the numbers of `tensor` can be read without running foreign code."""
    return (
        type(tensor) in PLAIN_TYPES
        and tensor.layout is torch.strided
        and tensor.dtype in READABLE
        and not tensor.is_meta
        and not tensor.is_nested
        and not is_functorch_wrapped_tensor(tensor)
    )


def has_memory(tensor: torch.Tensor) -> bool:
    """Whether the storage of a tensor holds it; sharding frees it for a while.

    A tensor of zeros that autograd never allocated holds its numbers as well.
    """
    if tensor._is_zerotensor() or not tensor.numel():
        return True
    last = sum(
        stride * (size - 1)
        for stride, size in zip(tensor.stride(), tensor.shape, strict=True)
    )
    end = (tensor.storage_offset() + last + 1) * tensor.element_size()
    return tensor.untyped_storage().nbytes() >= end


def _is_block(tensor: torch.Tensor) -> bool:
    """Whether the elements fill a piece of memory as they are, in whatever order."""
    return is_dense(tensor) and bool(tensor.data_ptr()) and not tensor.is_neg()


def without_repeats(plain: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return an expanded tensor without its repeated axes, and how often it repeats.

    The gradient of a sum is one number, expanded: reading it in full would cost more
    than the backward pass did.
    """
    repeats = 1
    for axis, (size, stride) in enumerate(
        zip(plain.shape, plain.stride(), strict=True)
    ):
        if stride == 0 and size > 1:
            plain = plain.narrow(axis, 0, 1)
            repeats *= size
    return plain, repeats


def in_memory_order(plain: torch.Tensor) -> torch.Tensor:
    """Return a contiguous tensor of the same elements: a view when that is possible."""
    if plain.is_contiguous():
        return plain
    strides = plain.stride()
    order = sorted(range(plain.dim()), key=lambda axis: (-strides[axis], axis))
    return plain.permute(order).contiguous()


def _repeat(found: Sequence[Any], repeats: int) -> Sequence[Any]:
    if repeats == 1:
        return found
    numel, low, high, mean, std, l2, zeros, nans, infs = found
    counts = [count * repeats for count in (zeros, nans, infs)]
    return (numel * repeats, low, high, mean, std, l2 * sqrt(repeats), *counts)
