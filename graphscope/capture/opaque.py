"""One op for what ran where its inside cannot be watched: compiled, transformed.

Such an op has a true name, true inputs and outputs and the autograd nodes that it made;
a note says why there is no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import torch

from graphscope.capture.arguments import describe_arguments
from graphscope.capture.changes import Call
from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.journal import Journal
from graphscope.capture.modules import ModuleWatch, name_results
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.ops import OpWatch
from graphscope.capture.records import RawEvent, RawOp
from graphscope.capture.sites import SiteFinder
from graphscope.capture.tensors import flatten_tensors
from graphscope.model.graph import EventKind, OpKind

_FRAMES_OF_A_CALL: Final = 2


@dataclass(slots=True)
class Opaque:
    """A call whose inside is not seen.

    Attributes:
        call: What the user passed; its `func` is what they wrote.
        module: The module that it runs, if it is one.
        results: What it returned.
    """

    call: Call
    module: torch.nn.Module | None = None
    results: Sequence[torch.Tensor] = ()


class OpaqueWatch:
    """Writes such calls down."""

    def __init__(
        self,
        journal: Journal,
        ops: OpWatch,
        nodes: NodeWatch,
        modules: ModuleWatch,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self._journal = journal
        self._ops = ops
        self._nodes = nodes
        self._modules = modules
        self._walker, self._sites = finder

    def begin(
        self,
        func: Any,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        frame: FrameType | None,
    ) -> Opaque | None:
        """Look at the arguments before such a call runs."""
        updates = self._ops.updates
        if updates is not None and updates.depth:
            return None  # one update event stands for all
        module = _module_of(func)
        given = tuple(args)
        if module is not None:
            name = type(module).__name__
            self._modules.enter(module)
            kwargs = {**kwargs, **_weights(module)}
        call = self._ops.begin(func, name, given, kwargs, frame)
        return Opaque(call, module)

    def end(self, opaque: Opaque, results: Sequence[torch.Tensor], note: str) -> None:
        """Write down a call that has returned `results`."""
        call, opaque.results = opaque.call, results
        frame, crossed = self._walker.find_user_frame()
        spot, site = self._sites.find(frame) if frame is not None else (None, None)
        if Owner.INIT in crossed:
            return
        if crossed.count(Owner.MODULE) > _FRAMES_OF_A_CALL:
            spot = None
        op = RawOp(call.name, call.name, OpKind.GAP, self._modules.scope, site=site)
        op.note = note
        self._modules.note_call(op)
        event = RawEvent(EventKind.OP, op=op, site=site)
        given = [tensor for _, tensor in call.tensors]
        changed = [
            tensor
            for tensor, before in zip(given, call.versions, strict=True)
            if before is not None and tensor._version != before
        ]
        made = [t for t in results if not any(t is other for other in given)]
        outputs = [*changed, *made]
        event.extends_graph = any(t.requires_grad and not t.is_leaf for t in outputs)
        table = self._ops.table
        self._journal.prepare(event)
        self._journal.add_gap(note)
        if spot is not None:
            op.statement = (
                spot.site.file,
                spot.statement_line,
                site.stack if site else (),
            )
        op.arguments = describe_arguments(call, spot=spot, site=site, table=table)
        self._nodes.register(outputs, op)
        for position, tensor in enumerate(outputs):
            op.outputs.append(self._ops.output(tensor, op, site, position))
        self._add_feeding(op)
        if spot is not None:
            name_results(table, spot.targets, list(made))
        event.values = list(op.outputs)
        self._journal.add(event)
        self._journal.tell(event)

    def _add_feeding(self, op: RawOp) -> None:
        """Add what reached the op's autograd nodes, but was not passed to it."""
        shown = {value for _, value, _ in op.arguments}
        feeding = [v for node in op.nodes for _, _, v in node.edges if v is not None]
        op.arguments += [
            ("", value, value.name or "")
            for value in dict.fromkeys(feeding)
            if value.op is not op and value not in shown
        ]

    def leave(self, opaque: Opaque) -> None:
        """Note that the call is over, also when it raised."""
        if opaque.module is not None:
            self._modules.exit(opaque.module, list(opaque.results))


def tensors_in(result: object) -> list[torch.Tensor]:
    """Return the tensors of a result."""
    return [tensor for _, tensor in flatten_tensors(result)]


def _module_of(func: Any) -> torch.nn.Module | None:
    """Return the module that a compiled function calls, if it is one's own call."""
    for _ in range(4):
        owner = getattr(func, "__self__", None)
        if isinstance(owner, torch.nn.Module) and func.__name__ in (
            "__call__",
            "_call_impl",
            "_wrapped_call_impl",
        ):
            return owner
        if isinstance(func, torch.nn.Module):
            return func
        func = getattr(func, "__wrapped__", None)
    return None


def _weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
