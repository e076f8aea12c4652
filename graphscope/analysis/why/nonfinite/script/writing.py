"""Recorded tensors as Python text that gives the same bits again, and their names.

Separate from what is to be reproduced: here is only how a value is written down.
"""

import keyword
import re
from collections.abc import Iterable
from math import prod
from typing import Final

from graphscope.errors import NotRecordedError
from graphscope.model.graph import Value, ValueKind
from graphscope.model.numbers import DTYPE_NAMES, format_type
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_TAKEN: Final = frozenset({"torch", "inf", "nan", "print", "optimizer"})
_DEFAULTS: Final = frozenset({"float32", "bool", "int64"})
_WIDTH: Final = 80
_UNNAMED: Final = "t"


class Names:
    """Gives every value a name of its own in a script, the user's where it has one."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._names: dict[int, str] = {}
        for value in values:  # the user's names first: a number must not take one
            if value.name and value.kind is not ValueKind.CONSTANT:
                self.of(value)

    def of(self, value: Value) -> str:
        """Return the name of a value."""
        found = self._names.get(value.id)
        if found is None:
            found = self._names[value.id] = self._new(value.name or "")
        return found

    def set(self, value: Value, text: str) -> None:
        """Let a value be written as `text`: a number has no name."""
        self._names[value.id] = text

    def _new(self, wanted: str) -> str:
        plain = re.sub(r"\W", "_", wanted, flags=re.ASCII).strip("_")
        if not plain.isidentifier() or keyword.iskeyword(plain):
            plain = f"{_UNNAMED}_{plain}".strip("_")
        taken = {*self._names.values(), *_TAKEN}
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        return name


def tensor_text(data: Array, dtype: str, *, requires_grad: bool = False) -> str:
    """Write a tensor so that it has the same bits again.

    A float is written with as many digits as tell it from its neighbours.

    Raises:
        NotRecordedError: Its dtype is none of torch's that is known.

    >>> import numpy as np
    >>> tensor_text(np.array([0.1, np.inf], np.float32), "float32")
    'torch.tensor([0.10000000149011612, inf])'
    >>> tensor_text(np.array(3), "int32")
    'torch.tensor(3, dtype=torch.int32)'
    >>> tensor_text(np.ones((0, 2)), "float32", requires_grad=True)
    'torch.empty((0, 2), requires_grad=True)'
    """
    if dtype not in DTYPE_NAMES:
        raise NotRecordedError(f"A script cannot hold a tensor of dtype {dtype!r}.")
    options = "" if dtype in _DEFAULTS else f", dtype=torch.{dtype}"
    grad = ", requires_grad=True" if requires_grad else ""
    if data.size == 0:
        options = "" if dtype == "float32" else f", dtype=torch.{dtype}"
        return f"torch.empty({tuple(data.shape)}{options}{grad})"
    if data.dtype.kind == "c":
        parts = f"{_nested(data.real)}), torch.tensor({_nested(data.imag)})"
        whole = f"torch.complex(torch.tensor({parts}).to(torch.{dtype})"
        return f"{whole}.requires_grad_()" if requires_grad else whole
    return f"torch.tensor({_nested(data)}{options}{grad})"


def _nested(data: Array) -> str:
    """Write nested lists, long ones with a line for each row."""
    text = repr(data.tolist())
    if len(text) <= _WIDTH:
        return text
    return text.replace("], [", "],\n    [")


def constant_text(data: Array) -> str:
    """Write a number of the user's code.

    >>> import numpy as np
    >>> constant_text(np.array(2)), constant_text(np.array(-0.5))
    ('2', '(-0.5)')
    """
    text = repr(data.item())
    return f"({text})" if text.startswith("-") else text


def not_recorded(trace: Trace, value: Value, of: str = "numbers") -> NotRecordedError:
    """Return the error for numbers that were not kept whole."""
    size = prod(value.shape)
    kind = format_type(value.dtype, value.shape)
    return NotRecordedError(
        f"A script needs the {of} of {trace.title_of(value.id)!r}, {kind}, in step "
        f"{trace.step}, of which the recording has only statistics: record with "
        f"whole={size:_}."
    )
