"""Autograd nodes: found by walking `grad_fn`, observed by a hook on each node.

The hook runs after the node and sees both what reached it and what it sends along
every edge. A node that may be asked for its local Jacobian, or that runs Python code
of the user's, is hooked before it runs as well (its saved tensors are still there).
Closures hold numbers and the watch, never a tensor or a node.
"""

import itertools
from collections.abc import Callable, Sequence
from math import prod
from re import compile as pattern
from typing import Any, Final

import torch
from torch.autograd.function import BackwardCFunction

from graphscope.capture.deepguard import anchor_node
from graphscope.capture.identity import TensorTable
from graphscope.capture.jacobians import MAX_JACOBIAN, MAX_OUTPUTS, local_slots
from graphscope.capture.journal import Journal
from graphscope.capture.readings import ABSENT, Reading
from graphscope.capture.records import (
    RawEvent,
    RawNode,
    RawOp,
    RawSlot,
    RawValue,
    Sent,
)
from graphscope.capture.tensors import PLAIN_TYPES, dtype_name, shape_of
from graphscope.model.graph import EventKind, Role
from graphscope.model.packed import Kept
from graphscope.model.site import Site

_SERIALS: Final = itertools.count(1)
_STATS: Final = int(Kept.STATS)
_BUILT_IN: Final = pattern(r"^[A-Z][A-Za-z0-9]*Backward\d+$")
ACCUMULATE_GRAD: Final = "torch::autograd::AccumulateGrad"

Tensors = Sequence[torch.Tensor | None]
Adopted = list[tuple[Any, RawNode]]


class GradientWatch:
    """Hooks autograd nodes and writes down what flows through them.

    Attributes:
        site: The user's line that called backward, while it runs.
        has_roots: Whether the call that runs now named what it starts from.
    """

    def __init__(self, table: TensorTable, journal: Journal, *, local: bool) -> None:
        self.site: Site | None = None
        self.has_roots = False
        self._last_sent: tuple[int, int, Any] = (0, 0, None)
        self._task = -1
        self._table = table
        self._journal = journal
        self._local = local
        self._channel = Channel(self)
        self._open: dict[int, tuple[RawEvent, list[RawSlot]]] = {}

    def detach(self) -> None:
        """Hear nothing more, from hooks that stay on the user's graphs either."""
        self._channel.watch = None

    def register(self, outputs: Sequence[torch.Tensor], op: RawOp) -> None:
        """Find the nodes that `op` made and hook them.

        Walks iteratively from the results' `grad_fn` towards the inputs, until nodes
        that are known.
        """
        hooked = torch._C._autograd._top_saved_tensors_default_hooks(True)
        fresh = [
            (grad_fn, self._describe(grad_fn, op, can_call=hooked is None))
            for grad_fn in self.walk(outputs)
        ]
        self.adopt(fresh)
        for grad_fn, node in fresh:
            node.edges = [self._edge(f, n) for f, n in grad_fn.next_functions]
            if self._wants_before(grad_fn, node):
                node.wants_before = True
                hook = _Before(self._channel, node.serial, node.name)
                grad_fn.register_prehook(hook)

    def walk(self, outputs: Sequence[torch.Tensor]) -> list[Any]:
        """Return the nodes behind `outputs` that are not known yet, in a fixed order.

        Later ones are nearer to the inputs, or beside.
        """
        key = self._table.key
        stack: list[Any] = [
            t.grad_fn for t in outputs if t.requires_grad and not t.is_leaf
        ]
        found: list[Any] = []
        seen: set[int] = set()
        while stack:
            grad_fn = stack.pop()
            if grad_fn is None or key in grad_fn.metadata or id(grad_fn) in seen:
                continue
            seen.add(id(grad_fn))
            found.append(grad_fn)
            stack += [
                f
                for f, _ in grad_fn.next_functions
                if f is not None and f.name() != ACCUMULATE_GRAD
            ]
        return found

    def adopt(self, fresh: Adopted) -> None:
        """Give nodes their serial numbers and hooks; inputs first, for the anchors."""
        table = self._table
        key, nodes = table.key, table.nodes
        for grad_fn, node in reversed(fresh):
            serial = node.serial = next(_SERIALS)
            metadata = grad_fn.metadata
            metadata[key] = serial
            nodes[serial] = node
            if node.inbox:
                node.inbox = {}
            anchor_node(
                metadata,
                [
                    f
                    for f, _ in grad_fn.next_functions
                    if f is not None and f.name() != ACCUMULATE_GRAD
                ],
            )
            grad_fn.register_hook(_After(self._channel, serial))
            if node.wants_before:
                grad_fn.register_prehook(_Before(self._channel, serial, node.name))

    def _describe(self, grad_fn: Any, op: RawOp, *, can_call: bool) -> RawNode:
        name = grad_fn.name()
        node = RawNode(0, name, op)
        node.can_call = bool(can_call and self._local and _BUILT_IN.match(name))
        op.nodes.append(node)
        return node

    def _wants_before(self, grad_fn: Any, node: RawNode) -> bool:
        """Whether the hook after the node would come too late."""
        if isinstance(grad_fn, BackwardCFunction):
            return True
        if not node.can_call:
            return False
        shapes = [tuple(found.shape) for found in grad_fn._input_metadata]
        if len(shapes) != 1 or not 0 < prod(shapes[0]) <= MAX_OUTPUTS:
            return False
        values = [value for _, _, value in node.edges if value is not None]
        sizes = [prod(value.shape) for value in values if value.requires_grad]
        return any(prod(shapes[0]) * size <= MAX_JACOBIAN for size in sizes)

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
        if self._channel.watch is None:
            return
        with self._journal.lock, torch._C.DisableTorchFunction():
            try:
                write(*args)
            except Exception as fault:  # noqa: BLE001 - the observer rule
                self._journal.count_fault(fault)

    def before_node(self, serial: int, name: str, grad_outputs: Tensors) -> None:
        """Write down that a node is about to run, and what reached its outputs."""
        node = self._table.stand_in(serial, name)
        self._note_task(node)
        event = self._again(node)
        if event is None or not _fits(event.slots, grad_outputs, Role.GRAD_OUTPUT):
            event = RawEvent(EventKind.GRAD, node=node, site=self.site)
            self._journal.prepare(event)
            event.slots = self._output_slots(node, grad_outputs)
            self._journal.add(event)
            rest: list[RawSlot] = []
        else:
            count = len(grad_outputs)
            event.slots, rest = event.slots[:count], event.slots[count:]
            for slot, gradient in zip(event.slots, grad_outputs, strict=True):
                slot.seen = self._read_output(node, slot.position, gradient)
            self._journal.advance(event)
        if node.can_call and len(grad_outputs) == 1:
            self._add_local(event, rest, grad_outputs[0])
        self._open[serial] = event, rest

    def _add_local(
        self, event: RawEvent, rest: list[RawSlot], gradient: torch.Tensor | None
    ) -> None:
        if event.node is None:
            return
        slots = local_slots(event.node, gradient, self._table)
        planned = [slot for slot in rest if slot.role is Role.LOCAL]
        del rest[: len(planned)]
        is_same = len(planned) == len(slots) and all(
            (a.position, a.shape, a.dtype, a.value)
            == (b.position, b.shape, b.dtype, b.value)
            for a, b in zip(planned, slots, strict=True)
        )
        if is_same:
            for slot, found in zip(planned, slots, strict=True):
                slot.seen = found.seen
            event.slots += planned
            return
        self._journal.leave()
        rest.clear()
        event.slots += slots

    def after_node(self, serial: int, outputs: Tensors, inputs: Tensors) -> None:
        """Write down what a node received at its outputs and sent along its edges."""
        opened = self._open.pop(serial, None) if self._open else None
        if opened is not None:
            self._finish(*opened, outputs, inputs)
            return
        node = self._table.nodes.get(serial)
        if node is None:
            running: Any = torch._C._current_autograd_node()
            node = self._table.stand_in(serial, running.name())
        if node.wants_before:
            return  # it ran before, and what came then was dropped
        task = self._note_task(node)
        event = self._again(node)
        if event is not None and self._repeat(event, node, outputs, inputs, task):
            self._journal.on_event(event, self._journal.step)
            return
        event = RawEvent(EventKind.GRAD, node=node, site=self.site)
        self._journal.prepare(event)
        event.slots = self._output_slots(node, outputs)
        event.slots += self._edge_slots(node, outputs, inputs, task)
        self._journal.add(event)
        self._journal.on_event(event, self._journal.step)

    def _again(self, node: RawNode) -> RawEvent | None:
        """Return the record of the step before, if this node should run now."""
        event = self._journal.upcoming(EventKind.GRAD)
        if event is None or event.node is not node or event.site != self.site:
            return None
        return event if self._journal.enter(event) else None

    def _repeat(
        self,
        event: RawEvent,
        node: RawNode,
        outputs: Tensors,
        inputs: Tensors,
        task: int,
    ) -> bool:
        """Use the record of the step before; False when the shapes differ."""
        slots = event.slots
        count = len(outputs)
        if len(slots) != count + len(inputs):
            return False
        for index, gradient in enumerate((*outputs, *inputs)):
            if gradient is not None:
                slot = slots[index]
                if (
                    gradient.shape != slot.shape
                    or gradient.dtype is not slot.kind_of_number
                ):
                    return False
        for index, gradient in enumerate(outputs):
            slots[index].seen = self._read_output(node, index, gradient)
        for index, gradient in enumerate(inputs):
            slot = slots[count + index]
            slot.seen = self._read_edge(node, index, gradient, outputs, slots, task)
        self._journal.advance(event)
        return True

    def _finish(
        self, event: RawEvent, rest: list[RawSlot], outputs: Tensors, inputs: Tensors
    ) -> None:
        node = event.node
        if node is None:
            return
        task = torch._C._current_graph_task_id()
        if _fits(rest, inputs, Role.EDGE) and len(rest) == len(inputs):
            for index, (slot, gradient) in enumerate(zip(rest, inputs, strict=True)):
                slot.seen = self._read_edge(
                    node, index, gradient, outputs, event.slots, task
                )
            event.slots += rest
        else:
            if self._journal.replay.is_active:
                self._journal.leave()
            event.slots += self._edge_slots(node, outputs, inputs, task, event.slots)
        self._journal.on_event(event, self._journal.step)

    def _note_task(self, node: RawNode) -> int:
        """Note which backward runs; its first node is a root that nobody named."""
        task: int = torch._C._current_graph_task_id()
        if task != self._task:
            if not self.has_roots and 0 in node.outputs:
                self._journal.add_root(node.outputs[0])
            self._task = task
        return task

    def _output_slots(self, node: RawNode, gradients: Tensors) -> list[RawSlot]:
        slots = []
        for position, gradient in enumerate(gradients):
            slot = make_slot(Role.GRAD_OUTPUT, gradient, node.outputs.get(position))
            slot.node, slot.position = node, position
            slot.seen = self._read_output(node, position, gradient)
            slots.append(slot)
        return slots

    def _edge_slots(
        self,
        node: RawNode,
        outputs: Tensors,
        inputs: Tensors,
        task: int,
        done: list[RawSlot] | None = None,
    ) -> list[RawSlot]:
        known = [] if done is None else done
        slots = []
        for position, gradient in enumerate(inputs):
            value = node.edges[position][2] if position < len(node.edges) else None
            slot = make_slot(Role.EDGE, gradient, value)
            slot.node, slot.position = node, position
            slot.seen = self._read_edge(node, position, gradient, outputs, known, task)
            slots.append(slot)
        return slots

    def _read_output(
        self, node: RawNode, position: int, gradient: torch.Tensor | None
    ) -> Reading:
        """Read what reached an output; a single gradient was read when it was sent.

        It is the same memory, which the engine kept in between, and nobody wrote to it.
        """
        sent = node.inbox.pop(position, None) if node.inbox else None
        if gradient is None:
            return ABSENT
        return self._sent_reading(sent, gradient, node.outputs.get(position))

    def _sent_reading(
        self, sent: Sent | None, gradient: torch.Tensor, value: RawValue | None
    ) -> Reading:
        if (
            sent is not None
            and sent.count == 1
            and type(gradient) in PLAIN_TYPES
            and sent.task == torch._C._current_graph_task_id()
            and sent.version == gradient._version
            and sent.address == gradient.data_ptr()
            and (value is None or not value.has_hook)
        ):
            return sent.reading
        return self._table.readings.read(gradient)

    def read_sent(
        self, leaf: RawValue, node: RawNode, gradient: torch.Tensor | None
    ) -> Reading:
        """Read what arrived at a leaf, whose gradient's node is `node`."""
        reading = ABSENT
        if gradient is not None:
            sent = node.inbox.pop(0, None) if node.inbox else None
            reading = self._sent_reading(sent, gradient, leaf)
            self._last_sent = _identity(gradient)
        return reading

    def is_last_sent(self, gradient: torch.Tensor) -> bool:
        """Whether this is the memory that reached a leaf last, and nothing changed."""
        sent = self._last_sent
        return bool(sent[0]) and sent == _identity(gradient)

    def _read_edge(
        self,
        node: RawNode,
        position: int,
        gradient: torch.Tensor | None,
        outputs: Tensors,
        slots: Sequence[RawSlot],
        task: int,
    ) -> Reading:
        """Read what is sent along an edge, and note it at the other end.

        What a node only reshapes, or hands on, is the memory that it received.
        """
        target, output, _ = (
            node.edges[position] if position < len(node.edges) else (None, 0, None)
        )
        if gradient is None:
            return ABSENT
        is_plain = type(gradient) in PLAIN_TYPES and gradient.is_cpu
        address = _memory(gradient) if is_plain else 0
        reading = -1
        if address:
            reading = self._same_memory(gradient, address, outputs, slots)
        if reading < 0:
            reading = self._table.readings.read(gradient)
        if target is not None:
            sent = target.inbox.get(output)
            if sent is not None and sent.task == task:
                sent.count += 1
            elif address:
                version = gradient._version
                target.inbox[output] = Sent(1, reading, address, version, task)
        return reading

    def _same_memory(
        self,
        gradient: torch.Tensor,
        address: int,
        outputs: Tensors,
        slots: Sequence[RawSlot],
    ) -> Reading:
        """Return the reading of an output that is the very same memory, or -1.

        Only for statistics: whole data is kept in the order of its axes.
        """
        numel = gradient.numel()
        for index, other in enumerate(outputs):
            if other is None or index >= len(slots):
                continue
            reading = slots[index].seen
            if (
                other.is_cpu
                and other.numel() == numel
                and type(other) in PLAIN_TYPES
                and other.data_ptr() == address
                and other.dtype is gradient.dtype
                and _is_same_block(gradient, other, is_whole=reading & 7 != _STATS)
            ):
                return reading
        return -1


def _is_same_block(
    gradient: torch.Tensor, other: torch.Tensor, *, is_whole: bool
) -> bool:
    """Whether two tensors that begin at the same address have the same elements.

    With `is_whole` also in the same order.
    """
    if gradient.shape == other.shape and gradient.stride() == other.stride():
        return True
    if is_whole:
        return False
    return is_dense(gradient) and is_dense(other)


def is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements fill their memory without holes, in whatever order."""
    if tensor.is_contiguous():
        return True
    room = 1
    axes = zip(tensor.stride(), tensor.shape, strict=True)
    for stride, size in sorted(axis for axis in axes if axis[1] != 1):
        if stride != room:
            return False
        room *= size
    return True


def _identity(gradient: torch.Tensor) -> tuple[int, int, Any]:
    if type(gradient) not in PLAIN_TYPES:
        return 0, 0, None
    return _memory(gradient), gradient._version, gradient.shape


def _memory(gradient: torch.Tensor) -> int:
    """Return the address of the numbers, 0 for tensors that have none to compare."""
    if gradient.layout is not torch.strided or gradient.is_nested:
        return 0
    try:
        return gradient.data_ptr()
    except RuntimeError:  # inside a function transform
        return 0


def _fits(slots: Sequence[RawSlot], gradients: Tensors, role: Role) -> bool:
    """Whether gradients have the shapes and dtypes of the first of `slots`."""
    if len(slots) < len(gradients):
        return False
    return all(
        slot.role is role
        and (
            gradient is None
            or (gradient.shape == slot.shape and gradient.dtype is slot.kind_of_number)
        )
        for slot, gradient in zip(slots, gradients, strict=False)
    )


def make_slot(
    role: Role, tensor: torch.Tensor | None, value: RawValue | None
) -> RawSlot:
    """Return a slot for `tensor`, a gradient of `value`; nothing is read yet."""
    if tensor is not None:
        return RawSlot(
            role,
            ABSENT,
            value,
            shape=shape_of(tensor),
            dtype=dtype_name(tensor),
            kind_of_number=tensor.dtype,
        )
    if value is not None:
        return RawSlot(
            role,
            ABSENT,
            value,
            shape=value.shape,
            dtype=value.dtype,
            kind_of_number=value.kind_of_number,
        )
    return RawSlot(role, ABSENT)


class Channel:
    """Leads from hooks to the watch; cut when the recording ends.

    The user may keep a graph, and with it our hooks, for as long as they like.
    """

    __slots__ = ("watch",)

    def __init__(self, watch: GradientWatch) -> None:
        self.watch: GradientWatch | None = watch


class _After:
    """The hook after one autograd node. Returns None: no gradient is changed."""

    __slots__ = ("_channel", "_serial")

    def __init__(self, channel: Channel, serial: int) -> None:
        self._channel = channel
        self._serial = serial

    def __call__(self, grad_inputs: Tensors, grad_outputs: Tensors) -> None:
        watch = self._channel.watch
        if watch is not None:
            watch.guard(watch.after_node, self._serial, grad_outputs, grad_inputs)


class _Before:
    """The hook before one autograd node. Returns None likewise."""

    __slots__ = ("_channel", "_name", "_serial")

    def __init__(self, channel: Channel, serial: int, name: str) -> None:
        self._channel = channel
        self._serial = serial
        self._name = name

    def __call__(self, grad_outputs: Tensors) -> None:
        watch = self._channel.watch
        if watch is not None:
            watch.guard(watch.before_node, self._serial, self._name, grad_outputs)
