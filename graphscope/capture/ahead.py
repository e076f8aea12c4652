"""Autograd nodes that are about to run, for a gate that may hold training there.

Most nodes are heard of only after they have run. While the gate is armed, those that a
backward will reach are hooked before they run as well. What they are about to receive
is read for the gate, and not written down: the node's event comes when it has run, so
that a recording is the same with and without a debugger.
"""

from collections.abc import Iterable
from typing import Any

import torch

from graphscope.capture.channel import Tensors
from graphscope.capture.flows import find_sent
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.nodes import NodeWatch
from graphscope.capture.reader import ABSENT, Reading
from graphscope.capture.records import RawEvent, RawNode
from graphscope.capture.slots import make_output_slot
from graphscope.model.graph import EventKind
from graphscope.model.site import Site


class AheadWatch:
    """Asks the gate about nodes before they run.

    Threads: whichever runs the backward, under the journal's lock.
    """

    def __init__(self, table: TensorTable, journal: Journal, nodes: NodeWatch) -> None:
        self._table = table
        self._journal = journal
        self._nodes = nodes
        self._keeper = journal.keeper

    def open(self, roots: Iterable[torch.Tensor]) -> None:
        """Hook what a backward from `roots` will reach, if the gate is armed."""
        if self._keeper.gate.is_armed:
            started = [t for t in roots if t.requires_grad and not t.is_leaf]
            self._nodes.hook_ahead(tensor.grad_fn for tensor in started)

    def open_rest(self) -> None:
        """Hook what comes after the node that runs: the gate is armed since a moment.

        What is reached on other ways is held only after it has run. So is everything
        where an accelerator's thread may be at one of the nodes just now.
        """
        if not torch.cuda.is_initialized():
            running: Any = torch._C._current_autograd_node()
            self._nodes.hook_ahead([running])

    def ask(self, serial: int, gradients: Tensors, site: Site | None) -> None:
        """Ask about the node that runs next; forget what was read unless it is held."""
        running: Any = torch._C._current_autograd_node()
        node = self._table.stand_in(serial, running.name())
        events, reader = self._journal.events, self._table.readings.reader
        before = reader.used, reader.is_finite
        event = RawEvent(EventKind.GRAD, node=node, site=site)
        event.pass_index = events[-1].pass_index if events else 0
        for position, gradient in enumerate(gradients):
            slot = make_output_slot(node, position, gradient)
            slot.seen = self._peek(node, position, gradient)
            event.slots.append(slot)
        is_held = self._keeper.ask_ahead(event)
        is_fetched = all(g is None or g.is_cpu for g in gradients)
        if not is_held and is_fetched:
            reader.used, reader.is_finite = before

    def _peek(
        self, node: RawNode, position: int, gradient: torch.Tensor | None
    ) -> Reading:
        """Read what reached an output, and leave the note of it for the event."""
        if gradient is None:
            return ABSENT
        task = torch._C._current_graph_task_id()
        sent = find_sent(node, node.inbox.get(position), position, gradient, task)
        return self._table.read(gradient) if sent is None else sent
