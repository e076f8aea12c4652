"""Looking at a tensor without touching it: which kinds may be read, and how.

All arithmetic of ours runs under `quiet()`: no autograd, no autocast, none of the
user's modes, out of place, no random numbers. Tensor kinds are a table, because naive
statistics fail on 18 of 25 kinds; of an unknown kind only shape and dtype are recorded.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import isfinite, sqrt
from typing import Any, Final

import numpy as np
import torch

PLAIN_TYPES: Final = (torch.Tensor, torch.nn.Parameter)
_FLOATS: Final = frozenset({torch.float64, torch.float32})
_NARROW_FLOATS: Final = frozenset({torch.float16, torch.bfloat16})
WIDENED: Final = frozenset(
    {torch.bfloat16}
    | {getattr(torch, name) for name in dir(torch) if name.startswith("float8_")}
)
READABLE: Final = (
    _FLOATS
    | _NARROW_FLOATS
    | WIDENED
    | {torch.complex64, torch.complex128, torch.bool}
    | {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
)
_CANCELLED: Final = 1e-4


class quiet:  # noqa: N801 - reads as the function that it could be
    """Hide what follows from the user's modes, autograd and autocast.

    No generator: one that an interrupt has left open is closed when its traceback is
    freed, and would then bring back the state from inside of our guards for ever. What
    an interrupt of `__exit__` leaves is set right by the guard (`.guard`).
    """

    __slots__ = ("_autocast", "_dispatch", "_function", "_had_grad")

    def __enter__(self) -> None:
        """Hide it."""
        self._function = torch._C.DisableTorchFunction()
        self._function.__enter__()
        self._dispatch = torch._C._DisableTorchDispatch()
        self._dispatch.__enter__()
        self._had_grad = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)
        self._autocast = _no_autocast()
        self._autocast.__enter__()

    def __exit__(self, *error: object) -> None:
        """Let it be seen again."""
        self._autocast.__exit__(None, None, None)
        torch._C._set_grad_enabled(self._had_grad)
        self._dispatch.__exit__(None, None, None)
        self._function.__exit__(None, None, None)


def _no_autocast() -> AbstractContextManager[object]:
    """Switch autocast off where it is on: entering it costs as much as a kernel."""
    if torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


def dtype_name(tensor: torch.Tensor) -> str:
    """Return torch's name of the dtype without the module: `float32`."""
    return str(tensor.dtype).removeprefix("torch.")


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return the sizes of the axes; a nested tensor has none that are numbers.

    Of a DTensor those of its local part, whose numbers are read.
    """
    local = None if type(tensor) in PLAIN_TYPES else local_part(tensor)
    if local is not None:
        tensor = local
    try:
        return tuple(int(size) for size in tensor.shape)
    except (RuntimeError, AttributeError, NotImplementedError, TypeError):
        return ()


def class_of(tensor: torch.Tensor) -> str:
    """Return the class of a subclass, of a DTensor with placements, else nothing."""
    if type(tensor) in PLAIN_TYPES:
        return ""
    if local_part(tensor) is None:
        return type(tensor).__name__
    dtensor: Any = tensor
    whole = ", ".join(str(size) for size in dtensor.shape)
    return f"DTensor({', '.join(map(repr, dtensor.placements))}) of [{whole}]"


def local_part(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return what this process has of a DTensor; None for any other tensor."""
    kind = type(tensor)
    is_torch = kind.__module__.startswith("torch.distributed")
    is_it = is_torch and kind.__name__ == "DTensor"
    local = getattr(tensor, "_local_tensor", None) if is_it else None
    return local if type(local) in PLAIN_TYPES else None


def to_numpy(plain: torch.Tensor) -> "np.ndarray[Any, Any]":
    """Copy a detached tensor; what NumPy has no dtype for is widened to float32."""
    if plain.dtype in WIDENED:
        plain = plain.float()
    if plain._is_zerotensor():
        plain = torch.zeros(plain.shape, dtype=plain.dtype)
    settled = plain.resolve_conj().resolve_neg()
    # NumPy freezes the storage that it is given: that must be ours, not the user's.
    found: np.ndarray[Any, Any] = settled.clone().cpu().numpy()
    return found


def summarize(plain: torch.Tensor) -> tuple[Any, ...]:
    """Return the nine `Stats` of a detached tensor in a few torch kernels.

    Call it under `quiet()`. Sums run in float64; exact counts of NaN and Inf cost two
    more passes, and are only needed when the smallest, the largest or the norm is not
    finite.
    """
    numbers = plain.abs() if plain.is_complex() else plain
    if numbers.dtype not in _FLOATS:
        numbers = numbers.float() if numbers.is_floating_point() else numbers.double()
    numel = numbers.numel()
    low, high = (float(bound) for bound in torch.aminmax(numbers))
    nans = infs = 0
    if not (isfinite(low) and isfinite(high)):
        nans = int(torch.isnan(numbers).sum())
        infs = int(torch.isinf(numbers).sum())
        numbers = numbers[torch.isfinite(numbers)]
        if numbers.numel() == 0:
            nan = float("nan")
            return numel, nan, nan, nan, nan, nan, 0, nans, infs
        low, high = (float(bound) for bound in torch.aminmax(numbers))
    count = numbers.numel()
    mean = float(numbers.sum(dtype=torch.float64)) / count
    l2 = float(torch.linalg.vector_norm(numbers, dtype=torch.float64))
    variance = l2 * l2 / count - mean * mean
    if variance < _CANCELLED * mean * mean:
        # Far from zero the two terms cancel: one more pass, around the mean.
        shifted = numbers.double() - mean
        variance = float(torch.linalg.vector_norm(shifted)) ** 2 / count
    zeros = count - int(torch.count_nonzero(numbers))
    std = sqrt(max(variance, 0.0))
    return numel, low, high, mean, std, l2, zeros, nans, infs


def flatten_tensors(
    tree: object, path: str = "", depth: int = 4
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield `(path, tensor)` from nested lists, tuples and dicts, at most `depth` deep.

    An own bounded walk: torch's pytrees raise RecursionError on cyclic containers.
    """
    if isinstance(tree, torch.Tensor):
        yield path, tree
    elif depth and isinstance(tree, list | tuple):
        for index, item in enumerate(tree):
            yield from flatten_tensors(item, f"{path}[{index}]", depth - 1)
    elif depth and isinstance(tree, dict):
        for key, item in tree.items():
            if isinstance(key, str):
                yield from flatten_tensors(item, f"{path}[{key}]", depth - 1)
