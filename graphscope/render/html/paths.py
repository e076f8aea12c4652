"""The paths that a page can mark, each with its chain rule: one for each parameter."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from textwrap import wrap
from typing import Final

from graphscope.analysis.chain import find_chain_rule
from graphscope.analysis.chain.rule import connect
from graphscope.diagram.build import build_diagrams
from graphscope.diagram.highlight import resolve_ends
from graphscope.diagram.labels import derivative, root_name, title_of
from graphscope.diagram.model import BoxKind, Diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import NotRecordedError
from graphscope.model.graph import ValueKind
from graphscope.model.trace import Trace
from graphscope.render.text.chain import chain_lines
from graphscope.render.thinning import thin_out

MAX_PATHS: Final = 12
WIDTH: Final = 64
"""Cells in a line of a chain rule: what stands beside the picture."""

_SMALL_STEP: Final = 400
_FEW_PATHS: Final = 4
"""Of a step with more ops than that, a path costs a second."""

_MAX_LINES: Final = 150


@dataclass(frozen=True, slots=True)
class PagePath:
    """The path of one gradient.

    Attributes:
        title: `∂L/∂w`.
        lines: The chain rule with its numbers.
        boxes: Positions of the boxes on it, in the diagram that is drawn.
        arrows: Positions of the arrows on it.
        leaf: Position of the box of the leaf; None when it is inside of another box.
        is_chosen: Whether the user asked for this one.
    """

    title: str
    lines: tuple[str, ...]
    boxes: tuple[int, ...]
    arrows: tuple[int, ...]
    leaf: int | None
    is_chosen: bool


def find_paths(
    trace: Trace, options: DiagramOptions, diagram: Diagram
) -> tuple[PagePath, ...]:
    """Return the path that `options` asks for and those of the first parameters.

    Args:
        trace: The step.
        options: What the diagram was built with.
        diagram: What is drawn: thinned out.
    """
    if not trace.graph.roots:
        return ()
    chosen, root = None, trace.graph.roots[-1]
    if options.path is not None:
        chosen, root = resolve_ends(trace, options.path)
    leaves = dict.fromkeys(
        [*([] if chosen is None else [chosen]), *_leaves(trace, diagram)]
    )
    linked = (leaf for leaf in leaves if _is_linked(trace, leaf, root))
    is_small = len(trace.graph.ops) <= _SMALL_STEP
    shown = list(islice(linked, MAX_PATHS if is_small else _FEW_PATHS))
    drawn = build_diagrams(trace, options, [(leaf, root) for leaf in shown])
    return tuple(
        _make_path(trace, thin_out(marked), (leaf, root), is_chosen=leaf == chosen)
        for leaf, marked in zip(shown, drawn, strict=True)
    )


def _leaves(trace: Trace, diagram: Diagram) -> Iterator[int]:
    """Yield parameters: those that are drawn, then those inside of other boxes."""
    for box in diagram.boxes:
        if box.kind is BoxKind.PARAMETER:
            yield from box.values[:1]
    for value in trace.graph.values:
        if value.kind is ValueKind.PARAMETER:
            yield value.id


def _is_linked(trace: Trace, leaf: int, root: int) -> bool:
    try:
        connect(trace, leaf, root)
    except NotRecordedError:
        return False
    return True


def _make_path(
    trace: Trace, marked: Diagram, ends: tuple[int, int], *, is_chosen: bool
) -> PagePath:
    leaf, root = ends
    own = (n for n, box in enumerate(marked.boxes) if box.id == f"v{leaf}")
    return PagePath(
        title=derivative(root_name(trace, [root]), title_of(trace, leaf)),
        lines=tuple(_explain(trace, leaf, root)),
        boxes=tuple(n for n, box in enumerate(marked.boxes) if box.is_highlighted),
        arrows=tuple(n for n, a in enumerate(marked.arrows) if a.is_highlighted),
        leaf=next(own, None),
        is_chosen=is_chosen,
    )


def _explain(trace: Trace, leaf: int, root: int) -> list[str]:
    try:
        rule = find_chain_rule(trace, leaf, root)
    except NotRecordedError as error:
        return wrap(str(error), WIDTH)
    lines = chain_lines(trace, rule, width=WIDTH)
    if len(lines) <= _MAX_LINES:
        return lines
    return [*lines[:_MAX_LINES], f"… {len(lines) - _MAX_LINES} more lines"]
