"""Function transforms (`torch.func.grad`, `vmap`, `jvp`): one op for each call.

Inside of one, tensors are wrapped, and what runs is not what the user wrote: nothing
of it is written down. The first wrapped tensor tells that a transform runs; its frame
tells which one, and what it was given. What it returned is found in the user's
variables, or among the arguments of the next call.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import torch
from torch._C._functorch import is_functorch_wrapped_tensor, maybe_current_level

from graphscope.capture.frames import FrameWalker
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.modules import ModuleWatch, name_results
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.records import RawEvent, RawOp, RawValue
from graphscope.capture.sites import SiteFinder
from graphscope.capture.tensors import flatten_tensors
from graphscope.model.graph import EventKind, OpKind
from graphscope.model.site import Site

_FOLDER: Final = str(Path(torch.__file__).parent / "_functorch")
_FILES: Final = frozenset(
    str(Path(_FOLDER) / name) for name in ("apis.py", "eager_transforms.py", "vmap.py")
)
_GIVEN: Final = ("args", "kwargs", "primals", "tangents", "cotangents")
_MAX_INPUTS: Final = 256

Make = Callable[[torch.Tensor, RawOp, Site | None, int], RawValue]


class TransformWatch:
    """Writes the calls of transforms down.

    Attributes:
        make: Describes a result of an op, and binds it.
        running: The op of a transform whose results are not found yet.
    """

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        nodes: NodeWatch,
        modules: ModuleWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self.make: Make
        self.running: RawOp | None = None
        self._table = table
        self._journal = journal
        self._nodes = nodes
        self._modules = modules
        self._walker, self._sites = finder
        self._event: RawEvent | None = None
        self._targets: tuple[str | None, ...] = ()
        self._code: CodeType | None = None
        self._line = 0

    def sees(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Note a call on `tensors`; whether it was made inside of a transform."""
        if not any(is_functorch_wrapped_tensor(tensor) for tensor in tensors):
            return False
        if self.running is None:
            self._begin()
        self._add_inputs(tensors)
        return True

    def is_inside(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a call belongs to the transform; else its results are looked for."""
        given = [t for _, t in flatten_tensors((args, list(kwargs.values())))]
        if maybe_current_level() is None and not self.sees(given):
            self.settle(given)
            return False
        self._add_inputs(given)
        return True

    def _begin(self) -> None:
        outer = _outermost_frame()
        if outer is None:
            self._journal.add_gap("a call ran inside a function transform")
            return
        frame = outer.f_back
        while frame is not None and self._walker.owner(frame.f_code).value != "user":
            frame = frame.f_back
        name = outer.f_code.co_qualname.partition(".")[0]
        name = name.removeprefix("_").removesuffix("_with_argnums")
        spot, site = self._sites.find(frame) if frame is not None else (None, None)
        op = RawOp(name, f"torch.func.{name}", OpKind.GAP, self._modules.scope)
        op.site = site
        op.note = f"torch.func.{name} ran here: its inside was not recorded"
        event = RawEvent(EventKind.OP, op=op, site=site)
        given = outer.f_locals
        tensors = [t for key in _GIVEN for _, t in flatten_tensors(given.get(key, ()))]
        event.extends_graph = any(t.requires_grad for t in tensors)
        self._journal.prepare(event)
        self._journal.add_gap(op.note)
        self.running, self._event = op, event
        self._add_inputs(tensors)
        self._targets = spot.targets if spot is not None else ()
        self._line = spot.statement_line if spot is not None else 0
        self._code = frame.f_code if frame is not None else None
        self._journal.add(event)

    def _add_inputs(self, tensors: Sequence[torch.Tensor]) -> None:
        op = self.running
        if op is None or len(op.arguments) > _MAX_INPUTS:
            return
        known = {value for _, value, _ in op.arguments}
        for tensor in tensors:
            if is_functorch_wrapped_tensor(tensor) or not self._is_outer(tensor):
                continue
            value = self._table.resolve(tensor, op.site)
            if value not in known:
                known.add(value)
                op.arguments.append(("", value, value.name or ""))

    def _is_outer(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor was there before the transform."""
        is_leaf = tensor.requires_grad and tensor.is_leaf
        is_given = maybe_current_level() is None or not tensor.requires_grad
        return is_leaf or is_given or self._table.find(tensor) is not None

    def settle(self, given: Sequence[torch.Tensor] = ()) -> None:
        """Look for the results of a transform that is over."""
        op, self.running = self.running, None
        if op is None or self._event is None:
            return
        frame = self._user_frame()
        assigned = list(self._assigned(frame))
        found = [tensor for _, tensor in assigned]
        if self._may_be_given(frame):
            found = [t for t in given if not (t.is_leaf and t.requires_grad)]
        fresh = [t for t in found if self._is_fresh(t)]
        self._nodes.register(fresh, op)
        for position, tensor in enumerate(fresh):
            op.outputs.append(self.make(tensor, op, op.site, position))
        for name, tensor in assigned:
            name_results(self._table, (name,), [tensor])
        self._event.values = list(op.outputs)
        event, self._event, self._code = self._event, None, None
        self._journal.tell(event)

    def _is_fresh(self, tensor: torch.Tensor) -> bool:
        is_wrapped = is_functorch_wrapped_tensor(tensor)
        return not is_wrapped and self._table.find(tensor) is None

    def _user_frame(self) -> FrameType | None:
        """Return the frame that called the transform, if it still runs."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._code:
            frame = frame.f_back
        return frame

    def _may_be_given(self, frame: FrameType | None) -> bool:
        """Whether the next call may have been given the results.

        In the same statement, or after a `return`.
        """
        if self._targets:
            return False
        return frame is None or self._sites.find(frame)[0].statement_line == self._line

    def _assigned(self, frame: FrameType | None) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the variables that the results were assigned to, and what they hold."""
        held = frame.f_locals if frame is not None else {}
        for target in self._targets:
            tensor = held.get(target) if target else None
            if isinstance(tensor, torch.Tensor):
                yield target or "", tensor


def _outermost_frame() -> FrameType | None:
    """Return the frame in which the user's call entered torch's transforms."""
    found = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename in _FILES:
            found = frame
        frame = frame.f_back
    return found
