"""Autograd nodes: found by walking `grad_fn`, marked with a number, hooked.

Each node is hooked after it runs. A node that may be asked for its local Jacobian, or
that runs Python code of the user's, is hooked before it runs as well (its saved tensors
are still there). Hooks hold a number and a channel, never a tensor or a node.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from re import compile as pattern
from typing import Any, Final

import torch
from torch.autograd.function import BackwardCFunction

from graphscope.capture.channel import (
    After,
    AfterHook,
    Ahead,
    AheadHook,
    Before,
    BeforeHook,
    Channel,
)
from graphscope.capture.deepguard import Anchor, anchor_node
from graphscope.capture.identity import TensorTable
from graphscope.capture.jacobians import MAX_JACOBIAN, MAX_OUTPUTS
from graphscope.capture.kernel import NATIVE
from graphscope.capture.records import RawNode, RawOp, RawValue
from graphscope.capture.tracebacks import clean_anomaly

_SERIALS: Final = itertools.count(1)
_AFTER: Final[Any] = AfterHook if NATIVE is None else NATIVE.After
_COMPILED: Final = "CompiledFunction"
_BUILT_IN: Final = pattern(r"^[A-Z][A-Za-z0-9]*Backward\d+$")


def _accumulator_type() -> Any:
    """Return the type of the nodes that add to `.grad`: it has no public name."""
    with torch.enable_grad():
        leaf = torch.empty(1, requires_grad=True)
        grad_fn: Any = leaf.view(1).grad_fn
    return type(grad_fn.next_functions[0][0])


ACCUMULATE_GRAD: Final[Any] = _accumulator_type()


@dataclass(slots=True)
class Found:
    """A node that was met for the first time.

    Attributes:
        grad_fn: The node; held no longer than the walk.
        edges: Its `next_functions`.
        inner: The nodes that its edges lead to, those that accumulate left out.
    """

    grad_fn: Any
    edges: Sequence[tuple[Any, int]]
    inner: list[Any]


class NodeWatch:
    """Finds the nodes that an op made, and hooks them."""

    def __init__(self, table: TensorTable, *, local: bool) -> None:
        self._table = table
        self._local = local
        self._channel: Channel | None = None
        self._ahead_key = f"{table.key}_ahead"
        self.has_compiled = False  # compiled backwards want no mode around them

    def attach(self, after: After, before: Before, ahead: Ahead) -> None:
        """Tell `after` and `before` of the nodes that run; `ahead` for a gate."""
        self._channel = Channel(after, before, ahead)

    def detach(self) -> None:
        """Tell nobody any more, about graphs that the user keeps either."""
        if self._channel is not None:
            self._channel.cut()

    def register(
        self, outputs: Sequence[torch.Tensor], op: RawOp, *, is_seen: bool = False
    ) -> None:
        """Find the nodes that `op` made and hook them.

        Walks iteratively from the results' `grad_fn` towards the inputs, until nodes
        that are known. Only nodes of a call that was seen, none of them missed before,
        may be asked for local derivatives: others may come from a checkpoint, which
        must not be unpacked twice.
        """
        found = self.walk(outputs)
        if not found:
            return
        hooked: Any = torch._C._autograd._top_saved_tensors_default_hooks(True)
        can_call = hooked is None and is_seen and not self._table.is_doubtful
        nodes = [self._describe(f.grad_fn, op, can_call=can_call) for f in found]
        self.adopt(found, nodes)
        for one, node in zip(found, nodes, strict=True):
            node.edges = [self._edge(f, n) for f, n in one.edges]
            if self._wants_before(one.grad_fn, node):
                node.wants_before = True
                self._hook_before(one.grad_fn, node)

    def walk(self, outputs: Sequence[torch.Tensor]) -> list[Found]:
        """Return the nodes behind `outputs` that are not known yet, in a fixed order.

        Later ones are nearer to the inputs, or beside.
        """
        key = self._table.key
        stack: list[Any] = [
            t.grad_fn for t in outputs if t.requires_grad and not t.is_leaf
        ]
        found: list[Found] = []
        seen: set[int] = set()
        while stack:
            grad_fn = stack.pop()
            if grad_fn is None or key in grad_fn.metadata or id(grad_fn) in seen:
                continue
            seen.add(id(grad_fn))
            edges = grad_fn.next_functions
            inner = [
                f for f, _ in edges if f is not None and type(f) is not ACCUMULATE_GRAD
            ]
            found.append(Found(grad_fn, edges, inner))
            stack += inner
        return found

    def adopt(self, found: Sequence[Found], nodes: Sequence[RawNode]) -> None:
        """Give nodes their serial numbers and hooks; inputs first, for the anchors."""
        table, channel = self._table, self._channel
        if channel is None:
            return
        is_anomaly = torch.is_anomaly_enabled()
        for index in range(len(found) - 1, -1, -1):
            one, node = found[index], nodes[index]
            grad_fn = one.grad_fn
            serial = node.serial = next(_SERIALS)
            metadata = grad_fn.metadata
            metadata[table.key] = serial
            if is_anomaly:
                clean_anomaly(metadata)
            table.nodes[serial] = node
            if node.inbox:
                node.inbox = {}
            anchor_node(metadata, one.inner)
            grad_fn.register_hook(_AFTER(channel, serial))
            if node.wants_before:
                self._hook_before(grad_fn, node)

    def follow(self, outputs: Sequence[torch.Tensor], nodes: Sequence[RawNode]) -> bool:
        """Adopt the nodes behind `outputs`, if they are those of the step before."""
        if NATIVE is not None and not torch.is_anomaly_enabled():
            table = self._table
            is_followed: bool | None = NATIVE.follow_nodes(
                outputs,
                nodes,
                table.key,
                table.nodes,
                ACCUMULATE_GRAD,
                table.leaf_node,
                _SERIALS,
                self._channel,
                Anchor,
            )
            if is_followed is not None:
                return is_followed
        found = self.walk(outputs)
        if not self._are_those(found, nodes):
            return False
        self.adopt(found, nodes)
        return True

    def _are_those(self, found: Sequence[Found], nodes: Sequence[RawNode]) -> bool:
        """Whether nodes that were found have the names and edges of `nodes`."""
        if len(found) != len(nodes):
            return False
        for one, node in zip(found, nodes, strict=True):
            if one.grad_fn.name() != node.name or len(one.edges) != len(node.edges):
                return False
            for (target, output), edge in zip(one.edges, node.edges, strict=True):
                if output != edge[1]:
                    return False
                is_it = self._leads_to(target, edge[0])
                if is_it is None:
                    pairs = zip(found, nodes, strict=True)
                    is_it = any(f.grad_fn is target and n is edge[0] for f, n in pairs)
                if not is_it:
                    return False
        return True

    def _hook_before(self, grad_fn: Any, node: RawNode) -> None:
        if self._channel is not None:
            hook = BeforeHook(self._channel, node.serial, node.name)
            grad_fn.register_prehook(hook)
            grad_fn.metadata[self._ahead_key] = False

    def hook_ahead(self, roots: Iterable[Any]) -> None:
        """Hook the nodes from `roots` on before they run too, each once.

        Only nodes that are known: the others have no anchors, and a deep graph whose
        nodes were looked at without them cannot be freed. A mark says which were met;
        it is False where the node was hooked anyway.
        """
        channel, key, mark = self._channel, self._table.key, self._ahead_key
        if channel is None:
            return
        stack = list(roots)
        while stack:
            grad_fn = stack.pop()
            metadata = grad_fn.metadata
            serial = metadata.get(key)
            if serial is None or metadata.get(mark):
                continue
            if mark not in metadata:
                grad_fn.register_prehook(AheadHook(channel, serial))
            metadata[mark] = True
            stack += [
                target
                for target, _ in grad_fn.next_functions
                if target is not None and type(target) is not ACCUMULATE_GRAD
            ]

    def _describe(self, grad_fn: Any, op: RawOp, *, can_call: bool) -> RawNode:
        name = grad_fn.name()
        node = RawNode(0, name, op)
        if name.startswith(_COMPILED):
            self.has_compiled = True
        node.can_call = bool(can_call and self._local and _BUILT_IN.match(name))
        op.nodes.append(node)
        return node

    def _wants_before(self, grad_fn: Any, node: RawNode) -> bool:
        """Whether the hook after the node would come too late."""
        if isinstance(grad_fn, BackwardCFunction):
            return True
        if not node.can_call:
            return False
        try:
            shapes = [
                [int(size) for size in found.shape] for found in grad_fn._input_metadata
            ]
        except (RuntimeError, AttributeError):  # a nested tensor has no sizes
            return False
        if len(shapes) != 1 or not 0 < prod(shapes[0]) <= MAX_OUTPUTS:
            return False
        sizes = _edge_sizes(grad_fn, node)
        return any(prod(shapes[0]) * size <= MAX_JACOBIAN for size in sizes)

    def _edge(
        self, target: Any, output: int
    ) -> tuple[RawNode | None, int, RawValue | None]:
        if target is None:
            return None, output, None
        if type(target) is ACCUMULATE_GRAD:
            leaf = self._table.resolve(target.variable, None)
            return leaf.node, output, leaf
        serial = target.metadata.get(self._table.key)
        if serial is None:
            return None, output, None
        node = self._table.stand_in(serial, target.name())
        return node, output, node.outputs.get(output)

    def _leads_to(self, target: Any, node: RawNode | None) -> bool | None:
        """Whether an edge to `target` is the recorded edge to `node`.

        None when `target` was never seen.
        """
        if target is None:
            return node is None
        if type(target) is ACCUMULATE_GRAD:
            return node is not None and self._table.leaf_node(target.variable) is node
        serial = target.metadata.get(self._table.key)
        if serial is None:
            return None
        return self._table.nodes.get(serial) is node


def _edge_sizes(grad_fn: Any, node: RawNode) -> list[int]:
    """Return how many elements the gradients along a node's edges have."""
    sizes: list[int] = []
    pairs = zip(node.edges, grad_fn.next_functions, strict=False)
    for (target, output, value), (following, _) in pairs:
        if value is not None:
            sizes += [prod(value.shape)] if value.requires_grad else []
        elif target is not None and following is not None:
            sizes.append(_size_of_output(following, output))
    return sizes


def _size_of_output(grad_fn: Any, output: int) -> int:
    try:
        return prod(int(size) for size in grad_fn._input_metadata[output].shape)
    except (RuntimeError, AttributeError, IndexError):
        return MAX_JACOBIAN + 1  # not known: too large to be asked for
