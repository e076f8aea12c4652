"""Ops of a selection replaced by the formulas that a slide writes for them.

A formula stands where its last op stood. That makes no cycle: what it hides was read
by its own ops alone, and what it reads was there before them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphscope.diagram.lecture.formula import Formula
from graphscope.diagram.lecture.formulas import find_formula
from graphscope.diagram.lecture.inside import Inside, inner_of
from graphscope.diagram.selection import Selection
from graphscope.model.graph import Op, OpKind


@dataclass(frozen=True, slots=True)
class Fold:
    """Ops that are drawn as one.

    Attributes:
        op: What stands for them: the last one, reading what all of them read.
        ops: All of them, the last first.
        title: What the formula is called; empty where the last op keeps its own.
        formula: Likewise the formula itself.
    """

    op: Op
    ops: tuple[Op, ...]
    title: str = ""
    formula: str = ""


def find_folds(selection: Selection) -> tuple[Fold, ...]:
    """Find what a slide would write as one formula, and reshapes, in order of time."""
    inside = Inside(selection)
    taken: set[int] = set()
    found: list[Fold] = []
    for op in reversed(selection.ops):
        if op.id in taken or op.kind is not OpKind.COMPUTE:
            continue
        formula = find_formula(inside, op)
        fold = _reshaped(inside, op) if formula is None else _folded(op, formula)
        if fold is not None:
            taken.update(inner.id for inner in fold.ops)
            found.append(fold)
    return tuple(reversed(found))


def _folded(op: Op, formula: Formula) -> Fold:
    arguments = tuple(operand.argument for operand in formula.operands)
    site = op.site and replace(op.site, expression=formula.text)
    whole = replace(op, name=formula.title, arguments=arguments, site=site)
    return _fold(whole, (op, *formula.inner), formula)


def _reshaped(inside: Inside, op: Op) -> Fold | None:
    """Draw what only gives an input another shape inside of the op that reads it."""
    operands = [inside.operand(op, argument) for argument in op.arguments]
    inner = inner_of(*operands)
    if not inner:
        return None
    arguments = tuple(
        replace(argument, value=operand.argument.value)
        for argument, operand in zip(op.arguments, operands, strict=True)
    )
    return _fold(replace(op, arguments=arguments), (op, *inner))


def _fold(op: Op, ops: tuple[Op, ...], formula: Formula | None = None) -> Fold:
    nodes = tuple(dict.fromkeys(node for one in ops for node in one.grad_nodes))
    whole = replace(op, grad_nodes=nodes)
    if formula is None:
        return Fold(whole, ops)
    return Fold(whole, ops, formula.title, formula.text)


def fold_ops(selection: Selection, folds: Sequence[Fold]) -> Selection:
    """Return the selection with folds instead of the ops that they stand for."""
    whole = {fold.op.id: fold.op for fold in folds}
    hidden = {op.id for fold in folds for op in fold.ops[1:]}
    ops = (whole.get(op.id, op) for op in selection.ops if op.id not in hidden)
    return replace(selection, ops=tuple(ops))
