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


def make_guard(
    lock: Any,
    on_fault: Callable[[BaseException], None],
    pending: list[int],
    release: Callable[[], None],
) -> Guard:
    """Return a guard that holds `lock` and tells `on_fault` of errors.

    What is no `Exception`, and what `on_fault` raises, is the user's and gets through.
    `release` is called where the guard is left and `pending` is not empty: the only
    place where a debugger may hold the thread, with no lock and no state of ours.
    """
    run = plain_run_gated if NATIVE is None else NATIVE.run_gated
    hide = torch._C.DisableTorchFunction
    is_enabled, set_enabled = torch.is_grad_enabled, torch._C._set_grad_enabled
    return partial(run, lock, hide, is_enabled, set_enabled, on_fault, pending, release)


def plain_run_gated(  # noqa: PLR0913, PLR0917 - as the compiled one
    lock: Any,
    hide: Callable[[], Any],
    is_enabled: Callable[[], bool],
    set_enabled: Callable[[bool], Any],
    on_fault: Callable[[BaseException], None],
    pending: list[int],
    release: Callable[[], None],
    write: Callable[..., Any],
    *args: Any,
) -> Any:
    """Return `write(*args)`, run under `lock` and `hide`; then call `release` if due.

    Whether gradients are recorded is as before afterwards, also when an interrupt has
    kept `write` from seeing to that.
    """
    with lock, hide():
        before = is_enabled()
        try:
            result = write(*args)
        except Exception as fault:  # noqa: BLE001 - the observer rule
            on_fault(fault)
            result = None
        finally:
            if is_enabled() is not before:
                set_enabled(before)
    if pending:
        release()
    return result
