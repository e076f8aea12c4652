"""Calls of functions that `torch.compile` made: out of the compiler's sight, one op.

The compiler compares the stack of function modes, and looks at the global module hooks,
on every call: with ours there it would compile anew, and something else. So both are
taken away while a compiled function runs. Torch has no hook for that, but the wrapper
around a compiled function begins and ends with the same call of a global of the
compiler's module; that global is replaced while a recorder runs. Where it is missing,
in another version of torch, compiled code runs as it does under any other mode.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from threading import get_ident, local
from types import FrameType, ModuleType
from typing import Any, Final

from torch.nn.modules import module as torch_module

from graphscope.capture.journal import Journal
from graphscope.capture.modules import IS_HIDDEN
from graphscope.capture.opaque import Opaque, OpaqueWatch, tensors_in
from graphscope.capture.relay import MODULE_HOOKS
from graphscope.capture.stack import Modes, remove_modes, restore_modes

_COMPILER: Final = "torch._dynamo.eval_frame"
_SWITCH: Final = "_maybe_set_eval_frame"
_ANY_HOOK: Final = "_has_any_global_hook"
_WRAPPER: Final = "compile_wrapper"
_NOTE: Final = "compiled by torch.compile: its inside was not recorded"


class CompiledWatch:
    """Writes the calls of compiled functions down, for one recorder."""

    def __init__(
        self,
        journal: Journal,
        opaque: OpaqueWatch,
        is_ours: Callable[[Any], bool],
        guarded: Callable[..., Any],
    ) -> None:
        self.thread = journal.thread
        self.is_ours = is_ours
        self.opaque = opaque
        self.guarded = guarded

    def attach(self) -> None:
        """Begin to watch."""
        _WATCHES.append(self)
        _install()

    def detach(self) -> None:
        """Watch no more."""
        if self in _WATCHES:
            _WATCHES.remove(self)
        if not _WATCHES:
            _uninstall()

    def begin(self, frame: FrameType) -> Opaque | None:
        """Look at what the wrapper in `frame` is about to call."""
        given = frame.f_locals
        func = given["fn"]
        name = getattr(func, "__name__", type(func).__name__)
        found: Opaque | None = self.guarded(
            self.opaque.begin, func, name, given["args"], given["kwargs"], frame
        )
        return found

    def end(self, opaque: Opaque, given: dict[str, Any]) -> None:
        """Write the call down, if it has returned."""
        if "result" in given and given.get("call_succeeded"):
            results = tensors_in(given["result"])
            self.guarded(self.opaque.end, opaque, results, _NOTE)
        self.guarded(self.opaque.leave, opaque)


@dataclass(slots=True)
class _Running:
    """A compiled call that runs, and what was taken away for it."""

    frame: FrameType
    modes: Modes = field(default_factory=list)
    has_hidden: bool = False
    calls: list[tuple[CompiledWatch, Opaque]] = field(default_factory=list)


class _Local(local):
    def __init__(self) -> None:
        self.running: list[_Running] = []


ASKED: Final[list[Callable[..., None]]] = []
"""Told, on any thread, of the arguments of a call before it runs."""
_WATCHES: Final[list[CompiledWatch]] = []
_LOCAL: Final = _Local()
_REPLACED: Final[dict[str, Any]] = {}


def _is_any_ours(mode: Any) -> bool:
    return any(watch.is_ours(mode) for watch in _WATCHES)


def _switch(callback: Any) -> Any:
    """Stand in for the compiler's own function; calls it exactly once."""
    original = _REPLACED[_SWITCH]
    frame = sys._getframe(1)
    if frame.f_code.co_name != _WRAPPER:
        return original(callback)
    running = _LOCAL.running
    if running and running[-1].frame is frame:
        before = original(callback)
        _leave(running.pop())
        return before
    if "saved_include_set" in frame.f_locals:  # it returned early otherwise
        _enter(frame)
    return original(callback)


def _enter(frame: FrameType) -> None:
    running = _LOCAL.running
    for ask in tuple(ASKED):
        ask(frame.f_locals["args"], frame.f_locals["kwargs"])
    here = [w for w in _WATCHES if w.thread == get_ident()]
    while running and not _is_below(running[-1].frame, frame):
        _show_hooks(running.pop())  # it was interrupted
    one = _Running(frame)
    running.append(one)
    if len(running) > 1:
        return  # what is compiled inside of compiled code is part of it
    for watch in here:
        found = watch.begin(frame)
        if found is not None:
            one.calls.append((watch, found))
    one.modes = remove_modes(_is_any_ours)
    if here:
        one.has_hidden = True
        for relay in MODULE_HOOKS:
            relay.hide()


def _leave(one: _Running) -> None:
    _show_hooks(one)
    if one.modes:
        restore_modes(one.modes, _is_any_ours)
    given = one.frame.f_locals
    for watch, opaque in one.calls:
        if watch in _WATCHES:
            watch.end(opaque, given)


def _is_below(frame: FrameType, top: FrameType) -> bool:
    found: FrameType | None = top
    while found is not None and found is not frame:
        found = found.f_back
    return found is not None


def _show_hooks(one: _Running) -> None:
    if one.has_hidden:
        one.has_hidden = False
        for relay in MODULE_HOOKS:
            relay.show()


def _has_other_hook() -> Any:
    """Stand in for torch's question whether there are global module hooks."""
    for relay in MODULE_HOOKS:
        relay.hide()
    try:
        return _REPLACED[_ANY_HOOK]()
    finally:
        for relay in MODULE_HOOKS:
            relay.show()


def _install() -> None:
    """Replace the compiler's function, now or when the compiler is imported."""
    compiler = sys.modules.get(_COMPILER)
    if compiler is None:
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
        return
    _replace(compiler, _SWITCH, _switch)
    if _SWITCH in _REPLACED:
        _replace(torch_module, _ANY_HOOK, _has_other_hook)
        IS_HIDDEN[0] = True


def _replace(home: ModuleType, name: str, ours: Callable[..., Any]) -> None:
    original = getattr(home, name, None)
    if callable(original) and original is not ours:
        _REPLACED[name] = original
        setattr(home, name, ours)


def _uninstall() -> None:
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    IS_HIDDEN[0] = False
    homes = ((sys.modules.get(_COMPILER), _SWITCH), (torch_module, _ANY_HOOK))
    for home, name in homes:
        if name in _REPLACED and home is not None:
            setattr(home, name, _REPLACED.pop(name))


class _Finder:
    """Waits for the import of the compiler, which is never ours to import."""

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> ModuleSpec | None:
        """Let Python find the module itself, and hear when it has run."""
        if name != _COMPILER:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        run = loader.exec_module

        def run_and_tell(module: ModuleType) -> None:
            del loader.exec_module
            run(module)
            if _WATCHES:
                _install()

        loader.exec_module = run_and_tell
        return spec


_FINDER: Final[Any] = _Finder()
