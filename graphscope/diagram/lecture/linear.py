"""Linear layers, however they are written: `x @ w.T + b`, `linear(x)`, `addmm`."""

from dataclasses import dataclass
from typing import Final

from graphscope.diagram.lecture.formula import PAIR, Formula, pair_of
from graphscope.diagram.lecture.inside import Inside, Operand, inner_of, values_among
from graphscope.model.graph import Argument, Op

PRODUCTS: Final = frozenset({"matmul", "mm", "mv", "dot"})
"""Ops that multiply matrices or vectors."""

_TITLE: Final = "linear"
_TRIPLE: Final = 3
_MAX_DEPTH: Final = 6


@dataclass(frozen=True, slots=True)
class _Sum:
    """Terms of a sum, at least one of which is a product of matrices."""

    texts: tuple[str, ...]
    operands: tuple[Operand, ...]
    inner: tuple[Op, ...]
    is_product: bool


def linear_of(inside: Inside, op: Op) -> Formula | None:
    """`F.linear(x, w, b)`, which multiplies by the transposed weight."""
    arguments = values_among(op)
    if len(arguments) not in (PAIR, _TRIPLE):
        return None
    x, w, *bias = (inside.operand(op, argument) for argument in arguments)
    text = " + ".join([f"{x.factor}·{w.factor}ᵀ", *(b.text for b in bias)])
    operands = (x, w, *bias)
    return Formula(_TITLE, text, operands, inner_of(*operands))


def addmm_of(inside: Inside, op: Op) -> Formula | None:
    """`torch.addmm(b, x, w)`."""
    if len(values_among(op)) != _TRIPLE or len(op.arguments) != _TRIPLE:
        return None
    b, x, w = op.arguments
    bias = inside.operand(op, b)
    left, right = inside.transposed(op, x), inside.transposed(op, w)
    operands = (left, right, bias)
    text = f"{left.text}·{right.text} + {bias.text}"
    return Formula(_TITLE, text, operands, inner_of(*operands))


def sum_of(inside: Inside, op: Op) -> Formula | None:
    """`x @ w.T + b`, also of several products."""
    found = _terms(inside, op)
    if found is None or not found.is_product:
        return None
    return Formula(_TITLE, " + ".join(found.texts), found.operands, found.inner)


def _terms(inside: Inside, op: Op, depth: int = _MAX_DEPTH) -> _Sum | None:
    pair = pair_of(op)
    if pair is None:
        return None
    texts: list[str] = []
    operands: list[Operand] = []
    inner: list[Op] = []
    is_product = False
    for argument in pair:
        found = _term(inside, op, argument, depth)
        texts += found.texts
        operands += found.operands
        inner += found.inner
        is_product = is_product or found.is_product
    return _Sum(tuple(texts), tuple(operands), tuple(inner), is_product)


def _term(inside: Inside, reader: Op, argument: Argument, depth: int) -> _Sum:
    value = argument.value
    op = None if value is None else inside.maker(reader, value)
    found = None
    if op is not None and op.name == "add" and depth:
        found = _terms(inside, op, depth - 1)
    elif op is not None and op.name in PRODUCTS:
        product = _factors(inside, op)
        if product is not None:
            text = "·".join(factor.text for factor in product)
            found = _Sum((text,), product, inner_of(*product), is_product=True)
    if op is not None and found is not None and found.is_product:
        return _Sum(found.texts, found.operands, (op, *found.inner), is_product=True)
    operand = inside.operand(reader, argument)
    return _Sum((operand.text,), (operand,), operand.inner, is_product=False)


def _factors(inside: Inside, op: Op) -> tuple[Operand, Operand] | None:
    pair = pair_of(op)
    if pair is None:
        return None
    left, right = (inside.transposed(op, argument) for argument in pair)
    return left, right


def product_of(inside: Inside, op: Op) -> Formula | None:
    """`x @ w.T` without a bias; a product of two plain matrices is as it is."""
    factors = _factors(inside, op)
    if factors is None or not any(factor.text.endswith("ᵀ") for factor in factors):
        return None
    text = "·".join(factor.text for factor in factors)
    return Formula(_TITLE, text, factors, inner_of(*factors))
