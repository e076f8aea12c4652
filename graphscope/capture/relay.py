"""Torch's global hooks: each is registered once, for all recorders of a process.

Torch walks along its registries while the hooks run. One that a thread added or removed
meanwhile would fail the training step of another, so they change only when the first
recorder comes and when the last one goes.
"""

import os
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, Final, final

import torch
from torch.nn.modules import module as torch_module
from torch.optim import optimizer as optimizer_module
from torch.utils.hooks import RemovableHandle

Hook = Callable[..., None]


@final
class Relay:
    """One hook of torch's, which hands every call on to many of ours.

    Threads: any. What it calls hears of all threads and has to tell them apart.
    """

    def __init__(
        self, registry: dict[int, Any], always: dict[int, bool] | None = None
    ) -> None:
        self._registry = registry
        self._always = always
        self._first: list[Hook] = []
        self._hooks: list[Hook] = []
        self._hiding = 0
        self._key = 0

    def __call__(self, *args: Any) -> None:
        """Hand a call on; what the first add while they run hears of it too."""
        if torch.compiler.is_dynamo_compiling():
            return
        for hook in tuple(self._first):
            hook(*args)
        for hook in tuple(self._hooks):
            hook(*args)

    def add(self, hook: Hook, *, is_first: bool = False) -> None:
        """Hand calls on to `hook`, before the others or after them."""
        with _lock():
            (self._first if is_first else self._hooks).append(hook)
            if not self._hiding and not self._is_registered:
                self._key = RemovableHandle(self._registry).id
                self._register()

    def remove(self, hook: Hook) -> None:
        """Hand nothing on to `hook` any more; it may be gone already."""
        with _lock():
            for hooks in (self._first, self._hooks):
                if hook in hooks:
                    hooks.remove(hook)
            if not self._first and not self._hooks:
                self._unregister()
                self._hiding = 0  # whoever hid it may have been interrupted

    def hide(self) -> None:
        """Be gone from torch's registry until `show` is called as often."""
        with _lock():
            self._hiding += 1
            self._unregister()

    def show(self) -> None:
        """Be back, at the same place among the hooks of others."""
        with _lock():
            self._hiding = max(0, self._hiding - 1)
            is_wanted = bool(self._first or self._hooks)
            if is_wanted and not self._hiding and not self._is_registered:
                registry = self._registry
                later = [(k, registry.pop(k)) for k in list(registry) if k > self._key]
                self._register()
                registry.update(later)

    def renew(self) -> None:
        """Forget what other threads were doing when the process forked."""
        if self._hiding:
            self._hiding = 1
            self.show()

    @property
    def _is_registered(self) -> bool:
        return self._registry.get(self._key) is self

    def _register(self) -> None:
        self._registry[self._key] = self
        if self._always is not None:
            self._always[self._key] = True

    def _unregister(self) -> None:
        if self._is_registered:
            del self._registry[self._key]
            if self._always is not None:
                self._always.pop(self._key, None)


_LOCKS: Final = [RLock()]


def _lock() -> RLock:
    return _LOCKS[0]


ENTER: Final = Relay(torch_module._global_forward_pre_hooks)
"""A module is called: `hook(module, args)`."""
LEAVE: Final = Relay(
    torch_module._global_forward_hooks,
    torch_module._global_forward_hooks_always_called,
)
"""Its forward is over, also by an exception: `hook(module, args, output)`."""
BEFORE_STEP: Final = Relay(optimizer_module._global_optimizer_pre_hooks)
"""An optimizer's step begins: `hook(optimizer, args, kwargs)`."""
AFTER_STEP: Final = Relay(optimizer_module._global_optimizer_post_hooks)
"""It is over."""
MODULE_HOOKS: Final[Sequence[Relay]] = (ENTER, LEAVE)


def _renew_after_fork() -> None:
    """Another thread, which the child has not, may have held the lock."""
    _LOCKS[0] = RLock()
    for relay in MODULE_HOOKS:
        relay.renew()


os.register_at_fork(after_in_child=_renew_after_fork)
