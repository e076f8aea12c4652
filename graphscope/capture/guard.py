"""Running code of ours so that it can neither fail nor be seen.

Everything that hears of the user's calls runs under a guard: backward may run on other
threads, other modes must not see our reads, and a fault of ours is counted, not raised.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from graphscope.capture.kernel import NATIVE

Guard = Callable[..., Any]
"""`guard(write, *args)` returns what `write(*args)` does; None when that failed."""


def make_guard(lock: Any, on_fault: Callable[[BaseException], None]) -> Guard:
    """Return a guard that holds `lock` and tells `on_fault` of errors.

    What is no `Exception`, and what `on_fault` raises, is the user's and gets through.
    """
    run = plain_run_guarded if NATIVE is None else NATIVE.run_guarded
    hide = torch._C.DisableTorchFunction
    is_enabled, set_enabled = torch.is_grad_enabled, torch._C._set_grad_enabled
    return partial(run, lock, hide, is_enabled, set_enabled, on_fault)


def plain_run_guarded(
    lock: Any,
    hide: Callable[[], Any],
    is_enabled: Callable[[], bool],
    set_enabled: Callable[[bool], Any],
    on_fault: Callable[[BaseException], None],
    write: Callable[..., Any],
    *args: Any,
) -> Any:
    """Return `write(*args)`, run under `lock` and `hide`.

    Whether gradients are recorded is as before afterwards, also when an interrupt has
    kept `write` from seeing to that.
    """
    with lock, hide():
        before = is_enabled()
        try:
            return write(*args)
        except Exception as fault:  # noqa: BLE001 - the observer rule
            on_fault(fault)
            return None
        finally:
            if is_enabled() is not before:
                set_enabled(before)
