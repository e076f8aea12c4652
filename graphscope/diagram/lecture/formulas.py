"""Which formula of the slides, if any, ends with an op."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from graphscope.diagram.lecture.formula import Formula
from graphscope.diagram.lecture.inside import RESHAPES, Inside
from graphscope.diagram.lecture.linear import (
    PRODUCTS,
    addmm_of,
    linear_of,
    product_of,
    sum_of,
)
from graphscope.diagram.lecture.losses import (
    binary_entropy_of,
    binary_entropy_of_logits,
    cross_entropy_of,
    nll_of,
    reduced_square_of,
    squared_error_of,
)
from graphscope.model.graph import Op


def find_formula(inside: Inside, op: Op) -> Formula | None:
    """Return the formula that ends with an op, None when the slides have none.

    In `z = linear(x).squeeze()` the name belongs to the formula, of whatever shape.
    """
    inner: list[Op] = []
    while op.name in RESHAPES and len(op.inputs) == 1:
        maker = inside.maker(op, op.inputs[0])
        if maker is None:
            return None
        inner.append(maker)
        op = maker
    finder = _FINDERS.get(op.name)
    formula = None if finder is None else finder(inside, op)
    return formula and replace(formula, inner=(*inner, *formula.inner))


_FINDERS: Final[dict[str, Callable[[Inside, Op], Formula | None]]] = {
    "linear": linear_of,
    "addmm": addmm_of,
    "add": sum_of,
    **dict.fromkeys(PRODUCTS, product_of),
    "mse_loss": squared_error_of,
    "mean": reduced_square_of,
    "sum": reduced_square_of,
    "cross_entropy": cross_entropy_of,
    "nll_loss": nll_of,
    "binary_cross_entropy": binary_entropy_of,
    "binary_cross_entropy_with_logits": binary_entropy_of_logits,
}
