"""What the box of a fold says: the formula, and what it really is in torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from graphscope.diagram.draft import Draft
from graphscope.diagram.labels import expression_of, name_of, shorten, title_of
from graphscope.diagram.lecture.folding import Fold
from graphscope.diagram.model import Box, Line
from graphscope.diagram.selection import Selection
from graphscope.diagram.tooltips import op_tooltip
from graphscope.model.graph import GradNode, Graph

_MAX_FORMULA: Final = 72
_MAX_NODES: Final = 12
_MAX_LINE: Final = 46
_ARROW: Final = " ← "


def draw_folds(draft: Draft, selection: Selection, folds: Sequence[Fold]) -> Draft:
    """Write formulas and the names of autograd nodes into the boxes of folds."""
    known = {fold.op.id: fold for fold in folds}
    boxes = tuple(
        _draw_fold(box, selection, known[box.ops[0]])
        if box.ops and box.ops[0] in known
        else box
        for box in draft.boxes
    )
    return replace(draft, boxes=boxes)


def _draw_fold(box: Box, selection: Selection, fold: Fold) -> Box:
    event = selection.event_of(fold.op)
    lines = box.lines
    if fold.formula:
        formula = shorten(fold.formula, _MAX_FORMULA)
        is_value = box.id.startswith("v")
        shown = _lines_of_formula(box, selection, fold)
        head = f"= {formula}" if is_value else _assigned(selection, fold, formula)
        lines = (Line(head, event), *box.lines[shown:])
    trace = selection.trace
    nodes = node_text(trace.graph, fold)
    tooltips = (op_tooltip(trace, op) for op in fold.ops)
    return replace(
        box,
        lines=(*lines, *(Line(text, event) for text in wrap_nodes(nodes))),
        ops=tuple(op.id for op in fold.ops),
        tooltip="\n".join([nodes, *tooltips]),
    )


def wrap_nodes(nodes: str) -> Iterator[str]:
    """Write autograd nodes on lines that fit into a box.

    >>> list(wrap_nodes("AddBackward0 ← MmBackward0 ← PermuteBackward0"))
    ['torch: AddBackward0 ← MmBackward0', '← PermuteBackward0']
    """
    first, *rest = nodes.split(_ARROW)
    line = f"torch: {first}"
    for name in rest:
        if len(line) + len(_ARROW) + len(name) > _MAX_LINE:
            yield line
            line = f"← {name}"
        else:
            line = f"{line}{_ARROW}{name}"
    yield line


def _lines_of_formula(box: Box, selection: Selection, fold: Fold) -> int:
    """Return how many lines of a box are its formula: a title may be it already."""
    if not box.id.startswith("v"):
        return 1
    trace = selection.trace
    return int(expression_of(trace, fold.op) != title_of(trace, box.values[0]))


def _assigned(selection: Selection, fold: Fold, formula: str) -> str:
    values = selection.trace.graph.values
    names = [name_of(values[value]) for value in fold.op.outputs]
    return " = ".join([*(name for name in names if name), formula])


def node_text(graph: Graph, fold: Fold) -> str:
    """Write the autograd nodes of a fold, from the result back to what it reads.

    Without a gradient the ops themselves: `add ← matmul ← T`.
    """
    nodes = [graph.grad_nodes[node] for node in fold.op.grad_nodes]
    if not nodes:
        return _ARROW.join(op.name for op in fold.ops[:_MAX_NODES])
    inside = {node.id: node for node in nodes}
    reached = {edge.target for node in nodes for edge in node.edges}
    return ", ".join(
        _chain(node, inside, _MAX_NODES) for node in nodes if node.id not in reached
    )


def _chain(node: GradNode, inside: Mapping[int, GradNode], depth: int) -> str:
    targets = dict.fromkeys(edge.target for edge in node.edges)
    after = [
        inside[target] for target in targets if target is not None and target in inside
    ]
    if not after or not depth:
        return node.name
    texts = [_chain(one, inside, depth - 1) for one in after]
    below = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    return f"{node.name}{_ARROW}{below}"
