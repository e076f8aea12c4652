"""Waiting for the moment at which a script imports torch.

Recording begins then, and not before: what a script sets first for torch and numpy,
such as `OMP_NUM_THREADS`, is read when they are imported.
"""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from graphscope.session.unseen import removed


class ImportWatch:
    """Calls `begin` once, on the main thread, as soon as a module has been imported.

    At once if it is there already. A forked child does not wait any more.
    """

    def __init__(self, name: str, begin: Callable[[], None]) -> None:
        self._name = name
        self._begin = begin
        self._is_waiting = False

    def start(self) -> None:
        """Begin to wait."""
        if self._name in sys.modules:
            self._begin()
            return
        self._is_waiting = True
        sys.meta_path.insert(0, self)
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
            os.register_at_fork(after_in_child=self.stop)

    def stop(self) -> None:
        """Wait no longer."""
        self._is_waiting = False
        with suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return what the other finders find, and hear of it when it is executed."""
        if name != self._name or not self._is_waiting:
            return None
        for finder in [other for other in sys.meta_path if other is not self]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._listen(spec.loader)
                return spec
        return None

    def _listen(self, loader: Any) -> None:
        """Shadow a method of this one loader until it has run."""
        if hasattr(loader, "exec_module"):
            execute = loader.exec_module
            loader.exec_module = partial(_execute_and_tell, execute, self._hear, loader)

    def _hear(self) -> None:
        if not self._is_waiting:
            return
        self.stop()
        if threading.current_thread() is threading.main_thread():
            self._begin()
        else:
            _call_on_main_thread(self._begin)


@removed
def _execute_and_tell(
    execute: Callable[[ModuleType], None],
    tell: Callable[[], None],
    loader: Any,
    module: ModuleType,
) -> None:
    execute(module)
    del loader.exec_module
    tell()


def _call_on_main_thread(function: Callable[[], None]) -> None:
    """Let the main thread call `function` before its next steps.

    A function mode, as capture has it, is entered by the thread that it watches.
    """
    import ctypes

    def call(_: object) -> int:
        function()
        return 0

    pending = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(call)
    _PENDING.append(pending)
    ctypes.pythonapi.Py_AddPendingCall(pending, None)


_PENDING: Final[list[Any]] = []
"""Keeps alive what C calls."""
