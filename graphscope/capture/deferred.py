"""Numbers that stay on an accelerator until the step is over.

Reading one number there waits for everything before it. So the statistics of a tensor
are computed by kernels on its own stream, kept there, and all of a step are fetched
with one copy for each device.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from graphscope.capture.tensors import WIDENED, quiet
from graphscope.model.packed import STATS

_FIELDS = 9
_MAX_WAITING_BYTES = 64 << 20


class DeferredReadings:
    """What waits on devices, and where its bytes belong."""

    def __init__(self, *, whole: int, stats: bool) -> None:
        self._whole = whole
        self._stats = stats
        self._waiting: list[tuple[int, torch.Tensor]] = []
        self._measured: torch.Tensor | None = None
        self._bytes = 0

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to fetch."""
        return bool(self._waiting)

    def measure(self, tensor: torch.Tensor) -> int:
        """Start reading `tensor`; return how many bytes it will have, 0 if unread."""
        is_whole = tensor.numel() <= self._whole
        if not is_whole and not self._stats:
            return 0
        with quiet():
            plain = tensor.detach()
            self._measured = _copy(plain) if is_whole else _count(plain)
        size = int(self._measured.numel()) if is_whole else STATS.size
        self._bytes += size
        return size if self._bytes <= _MAX_WAITING_BYTES else 0

    def add(self, place: int) -> None:
        """Say where the bytes of what was measured last belong."""
        if self._measured is not None:
            self._waiting.append((place, self._measured))
            self._measured = None

    def fetch(self) -> Iterator[tuple[int, "np.ndarray[Any, Any]"]]:
        """Yield `(place, bytes)` of all that waits; one wait for each device."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        devices = {tensor.device for _, tensor in waiting}
        for device in devices:
            here = [(p, t) for p, t in waiting if t.device == device]
            with quiet():
                joined = torch.cat([t.reshape(-1).view(torch.uint8) for _, t in here])
                fetched = joined.cpu().numpy()
            start = 0
            for place, tensor in here:
                count = tensor.numel() * tensor.element_size()
                found = fetched[start : start + count]
                start += count
                is_stats = tensor.dtype is torch.float64 and tensor.dim() == 1
                yield place, _packed(found) if is_stats else found


def _copy(plain: torch.Tensor) -> torch.Tensor:
    """Return the bytes of a small tensor, on its device."""
    if plain.dtype in WIDENED:
        plain = plain.float()
    settled = plain.resolve_conj().resolve_neg().contiguous().clone()
    return settled.reshape(-1).view(torch.uint8)


def _count(plain: torch.Tensor) -> torch.Tensor:
    """Return the nine statistics as one tensor, without waiting for them."""
    numbers = plain.abs() if plain.is_complex() else plain
    wide = numbers if numbers.dtype is torch.float64 else numbers.float()
    finite = torch.isfinite(wide)
    count = finite.sum(dtype=torch.float64)
    kept = torch.where(finite, wide, 0.0)
    total = kept.sum(dtype=torch.float64)
    l2 = torch.linalg.vector_norm(kept, dtype=torch.float64)
    mean = total / count
    shifted = torch.where(finite, wide - mean.to(wide.dtype), 0.0)
    spread = torch.linalg.vector_norm(shifted, dtype=torch.float64)
    infinite = float("inf")
    return torch.stack(
        [
            torch.full_like(count, wide.numel()),
            torch.where(finite, wide, infinite).amin().double(),
            torch.where(finite, wide, -infinite).amax().double(),
            mean,
            spread / count.sqrt(),
            l2,
            ((wide == 0) & finite).sum(dtype=torch.float64),
            torch.isnan(wide).sum(dtype=torch.float64),
            torch.isinf(wide).sum(dtype=torch.float64),
        ]
    )


def _packed(found: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    numbers = found.view(np.float64)
    numel, low, high, mean, std, l2, *counts = numbers.tolist()
    if sum(counts[1:]) == numel:
        low = high = mean = std = l2 = float("nan")
    packed = STATS.pack(int(numel), low, high, mean, std, l2, *map(int, counts))
    return np.frombuffer(packed, np.uint8)
