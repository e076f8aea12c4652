"""Tensors as plain data that the test keeps: bits, metadata and copied numbers.

All of it runs hidden from every mode, because a reading that a capture could see would
be part of what is measured.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.utils._pytree import tree_leaves

Numbers = npt.NDArray[Any]
_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


@contextmanager
def unseen() -> Iterator[None]:
    """Hide what follows from function modes, dispatch modes and autograd."""
    with (
        torch._C.DisableTorchFunction(),
        torch._C._DisableTorchDispatch(),
        torch.no_grad(),
    ):
        yield


def tensors_in(tree: object) -> list[torch.Tensor]:
    """Return the tensors of a tree of containers, in order."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def bits_of(tensor: torch.Tensor) -> object:
    """Return what `tensor` holds as bytes, by its layout; NaN and -0.0 differ."""
    with unseen():
        try:
            return _bits(tensor.detach())
        except (RuntimeError, NotImplementedError, TypeError) as error:
            return f"unreadable: {type(error).__name__}"


def _bits(plain: torch.Tensor) -> object:
    if plain.is_meta:
        return None
    if plain.is_nested:
        return tuple(_bits(part) for part in plain.unbind())
    if plain.layout is torch.sparse_coo:
        parts = plain._indices(), plain._values()
        return plain.is_coalesced(), *(_bits(part) for part in parts)
    if plain.layout in _COMPRESSED:
        rows, columns = _COMPRESSED[plain.layout]
        parts = getattr(plain, rows)(), getattr(plain, columns)()
        return tuple(_bits(part) for part in (*parts, plain.values()))
    if plain.is_quantized:
        return _bits(plain.int_repr())
    settled = plain.resolve_conj().resolve_neg().contiguous()
    return settled.reshape(-1).view(torch.uint8).numpy().tobytes()


def facts_of(tensor: torch.Tensor) -> tuple[object, ...]:
    """Return what can be told of `tensor` without its numbers."""
    with torch._C.DisableTorchFunction():
        node = tensor.grad_fn
        is_strided = tensor.layout is torch.strided and not tensor.is_nested
        return (
            type(tensor).__name__,
            str(tensor.dtype),
            () if tensor.is_nested else tuple(tensor.shape),
            str(tensor.layout),
            (tensor.stride(), tensor.storage_offset()) if is_strided else None,
            (tensor.is_conj(), tensor.is_neg()),
            (tensor.requires_grad, tensor.is_leaf),
            None if node is None else node.name(),
        )


def numbers_of(tensor: torch.Tensor) -> Numbers | None:
    """Copy a plain tensor to NumPy, None for kinds that have no such copy.

    bfloat16 is widened to float32, which changes no number; a sparse tensor is taken
    as the dense one that it stands for.
    """
    is_sparse = type(tensor) is torch.Tensor and tensor.layout is torch.sparse_coo
    if not is_sparse and not is_plain(tensor):
        return None
    with unseen():
        plain = tensor.detach().to_dense() if is_sparse else tensor.detach()
        settled = plain.resolve_conj().resolve_neg()
        if settled._is_zerotensor():
            settled = torch.zeros(settled.shape, dtype=settled.dtype)
        if settled.dtype is torch.bfloat16:
            settled = settled.float()
        copied: Numbers = np.array(settled.numpy(), copy=True)
        return copied


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether `tensor` is an ordinary dense tensor of an ordinary dtype."""
    with torch._C.DisableTorchFunction():
        return (
            type(tensor) in (torch.Tensor, torch.nn.Parameter)
            and not is_functorch_wrapped_tensor(tensor)
            and not tensor.is_nested
            and tensor.layout is torch.strided
            and not tensor.is_meta
            and not tensor.is_quantized
        )


def kind_of(tensor: torch.Tensor) -> str:
    """Say in two words what kind of tensor it is: `Tensor sparse_coo float32`."""
    with torch._C.DisableTorchFunction():
        layout = "nested" if tensor.is_nested else str(tensor.layout)
        parts = (type(tensor).__name__, layout, str(tensor.dtype))
        return " ".join(part.removeprefix("torch.") for part in parts)


def cotangent_of(tensor: torch.Tensor, position: int) -> torch.Tensor:
    """Make a gradient for an output, from its position alone: no random numbers."""
    with unseen():
        if tensor.layout is not torch.strided or tensor.is_nested:
            return torch.ones_like(tensor.detach())
        ramp = torch.arange(tensor.numel(), dtype=torch.float64)
        # The golden ratio spreads the numbers evenly, none of them zero.
        spread = (ramp * 0.6180339887 + 0.1 * position) % 1.0 - 0.4
        return spread.reshape(tensor.shape).to(tensor.dtype)
