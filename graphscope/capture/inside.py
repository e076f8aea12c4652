"""What torch's Python code computes inside of a backward.

Checkpoints run parts of the forward again, functions of the user's own compute their
gradients with torch calls, and so do hooks. Those calls are events of the backward:
they begin no step and no pass, they give no names, and they hook no leaf.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.autograd.function import BackwardCFunction

from graphscope.capture.arguments import describe_arguments
from graphscope.capture.changes import Call
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.modules import ModuleWatch
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.ops import OpWatch
from graphscope.capture.records import RawEvent, RawOp
from graphscope.capture.sites import SiteFinder
from graphscope.capture.tensors import flatten_tensors
from graphscope.capture.verdicts import READOUTS, kind_of
from graphscope.model.graph import EventKind, OpKind, Phase, ValueKind

STOPPED: Final = "_StopRecomputationError"
"""What a checkpoint raises out of the last call that it runs again."""

_CHECKPOINT: Final = str(Path(torch.__file__).parent / "utils" / "checkpoint.py")
_APPLY: Final = BackwardCFunction.apply.__code__
_MAX_FRAMES: Final = 400


@dataclass(frozen=True, slots=True)
class Place:
    """Where inside of a backward a call was made."""

    is_again: bool
    node: str


class InsideWatch:
    """Writes down the torch calls that run inside of a backward."""

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        nodes: NodeWatch,
        modules: ModuleWatch,
        ops: OpWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self._table = table
        self._journal = journal
        self._nodes = nodes
        self._modules = modules
        self._ops = ops
        self._walker, self._sites = finder

    def place(
        self, frame: FrameType | None, name: str, runner: CodeType
    ) -> Place | None:
        """Say where a call is made; None where it is torch's own bookkeeping.

        `runner` is the code of the frame that called backward.
        """
        is_first, is_users = True, False
        node = ""
        for _ in range(_MAX_FRAMES):
            if frame is None or frame.f_code is runner:
                break
            code = frame.f_code
            if code.co_filename == _CHECKPOINT:
                is_own = is_first and name == "detach"
                return None if is_own else Place(is_again=True, node="")
            owner = self._walker.owner(code)
            if code is _APPLY and not node and is_users:
                node = type(frame.f_locals["self"]).__name__
            is_users = is_users or owner is Owner.USER
            is_first = is_first and owner in (Owner.OURS, Owner.MODE, Owner.HIDDEN)
            frame = frame.f_back
        return Place(is_again=False, node=node) if node else None

    def begin(
        self,
        func: Any,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType | None,
    ) -> Call | None:
        """Look at the arguments before the call."""
        given = [*flatten_tensors(args), *flatten_tensors(list(kwargs.values()))]
        if any(is_functorch_wrapped_tensor(tensor) for _, tensor in given):
            return None
        with self._without_hooks():
            return self._ops.begin(func, name, args, kwargs, frame)

    def note(self, call: Call, result: Any, place: Place) -> None:
        """Write down a call that has returned `result`."""
        outputs = self._ops.outputs_of(call, result)
        if not outputs and call.name not in READOUTS:
            return
        if not any(is_functorch_wrapped_tensor(tensor) for tensor in outputs):
            with self._without_hooks():
                self._note(call, outputs, place)

    def note_stopped(self, call: Call, place: Place) -> None:
        """Write down the last call of a checkpoint, stopped before it returned."""
        with self._without_hooks():
            self._note(call, [], place)

    def _note(self, call: Call, outputs: list[torch.Tensor], place: Place) -> None:
        frame, _ = self._walker.find_user_frame()
        site = self._sites.find(frame)[1] if frame is not None else None
        scope = self._modules.scope
        if not place.is_again:
            scope = f"{scope}.{place.node}" if scope else place.node
            self._journal.scopes.setdefault(scope, place.node)
        op = self._ops.make_op(call, scope, site)
        event = RawEvent(EventKind.OP, op=op, site=site, phase=Phase.BACKWARD)
        self._journal.prepare(event)
        op.arguments = describe_arguments(call, spot=None, site=site, table=self._table)
        self._forget_leaves(op)
        if not place.is_again:
            self._nodes.register(outputs, op)
        for position, tensor in enumerate(outputs):
            op.outputs.append(self._ops.output(tensor, op, site, position))
        op.kind = OpKind.RECOMPUTE if place.is_again else kind_of(op, call.name)
        event.values = list(op.outputs)
        self._journal.add(event)
        self._journal.tell(event)

    def _forget_leaves(self, op: RawOp) -> None:
        """Show the copies that a checkpoint starts from as what they are: inputs."""
        for _, value, _ in op.arguments:
            known = value.known if value is not None else None
            is_new = known is not None and known.hook is None
            if value is not None and is_new and value.kind is ValueKind.PARAMETER:
                value.kind, value.node = ValueKind.INPUT, None

    @contextmanager
    def _without_hooks(self) -> Iterator[None]:
        """Hook no leaf: what a checkpoint detaches is not the user's."""
        hook = self._table.on_leaf
        self._table.on_leaf = lambda _tensor, _known: None
        try:
            yield
        finally:
            self._table.on_leaf = hook
