"""What flows through autograd nodes: read once, and written down as events.

The hook after a node sees both what reached it and what it sends along every edge.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from graphscope.capture.ahead import AheadWatch
from graphscope.capture.channel import Tensors
from graphscope.capture.flows import (
    has_same_hooks,
    is_sent,
    read_edge,
    read_node,
    read_output,
)
from graphscope.capture.identity import TensorTable
from graphscope.capture.jacobians import local_slots
from graphscope.capture.journal import Journal
from graphscope.capture.likeness import are_alike, is_alike
from graphscope.capture.memory import identity_of
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.reader import ABSENT, Reading
from graphscope.capture.records import (
    RawEvent,
    RawNode,
    RawSlot,
    RawValue,
)
from graphscope.capture.slots import HOOK, make_output_slot, make_slot
from graphscope.capture.tensors import flatten_tensors
from graphscope.model.graph import EventKind, Role
from graphscope.model.site import Site

Opened = tuple[RawEvent, list[RawSlot], list[tuple[int, int, Any] | None]]


class GradientWatch:
    """Writes down what flows through the nodes that `nodes` hooks.

    Attributes:
        site: The user's line that called backward, while it runs.
        has_roots: Whether the call that runs now named what it starts from.
        task: Torch's number of the backward in which a node ran last.
    """

    def __init__(self, table: TensorTable, journal: Journal, nodes: NodeWatch) -> None:
        self.site: Site | None = None
        self.has_roots = False
        self._begun = (-1, 0)
        self._last_sent: tuple[int, int, Any] = (0, 0, None)
        self.task = -1
        self._table = table
        self._readings = table.readings
        self._reader = table.readings.reader
        self._journal = journal
        self._keeper = journal.keeper
        self._is_live = True
        self._open: dict[int, Opened] = {}
        self._ahead = AheadWatch(table, journal, nodes)
        nodes.attach(self.after, self.before, self.ahead)

    def detach(self) -> None:
        """Hear nothing more."""
        self._is_live = False

    def begin(self, args: tuple[Any, ...], site: Site | None) -> None:
        """Note that the user's code calls backward with `args`, at `site`."""
        self.site = site
        self.has_roots = True
        self._begun = self._place()
        roots = [tensor for _, tensor in flatten_tensors(args[:1])]
        for tensor in roots:
            self._journal.add_root(self._table.resolve(tensor, site))
        self._ahead.open(roots)

    @property
    def has_run(self) -> bool:
        """Whether a node has run since the user's code called backward last."""
        return self._begun != self._place()

    def _place(self) -> tuple[int, int]:
        return self._journal.step, len(self._journal.events)

    def open(self, args: tuple[Any, ...]) -> None:
        """Note that backward is called, with `args`, inside of another backward."""
        self._ahead.open(tensor for _, tensor in flatten_tensors(args[:1]))

    def end(self) -> None:
        """Note that the call is over; what did not finish is dropped."""
        self.site = None
        self.has_roots = False
        self._open.clear()

    def note_captured(self, tensor: torch.Tensor, gradient: torch.Tensor) -> None:
        """Write down a gradient that was asked for, of a tensor that is no leaf."""
        value = self._table.resolve(tensor, self.site)
        event = RawEvent(EventKind.CAPTURE, values=[value], site=self.site)
        event.node = value.node
        self._journal.prepare(event)
        slot = make_slot(Role.ARRIVED, gradient, value)
        slot.seen = self._readings.read(gradient)
        event.slots.append(slot)
        self._journal.add(event)
        self._journal.tell(event)

    def guard(self, write: Callable[..., None], *args: Any) -> None:
        """Run `write` so that it can neither fail nor disturb the user's backward."""
        if self._is_live:
            self._journal.guarded(write, *args)

    def settle(self) -> None:
        """Let the gate be asked about what came before, if that was waited with."""
        if self._keeper.late is not None:
            self.guard(self._keeper.settle)

    def conclude(self, write: Callable[..., None], *args: Any) -> None:
        """Run `write` likewise, after `settle`."""
        self.settle()
        self.guard(write, *args)

    def after(self, serial: int, outputs: Tensors, inputs: Tensors) -> None:
        """Hear that a node has run; can neither fail nor disturb the backward."""
        if self._keeper.late is not None:
            self.settle()
        self._journal.guarded(self.after_node, serial, outputs, inputs)

    def before(self, serial: int, name: str, outputs: Tensors) -> None:
        """Hear that a node is about to run, likewise."""
        self.conclude(self.before_node, serial, name, outputs)

    def ahead(self, serial: int, outputs: Tensors) -> None:
        """Hear that a node is about to run whose event comes later, likewise."""
        if self._keeper.gate.is_armed:
            self.conclude(self._ahead.ask, serial, outputs, self.site)

    def before_node(self, serial: int, name: str, grad_outputs: Tensors) -> None:
        """Write down that a node is about to run, and what reached its outputs."""
        node = self._table.stand_in(serial, name)
        task = self._note_task(node)
        event = self._again(node)
        if (
            event is None
            or not _fits(event.slots, grad_outputs, Role.GRAD_OUTPUT)
            or not has_same_hooks(event.slots, len(grad_outputs))
        ):
            event = RawEvent(EventKind.GRAD, node=node, site=self.site)
            self._journal.prepare(event)
            event.slots = self._output_slots(node, grad_outputs, task)
            self._journal.add(event)
            rest: list[RawSlot] = []
        else:
            count = len(grad_outputs)
            event.slots, rest = event.slots[:count], event.slots[count:]
            for slot, gradient in zip(event.slots, grad_outputs, strict=True):
                slot.seen = read_output(
                    self._reader, node, slot.position, gradient, task
                )
            self._journal.advance(event)
        if node.can_call and len(grad_outputs) == 1:
            self._add_local(event, rest, grad_outputs[0])
        marks = [None if g is None else identity_of(g) for g in grad_outputs]
        self._open[serial] = event, rest, marks
        if self._keeper.gate.is_armed:
            self._keeper.ask(event, is_before=True)

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
        if self._keeper.gate.is_armed:
            self._ahead.open_rest()
        opened = self._open.pop(serial, None) if self._open else None
        if opened is not None:
            self._finish(opened, outputs, inputs)
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
            self._journal.tell(event)
            return
        event = RawEvent(EventKind.GRAD, node=node, site=self.site)
        self._journal.prepare(event)
        event.slots = self._output_slots(node, outputs, task)
        event.slots += self._edge_slots(node, outputs, inputs, task)
        self._journal.add(event)
        self._journal.tell(event)

    def _again(self, node: RawNode) -> RawEvent | None:
        """Return the record of the step before, if this node should run now."""
        event = self._journal.upcoming(EventKind.GRAD)
        if event is None or event.node is not node:
            return None
        if event.site is not self.site and event.site != self.site:
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
        if not read_node(self._reader, node, event.slots, outputs, inputs, task):
            return False
        self._journal.advance(event)
        return True

    def _finish(self, opened: Opened, outputs: Tensors, inputs: Tensors) -> None:
        event, rest, _ = opened
        node = event.node
        if node is None:
            return
        task = torch._C._current_graph_task_id()
        received = self._read_used(node, opened, outputs)
        if _fits(rest, inputs, Role.EDGE) and len(rest) == len(inputs):
            for index, (slot, gradient) in enumerate(zip(rest, inputs, strict=True)):
                slot.seen = read_edge(
                    self._reader, node, index, gradient, (outputs, received), task
                )
            event.slots += rest
        else:
            if self._journal.replay.is_active:
                self._journal.leave()
            event.slots += self._edge_slots(node, outputs, inputs, task, received)
        self._journal.tell(event)

    def _read_used(
        self, node: RawNode, opened: Opened, outputs: Tensors
    ) -> list[RawSlot]:
        """Read what a hook of the user's, before the node, made of what reached it."""
        event, rest, marks = opened
        received = event.slots[: len(marks)]
        for index, gradient in enumerate(outputs[: len(marks)]):
            if gradient is None or identity_of(gradient) == marks[index]:
                continue
            slot = rest[0] if rest else None
            if (
                slot is not None
                and slot.role is Role.GRAD_OUTPUT
                and slot.position == index
                and is_alike(slot, gradient)
            ):
                rest.pop(0)
            else:
                if self._journal.replay.is_active:
                    self._journal.leave()
                slot = make_slot(Role.GRAD_OUTPUT, gradient, node.outputs.get(index))
                slot.node, slot.position, slot.label = node, index, HOOK
            slot.seen = self._readings.read(gradient)
            event.slots.append(slot)
            received[index] = slot
        return received

    def _note_task(self, node: RawNode) -> int:
        """Note which backward runs; its first node is a root that nobody named."""
        task: int = torch._C._current_graph_task_id()
        if task != self.task:
            if not self.has_roots and 0 in node.outputs:
                self._journal.add_root(node.outputs[0])
            self.task = task
        return task

    def _output_slots(
        self, node: RawNode, gradients: Tensors, task: int
    ) -> list[RawSlot]:
        slots = []
        for position, gradient in enumerate(gradients):
            slot = make_output_slot(node, position, gradient)
            slot.seen = read_output(self._reader, node, position, gradient, task)
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
            slot.seen = read_edge(
                self._reader, node, position, gradient, (outputs, known), task
            )
            slots.append(slot)
        return slots

    def read_sent(
        self, leaf: RawValue, node: RawNode, gradient: torch.Tensor | None
    ) -> Reading:
        """Read what arrived at a leaf, whose gradient's node is `node`."""
        reading = ABSENT
        if gradient is not None:
            sent = node.inbox.pop(0, None) if node.inbox else None
            task = torch._C._current_graph_task_id()
            if sent is not None and not leaf.has_hook and is_sent(sent, gradient, task):
                reading = sent[1]
            else:
                reading = self._readings.read(gradient)
            self._last_sent = identity_of(gradient)
        return reading

    def is_last_sent(self, gradient: torch.Tensor) -> bool:
        """Whether this is the memory that reached a leaf last, and nothing changed."""
        sent = self._last_sent
        return bool(sent[0]) and sent == identity_of(gradient)


def _fits(slots: Sequence[RawSlot], gradients: Tensors, role: Role) -> bool:
    """Whether gradients have the shapes and dtypes of the first of `slots`."""
    first = slots[: len(gradients)]
    return all(slot.role is role for slot in first) and are_alike(first, gradients)
