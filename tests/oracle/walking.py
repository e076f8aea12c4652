"""The autograd graph of some outputs as torch itself has it, turned into plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

ACCUMULATE: Final = "AccumulateGrad"


@dataclass(frozen=True, slots=True)
class TrueNode:
    """One node: its name, where its edges lead, and the type of its leaf.

    Attributes:
        name: As torch says, without a namespace: `AccumulateGrad`, `CopySlices`.
        edges: Position of the next node and which of its outputs, per entry of
            `next_functions`; None where there is no next node.
        leaf: Shape and dtype of the leaf, for `AccumulateGrad`.
    """

    name: str
    edges: tuple[tuple[int, int] | None, ...]
    leaf: tuple[tuple[int, ...], str] | None = None


@dataclass(frozen=True, slots=True)
class TrueGraph:
    """All nodes that some outputs reach, and where each output enters."""

    nodes: tuple[TrueNode, ...]
    roots: tuple[tuple[int, int] | None, ...]

    @property
    def arrivals(self) -> list[tuple[int, int]]:
        """Every (node, output) that a gradient can arrive at, each once."""
        found = dict.fromkeys(root for root in self.roots if root is not None)
        for node in self.nodes:
            found |= dict.fromkeys(edge for edge in node.edges if edge is not None)
        return list(found)


def walk(outputs: Sequence[torch.Tensor]) -> tuple[TrueGraph, list[Any]]:
    """Return the graph below `outputs` and its live nodes, in the same order.

    Iterative, in an order that depends on the structure alone: two runs of the same
    code give equal graphs. The caller must let go of the nodes.
    """
    with torch._C.DisableTorchFunction():
        live: list[Any] = []
        places: dict[Any, int] = {}
        roots = []
        for tensor in outputs:
            entry: Any = None
            if tensor.requires_grad and not tensor.is_leaf:
                entry = tensor.grad_fn
            roots.append(
                None
                if entry is None
                else (_place(entry, places, live), tensor.output_nr)
            )
        nodes = []
        for node in live:  # grows while it is read
            edges = tuple(
                None if target is None else (_place(target, places, live), output)
                for target, output in node.next_functions
            )
            nodes.append(_describe(node, edges))
        return TrueGraph(tuple(nodes), tuple(roots)), live


def _place(node: Any, places: dict[Any, int], live: list[Any]) -> int:
    place = places.setdefault(node, len(live))
    if place == len(live):
        live.append(node)
    return place


def _describe(node: Any, edges: tuple[tuple[int, int] | None, ...]) -> TrueNode:
    name = node.name().rpartition("::")[2]
    if name != ACCUMULATE:
        return TrueNode(name, edges)
    leaf = node.variable
    shape = () if leaf.is_nested else tuple(leaf.shape)
    return TrueNode(name, edges, (shape, str(leaf.dtype).removeprefix("torch.")))
