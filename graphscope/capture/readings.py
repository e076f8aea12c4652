"""What was read of tensors in the running step: bytes in one growing buffer.

A reading is one integer, `place << 3 | Kept`: making an object for every number costs
more than the number, and makes Python's garbage collector run. `pack` hands a step's
readings over in the order of its slots.

All arithmetic runs under `quiet()` or in the compiled kernel: no autograd, no autocast,
none of the user's modes, out of place, no random numbers.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite, prod, sqrt
from typing import Any, Final

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor

from graphscope.capture.deferred import DeferredReadings
from graphscope.capture.memory import has_memory
from graphscope.capture.reader import (
    ABSENT,
    KIND,
    STATS,
    UNREAD,
    WHOLE,
    Reading,
    make_reader,
)
from graphscope.capture.records import RawSlot, RawValue
from graphscope.capture.tensors import (
    PLAIN_TYPES,
    READABLE,
    local_part,
    quiet,
    summarize,
    to_numpy,
)
from graphscope.model.observation import Observation
from graphscope.model.packed import (
    STATS as STATISTICS,
    Order,
    PackedNumbers,
    SlotTable,
    stored_dtype,
    view_data,
)

_FIRST_BYTES: Final = 1 << 16


class Readings:
    """The readings of one recorder; `restart` begins the next step.

    Args:
        whole: Tensors up to this many elements are kept whole.
        stats: Whether statistics of larger ones are taken.
    """

    def __init__(self, *, whole: int, stats: bool) -> None:
        self.whole = whole
        self.stats = stats
        self._buffer: np.ndarray[Any, np.dtype[np.uint8]] = np.empty(0, np.uint8)
        self._old: np.ndarray[Any, np.dtype[np.uint8]] | None = None
        self._old_address = 0
        self._was_finite = False
        self._order: Order | None = None
        self._packed: list[Reading] = []
        self._table: SlotTable | None = None
        self._deferred = DeferredReadings(whole=whole, stats=stats)
        self.reader = make_reader(
            whole=whole, stats=stats, other=self._read_other, grow=self._grow
        )
        self.read = self.reader.read
        self.sample = self.reader.sample
        self._grow(_FIRST_BYTES)

    def _grow(self, size: int) -> None:
        fresh = np.empty(size, np.uint8)
        used = self.reader.used
        if used:
            fresh[:used] = self._buffer[:used]
        self._write_to(fresh)

    def _write_to(self, buffer: "np.ndarray[Any, np.dtype[np.uint8]]") -> None:
        self._buffer, self._address = buffer, buffer.ctypes.data
        self.reader.attach(self._address, len(buffer))

    def _read_other(self, tensor: torch.Tensor) -> Reading:
        """Read a tensor that is widened, strided, elsewhere, or not to be read."""
        if tensor.layout is torch.sparse_coo and type(tensor) in PLAIN_TYPES:
            return self._read_sparse(tensor)
        local = local_part(tensor) if type(tensor) not in PLAIN_TYPES else None
        if local is not None:
            tensor = local
        if not is_readable(tensor) or not has_memory(tensor):
            return UNREAD
        if not tensor.is_cpu:
            return self._defer(tensor)
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
        place = self.reader.reserve(size)
        self.reader.is_finite = False
        self._deferred.add(place)
        is_whole = tensor.numel() <= self.whole
        return place << 3 | (WHOLE if is_whole else STATS)

    def _summarize(self, tensor: torch.Tensor) -> Reading:
        with quiet():
            plain, repeats = without_repeats(tensor.detach())
            if plain._is_zerotensor():
                plain = torch.zeros(plain.shape, dtype=plain.dtype)
            dense = in_memory_order(plain)
            reading = self.reader.measure(dense)
            if reading < 0:
                return self._put_stats(summarize(dense), repeats)
            if repeats > 1:
                place = reading >> 3
                found = STATISTICS.unpack_from(self._buffer.data, place)
                STATISTICS.pack_into(self._buffer.data, place, *_repeat(found, repeats))
            return reading

    def _put_stats(self, found: Sequence[Any], repeats: int) -> Reading:
        place = self.reader.reserve(STATISTICS.size)
        self.reader.is_finite = False
        STATISTICS.pack_into(self._buffer.data, place, *_repeat(found, repeats))
        return place << 3 | STATS

    def put(self, data: "np.ndarray[Any, Any]") -> Reading:
        """Keep `data` whole, of the dtype that its slot is kept in."""
        found = data.tobytes()
        place = self.reader.reserve(len(found))
        self.reader.is_finite = False  # for all that is known
        self._buffer[place : place + len(found)] = np.frombuffer(found, np.uint8)
        return place << 3 | WHOLE

    def put_number(self, number: float) -> Reading:
        """Keep a Python number: an integer as int64, any other as float64."""
        kind = np.int64 if isinstance(number, int) else np.float64
        is_finite = self.reader.is_finite and isfinite(number)
        reading = self.put(np.array(number, kind))
        self.reader.is_finite = is_finite
        return reading

    def decode(
        self, reading: Reading, shape: tuple[int, ...], dtype: str
    ) -> Observation | None:
        """Return one reading of the running step as an observation, a copy."""
        self._settle()
        place, kind = reading >> 3, reading & KIND
        if kind == STATS:
            numbers = STATISTICS.unpack_from(self._buffer.data, place)
            return Observation.from_stats(numbers)
        if kind == WHOLE:
            body = self._buffer[place : place + _bytes_of(shape, dtype)].tobytes()
            return Observation(view_data(body, 0, shape, stored_dtype(dtype)).copy())
        return None if kind == ABSENT else Observation()

    def is_equal(self, one: Reading, other: Reading, holder: RawValue) -> bool:
        """Whether two readings of the same value in this step have the same bytes."""
        if one & KIND != other & KIND:
            return False
        size = STATISTICS.size if one & KIND == STATS else bytes_of(holder)
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
            statuses = (found & KIND).astype(np.uint8).tobytes()
            order = self._order = Order(table, statuses, found >> 3)
            self._packed, self._table = readings, table
        body = self._buffer[: self.reader.used].tobytes()
        return PackedNumbers.ordered(
            table, order, body, is_finite=self.reader.is_finite
        )

    def restart(self) -> None:
        """Begin the next step; the numbers of the last stay for `carry`."""
        self._settle()
        old, self._old = self._old, self._buffer
        self._old_address = self._address
        self._was_finite = self.reader.is_finite
        self.reader.is_finite = True
        self.reader.used = 0
        if old is not None and len(old) == len(self._buffer):
            self._write_to(old)
        else:
            self._grow(len(self._buffer))

    def carry(self, reading: Reading, holder: RawValue | RawSlot) -> Reading:
        """Return a reading of the last step, about `holder`, as one of this step."""
        place, kind = reading >> 3, reading & KIND
        if kind not in (WHOLE, STATS) or self._old is None:
            return reading
        count = STATISTICS.size if kind == STATS else bytes_of(holder)
        if not self._was_finite:
            self.reader.is_finite = False
        return self.reader.copy(self._old_address + place, count) << 3 | kind

    def _settle(self) -> None:
        """Fetch what was left on a device."""
        if self._deferred.is_waiting:
            for place, numbers in self._deferred.fetch():
                self._buffer[place : place + len(numbers)] = numbers


def bytes_of(holder: RawValue | RawSlot) -> int:
    """Return how many bytes the whole data of a value or a slot takes."""
    return _bytes_of(holder.shape, holder.dtype)


@lru_cache(maxsize=4096)
def _bytes_of(shape: tuple[int, ...], dtype: str) -> int:
    stored = stored_dtype(dtype)
    return 0 if stored is None else prod(shape) * stored.itemsize


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
