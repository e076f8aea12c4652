"""Autograd nodes: found by walking `grad_fn`, observed by hooks on each node.

A prehook sees the gradient that reached the node's outputs, and is where the node's
local Jacobian can be asked for (its saved tensors are still there); a hook after the
node sees what it sends along every edge. Closures hold a number and a weak recorder,
never a tensor or a node.
"""

import itertools
import weakref
from collections.abc import Callable, Sequence
from re import compile as pattern
from typing import Any, Final

import torch

from graphscope.capture.deepguard import anchor_node
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.records import RawEvent, RawNode, RawOp, RawSlot, RawValue
from graphscope.capture.tensors import (
    dtype_name,
    is_readable,
    observe,
    quiet,
    shape_of,
)
from graphscope.model.graph import EventKind, Role
from graphscope.model.site import Site

_SERIALS: Final = itertools.count(1)
_BUILT_IN: Final = pattern(r"^[A-Z][A-Za-z0-9]*Backward\d+$")
ACCUMULATE_GRAD: Final = "torch::autograd::AccumulateGrad"
_MAX_OUTPUTS: Final = 16  # the node is called once for every element of its output
_MAX_JACOBIAN: Final = 256

Tensors = Sequence[torch.Tensor | None]


class GradientWatch:
    """Hooks autograd nodes and writes down what flows through them.

    Attributes:
        site: The user's line that called backward, while it runs.
        has_roots: Whether the call that runs now named what it starts from.
    """

    def __init__(self, table: TensorTable, journal: Journal, *, local: bool) -> None:
        self.is_live = True
        self.site: Site | None = None
        self.has_roots = False
        self._task = -1
        self._table = table
        self._journal = journal
        self._local = local
        self._open: dict[int, RawEvent] = {}

    def register(self, outputs: Sequence[torch.Tensor], op: RawOp) -> None:
        """Find the nodes that `op` made and hook them.

        Walks iteratively from the results' `grad_fn` towards the inputs, until nodes
        that are known.
        """
        hooked = torch._C._autograd._top_saved_tensors_default_hooks(True)
        stack: list[Any] = [
            t.grad_fn for t in outputs if t.requires_grad and not t.is_leaf
        ]
        fresh: list[tuple[Any, RawNode]] = []
        while stack:
            grad_fn = stack.pop()
            if grad_fn is None or self._table.key in grad_fn.metadata:
                continue
            node = self._adopt(grad_fn, op, can_call=hooked is None)
            fresh.append((grad_fn, node))
            inner = [f for f, _ in grad_fn.next_functions if f is not None]
            inner = [f for f in inner if f.name() != ACCUMULATE_GRAD]
            anchor_node(grad_fn.metadata, inner)
            stack.extend(inner)
        for grad_fn, node in fresh:
            node.edges = [self._edge(f, n) for f, n in grad_fn.next_functions]

    def _adopt(self, grad_fn: Any, op: RawOp, *, can_call: bool) -> RawNode:
        serial = next(_SERIALS)
        name = grad_fn.name()
        node = RawNode(serial, name, op)
        node.can_call = bool(can_call and self._local and _BUILT_IN.match(name))
        grad_fn.metadata[self._table.key] = serial
        self._table.nodes[serial] = node
        op.nodes.append(node)
        hook = _NodeHook(weakref.ref(self), serial, name)
        grad_fn.register_prehook(hook.before)
        grad_fn.register_hook(hook.after)
        return node

    def _edge(
        self, target: Any, output: int
    ) -> tuple[RawNode | None, int, RawValue | None]:
        if target is None:
            return None, output, None
        if target.name() == ACCUMULATE_GRAD:
            leaf = self._table.resolve(target.variable, None)
            return leaf.node, output, leaf
        serial = target.metadata.get(self._table.key)
        if serial is None:
            return None, output, None
        node = self._table.stand_in(serial, target.name())
        return node, output, node.outputs.get(output)

    def begin(self, roots: Sequence[torch.Tensor], site: Site | None) -> None:
        """Note that the user's code calls backward on `roots`, at `site`."""
        self.site = site
        self.has_roots = True
        for tensor in roots:
            self._journal.add_root(self._table.resolve(tensor, site))

    def end(self) -> None:
        """Note that the call is over; what did not finish is dropped."""
        self.site = None
        self.has_roots = False
        self._open.clear()

    def guard(self, write: Callable[..., None], *args: Any) -> None:
        """Run `write` so that it can neither fail nor disturb the user's backward."""
        if not self.is_live:
            return
        with self._journal.lock, torch._C.DisableTorchFunction():
            try:
                write(*args)
            except Exception as fault:  # noqa: BLE001 - the observer rule
                self._journal.count_fault(fault)

    def before_node(self, serial: int, name: str, grad_outputs: Tensors) -> None:
        """Write down that a node is about to run, and what reached its outputs."""
        node = self._table.stand_in(serial, name)
        event = RawEvent(EventKind.GRAD, node=node, site=self.site)
        self._journal.prepare(event)
        for position, gradient in enumerate(grad_outputs):
            value = node.outputs.get(position)
            slot = _slot(Role.GRAD_OUTPUT, gradient, value)
            slot.node, slot.position = node, position
            slot.seen = self._table.observe(gradient)
            event.slots.append(slot)
        if node.can_call and len(grad_outputs) == 1:
            event.slots += self._local_slots(node, grad_outputs[0])
        task = torch._C._current_graph_task_id()
        if task != self._task and not self.has_roots and 0 in node.outputs:
            self._journal.add_root(node.outputs[0])
        self._task = task
        self._journal.add(event)
        self._open[serial] = event

    def after_node(self, serial: int, grad_inputs: Tensors) -> None:
        """Write down what a node sent along each of its edges."""
        event = self._open.pop(serial, None)
        if event is None or event.node is None:
            return
        edges = event.node.edges
        for position, gradient in enumerate(grad_inputs):
            value = edges[position][2] if position < len(edges) else None
            slot = _slot(Role.EDGE, gradient, value)
            slot.node, slot.position = event.node, position
            slot.seen = self._table.observe(gradient)
            event.slots.append(slot)
        self._journal.on_event(event, self._journal.step)

    def _local_slots(
        self, node: RawNode, gradient: torch.Tensor | None
    ) -> list[RawSlot]:
        """Ask the node itself for its local Jacobian, when it is small.

        Calling a built-in node with a unit vector runs its formula on its saved
        tensors, fires no hook and frees nothing.
        """
        wanted = [e[2] is not None and e[2].requires_grad for e in node.edges]
        if gradient is None or not any(wanted) or not is_readable(gradient):
            return []
        if not 0 < gradient.numel() <= _MAX_OUTPUTS or not gradient.is_floating_point():
            return []
        grad_fn: Any = torch._C._current_autograd_node()
        if grad_fn is None or grad_fn.metadata.get(self._table.key) != node.serial:
            return []
        try:
            rows = _call_with_units(grad_fn, gradient)
        except RuntimeError:
            # What it saved was changed or freed, or it returns a sparse gradient: the
            # user's own backward says so where it matters.
            return []
        slots = []
        for position, is_wanted in enumerate(wanted):
            value = node.edges[position][2]
            column = [_reduced(row[position], value) for row in rows]
            parts = [part for part in column if part is not None]
            if not is_wanted or len(parts) != gradient.numel():
                continue
            if sum(part.numel() for part in parts) > _MAX_JACOBIAN:
                continue
            with quiet():
                shape = (*gradient.shape, *parts[0].shape)
                jacobian = torch.stack(parts).reshape(shape)
            slot = _slot(Role.LOCAL, jacobian, value)
            slot.node, slot.position = node, position
            slot.seen = observe(jacobian)
            slots.append(slot)
        return slots


def _reduced(part: torch.Tensor | None, value: RawValue | None) -> torch.Tensor | None:
    """Undo broadcasting, as the engine does with what a node returns."""
    if part is None or value is None or tuple(part.shape) == value.shape:
        return part
    with quiet():
        return part.sum_to_size(value.shape)


def _call_with_units(grad_fn: Any, gradient: torch.Tensor) -> list[Tensors]:
    rows: list[Tensors] = []
    with quiet():
        for index in range(gradient.numel()):
            unit = torch.zeros(gradient.shape, dtype=gradient.dtype)
            unit = unit.to(gradient.device)
            unit.view(-1)[index] = 1
            row = grad_fn(unit)
            rows.append(row if isinstance(row, tuple) else (row,))
    return rows


def _slot(role: Role, tensor: torch.Tensor | None, value: RawValue | None) -> RawSlot:
    if tensor is not None:
        return RawSlot(
            role, None, value, shape=shape_of(tensor), dtype=dtype_name(tensor)
        )
    if value is not None:
        return RawSlot(role, None, value, shape=value.shape, dtype=value.dtype)
    return RawSlot(role, None)


class _NodeHook:
    """The two hooks of one autograd node. Both return None: no gradient is changed."""

    __slots__ = ("_name", "_serial", "_watch")

    def __init__(
        self, watch: "weakref.ref[GradientWatch]", serial: int, name: str
    ) -> None:
        self._watch = watch
        self._serial = serial
        self._name = name

    def before(self, grad_outputs: Tensors) -> None:
        watch = self._watch()
        if watch is not None:
            watch.guard(watch.before_node, self._serial, self._name, grad_outputs)

    def after(self, grad_inputs: Tensors, _grad_outputs: Tensors) -> None:
        watch = self._watch()
        if watch is not None:
            watch.guard(watch.after_node, self._serial, grad_inputs)
