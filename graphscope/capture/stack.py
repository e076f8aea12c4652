"""Taking our modes off torch's stack and putting them back, by identity.

Popping what is on top is not enough: the user's own modes may be there, a generator
may close a trace inside of another `with`, and traces nest.
"""

from collections.abc import Callable

import torch
from torch.overrides import TorchFunctionMode

Modes = list[TorchFunctionMode]


def is_tracing() -> bool:
    """Whether `torch.jit.trace` is running."""
    return torch._C._get_tracing_state() is not None


def _take_all() -> Modes:
    """Empty the stack of this thread; return it, outermost first."""
    count = torch._C._len_torch_function_stack()
    return [torch._C._pop_torch_function_stack() for _ in range(count)][::-1]


def _put_back(modes: Modes) -> None:
    for mode in modes:
        torch._C._push_on_torch_function_stack(mode)


def modes_here() -> Modes:
    """Return the stack of this thread, outermost first."""
    count = torch._C._len_torch_function_stack()
    return [torch._C._get_function_stack_at(index) for index in range(count)]


def remove_modes(is_wanted: Callable[[TorchFunctionMode], bool]) -> Modes:
    """Take every mode that `is_wanted` off the stack; return the stack before that.

    Returns an empty list, and touches nothing, when none is wanted.
    """
    if not any(is_wanted(mode) for mode in modes_here()):
        return []
    before = _take_all()
    _put_back([mode for mode in before if not is_wanted(mode)])
    return before


def restore_modes(
    before: Modes, is_wanted: Callable[[TorchFunctionMode], bool]
) -> None:
    """Undo `remove_modes`: at their old places, or on top if the stack has changed."""
    now = _take_all()
    removed = [mode for mode in before if is_wanted(mode)]
    kept = [mode for mode in before if not is_wanted(mode)]
    is_same = len(now) == len(kept) and all(
        one is other for one, other in zip(now, kept, strict=True)
    )
    _put_back(before if is_same else [*now, *removed])
