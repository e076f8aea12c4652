"""Module scopes and dotted names, from torch's global forward hooks.

The module tree is a hint, the op graph is the truth: modules called through
`.forward` or with an overridden `__call__` fire no hook. Hooks on single modules are
never used (they break deepcopy and pickle), nor full-backward hooks (they insert nodes
into the user's graph).
"""

import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from graphscope.capture.arguments import name_by_use
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.module_calls import ModuleCalls, Running
from graphscope.capture.records import RawOp
from graphscope.capture.relay import ENTER, LEAVE
from graphscope.capture.sites import SiteFinder
from graphscope.capture.stack import Modes, is_tracing, remove_modes, restore_modes
from graphscope.capture.tensors import flatten_tensors
from graphscope.model.graph import ValueKind

_FUSED = (
    torch.nn.TransformerEncoder,
    torch.nn.TransformerEncoderLayer,
    torch.nn.MultiheadAttention,
)

_COMPILED = "OptimizedModule"
IS_HIDDEN: Final = [False]
_FRAMES_OF_A_CALL = 2  # _wrapped_call_impl and _call_impl


class ModuleWatch:
    """Keeps the stack of running modules and names their parameters."""

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self._table = table
        self._journal = journal
        self._walker, self._sites = finder
        self._paths: dict[int, tuple[weakref.ref[torch.nn.Module], str]] = {}
        self._roots = 0
        self._first: tuple[weakref.ref[torch.nn.Module], str] | None = None
        self._stack: list[Running] = []
        self._calls = ModuleCalls(journal, table)
        self._is_ours: Callable[[TorchFunctionMode], bool] = lambda _mode: False
        self._hidden: list[tuple[int, Modes]] = []
        self.parts = 0  # how many functions are shown from inside just now
        self.settle: Callable[[], None] = lambda: None
        self.on_raise: Callable[[torch.nn.Module, Any], None] = lambda _m, _a: None

    @property
    def scope(self) -> str:
        """Path of the innermost running module, empty outside of any."""
        return self._stack[-1].path if self._stack else ""

    @property
    def is_running(self) -> bool:
        """Whether the forward of some module is running."""
        return bool(self._stack)

    @property
    def depth(self) -> int:
        """How many modules are running."""
        return len(self._stack)

    def enter_part(self, name: str) -> None:
        """Let a function of torch's, which is shown from inside, be a scope."""
        path = _join(self.scope, name)
        self.parts += 1
        around = self._innermost and self._innermost.module
        self._stack.append(Running(-self.parts, path, parent=around))
        self._journal.scopes.setdefault(path, name)

    def leave_part(self) -> None:
        """End the scope that was entered last."""
        self._pop(-self.parts)
        self.parts -= 1

    def note_call(self, op: RawOp) -> None:
        """Let a new op of the forward pass say in which call of a module it runs."""
        if not self._journal.is_in_backward:
            self._calls.note(op, self._innermost)

    @property
    def _innermost(self) -> Running | None:
        return self._stack[-1] if self._stack else None

    def _pop(self, key: int) -> Running | None:
        """End what is called `key`, and what was left inside of it."""
        while self._stack:
            running = self._stack.pop()
            if running.key == key:
                return running
        return None

    def attach(self, is_ours: Callable[[TorchFunctionMode], bool]) -> None:
        """Hear of every call; modes that are ours are hidden from fused paths.

        All of them, also those of an outer trace: fused paths look for any mode.
        """
        self._is_ours = is_ours
        ENTER.add(self._enter)
        LEAVE.add(self._leave)

    def detach(self) -> None:
        """Hear of no more calls."""
        ENTER.remove(self._enter)
        LEAVE.remove(self._leave)

    def clear(self) -> None:
        """Forget every module."""
        self._paths.clear()
        self._stack.clear()
        self._calls.clear()
        self._first = None

    def add_root(self, module: torch.nn.Module, prefix: str = "") -> None:
        """Name everything inside `module`; parameters get their dotted path."""
        self._roots += 1
        for path, child in module.named_modules():
            if self._path_of(child) is None:
                found = _join(prefix, _plain(path))
                self._paths[id(child)] = weakref.ref(child), found
            if isinstance(child, torch.nn.parallel.DistributedDataParallel):
                for parameter in child.parameters():
                    self._table.mark_reduced(parameter)
        self._name_tensors(
            module,
            ValueKind.PARAMETER,
            lambda m: m.named_parameters(recurse=False, remove_duplicate=False),
            prefix,
        )
        self._name_tensors(
            module,
            ValueKind.BUFFER,
            lambda m: m.named_buffers(recurse=False, remove_duplicate=False),
            prefix,
        )

    def _name_tensors(
        self,
        module: torch.nn.Module,
        kind: ValueKind,
        own: Callable[[torch.nn.Module], Iterable[tuple[str, torch.Tensor]]],
        prefix: str,
    ) -> None:
        """Name what the modules inside `module` own; what several share, after all."""
        names: dict[int, tuple[torch.Tensor, list[str]]] = {}
        for path, child in module.named_modules():
            for key, tensor in own(child):
                name = _join(prefix, _plain(_join(path, key)))
                names.setdefault(id(tensor), (tensor, []))[1].append(name)
        for tensor, found in names.values():
            self._table.name_tensor(tensor, found, kind)

    def enter(self, module: torch.nn.Module) -> None:
        """Note that `module` runs; for calls in which no hook fires."""
        self._push(module)

    def exit(self, module: torch.nn.Module, output: Any = None) -> None:
        """Note that it is over, and returned `output`."""
        self._end(module, (), output)

    def _end(self, module: torch.nn.Module, args: Any, output: Any) -> str:
        running = self._pop(id(module))
        if running is not None and not self._journal.is_in_backward:
            with torch._C.DisableTorchFunction():
                self._calls.end(running, compiled_from(module), args, output)
        return running.path if running is not None else ""

    def _enter(self, module: torch.nn.Module, args: Any) -> None:
        if self._journal.is_foreign_thread():
            return
        if is_tracing():  # its graph would name values after variables of ours
            self._hide(module, "torch.jit.trace writes down what is done with tensors")
            return
        try:
            self._push(module)
            if not self._journal.replay.is_active and not self._journal.is_in_backward:
                self._name_inputs(args)
        except Exception as fault:  # noqa: BLE001 - the observer rule
            self._journal.count_fault(fault)
        if is_opaque(module, args):
            self._hide(module, "watching its fused or compiled path would change it")

    def _hide(self, module: torch.nn.Module, reason: str) -> None:
        """Take our modes away until a module has returned."""
        self._hidden.append((id(module), remove_modes(self._is_ours)))
        name = type(module).__name__
        self._journal.add_gap(f"the inside of {name} was not recorded: {reason}")

    def _leave(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if self._journal.is_foreign_thread():
            return
        if self._hidden and self._hidden[-1][0] == id(module):
            before = self._hidden.pop()[1]
            if before:
                restore_modes(before, self._is_ours)
        if is_tracing():
            return
        scope = ""
        try:
            if output is None:
                self.on_raise(module, args)
            scope = self._end(module, args, output)
            if not self._journal.replay.is_active and not self._journal.is_in_backward:
                with torch._C.DisableTorchFunction():
                    self.settle()
                self._name_output(output)
        except Exception as fault:  # noqa: BLE001 - the observer rule
            self._journal.count_fault(fault)
        self._journal.keeper.leave(scope, is_over=output is not None)

    def _push(self, module: torch.nn.Module) -> None:
        called, module = id(module), compiled_from(module)
        path = self._path_of(module)
        if path is None and not self._stack:
            with torch._C.DisableTorchFunction():
                path = self._adopt(module)
        elif path is None:
            path = _join(self._stack[-1].path, type(module).__name__)
        self._stack.append(self._calls.begin(module, called, path, self._innermost))
        self._journal.scopes.setdefault(path, type(module).__name__)

    def _path_of(self, module: torch.nn.Module) -> str | None:
        """Return the path of a named module; the id of a dead one may be reused."""
        known = self._paths.get(id(module))
        return known[1] if known is not None and known[0]() is module else None

    def _adopt(self, module: torch.nn.Module) -> str:
        """Name a root that the user did not pass in.

        A single model's parameters get their plain dotted path; those of several are
        prefixed by the variable that each was called through.
        """
        called = self._name_of_call() or type(module).__name__
        if not any(True for _ in module.parameters()):
            self.add_root(module, prefix=called)
            self._roots -= 1
            return called
        if self._roots:
            self._rename_first()
            self.add_root(module, prefix=called)
            return called
        self._first = weakref.ref(module), called
        self.add_root(module)
        return ""

    def _rename_first(self) -> None:
        """Prefix the first model too, now that there are two."""
        if self._first is None:
            return
        module, called = self._first[0](), self._first[1]
        self._first = None
        if module is not None:
            for child in module.modules():
                self._paths.pop(id(child), None)
            self.add_root(module, prefix=called)
            self._calls.move_below(called)

    def _name_of_call(self) -> str:
        frame, _ = self._walker.find_user_frame()
        if frame is None:
            return ""
        spot, _ = self._sites.find(frame)
        expression = spot.site.expression
        head = expression.split("(", 1)[0].removeprefix("self.")
        return head if head.replace(".", "").replace("_", "").isalnum() else ""

    def _name_inputs(self, args: tuple[Any, ...]) -> None:
        """Give the arguments of `model(xb)` the names that the caller uses."""
        frame, crossed = self._walker.find_user_frame()
        if frame is None or crossed.count(Owner.MODULE) > _FRAMES_OF_A_CALL:
            return
        with torch._C.DisableTorchFunction():
            spot, site = self._sites.find(frame)
            texts = spot.operands[1:] if spot.is_method else spot.operands
            if spot.is_operator or len(texts) != len(args):
                return
            for text, argument in zip(texts, args, strict=True):
                if isinstance(argument, torch.Tensor) and not is_lazy(argument):
                    name_by_use(self._table, self._table.resolve(argument, site), text)

    def _name_output(self, output: Any) -> None:
        """Give a module's result the name that the caller assigns it to."""
        tensors = [tensor for _, tensor in flatten_tensors(output)]
        if not tensors:
            return
        frame, crossed = self._walker.find_user_frame()
        if frame is None or crossed.count(Owner.MODULE) > _FRAMES_OF_A_CALL:
            return
        with torch._C.DisableTorchFunction():
            spot, _ = self._sites.find(frame)
            targets = _spread_targets(spot.targets, output)
            name_results(self._table, targets, tensors, is_return=True)


def compiled_from(module: torch.nn.Module) -> torch.nn.Module:
    """Return the user's module behind the one that `torch.compile` made of it."""
    if type(module).__name__ != _COMPILED:
        return module
    inner = getattr(module, "_orig_mod", None)
    return inner if isinstance(inner, torch.nn.Module) else module


def _plain(path: str) -> str:
    """Return a path without the modules that `torch.compile` put in between."""
    if "_orig_mod" not in path:
        return path
    return ".".join(part for part in path.split(".") if part != "_orig_mod")


def module_calls_hidden() -> bool:
    """Whether compiled code is kept from seeing us; `graphscope.capture.compiled`."""
    return IS_HIDDEN[0]


def _spread_targets(targets: tuple[str | None, ...], output: Any) -> Any:
    """Name the tensors in a tuple that one target takes: `state[0]`, `state[1]`."""
    is_pair = isinstance(output, tuple) and len(output) == len(targets)
    if not is_pair or len(targets) == 1:
        return targets
    found: list[str | None] = []
    for target, part in zip(targets, output, strict=True):
        inner = [path for path, _ in flatten_tensors(part)]
        found += [f"{target}{path}" if target else None for path in inner]
    return tuple(found)


def name_results(
    table: TensorTable,
    targets: tuple[str | None, ...],
    results: list[torch.Tensor],
    *,
    is_return: bool = False,
) -> None:
    """Name values after the targets that their tensors are assigned to.

    What a module returns may have a name from inside of it; the one that the caller
    gives it is then one more.
    """
    if len(targets) != len(results):
        return
    for target, tensor in zip(targets, results, strict=True):
        value = table.find(tensor)
        if value is None or not target:
            continue
        if value.name is None:
            table.change(value, "name", target)
        elif is_return and target not in (value.name, *value.also):
            table.change(value, "also", (*value.also, target))


def is_opaque(module: torch.nn.Module, args: tuple[Any, ...]) -> bool:
    """Whether torch may run the module in one piece, unless it sees a mode."""
    if type(module).__name__ == _COMPILED:
        return not module_calls_hidden()
    if not isinstance(module, _FUSED) or module.training:
        return False
    given = [tensor for _, tensor in flatten_tensors(args)]
    wants = any(tensor.requires_grad for tensor in [*given, *module.parameters()])
    return not (torch.is_grad_enabled() and wants)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix and path else prefix or path
