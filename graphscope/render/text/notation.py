"""How a chain rule is written: the lecture's symbols, short numbers, small matrices."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from graphscope.analysis.chain.model import ChainRule, Factor, Path
from graphscope.diagram.derivatives import local_text
from graphscope.diagram.labels import derivative, root_name, shorten, title_of
from graphscope.model.graph import Role
from graphscope.model.numbers import format_array, format_number
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

UNKNOWN: Final = "?"

_SYMBOL: Final = 24
_INDEX: Final = re.compile(r"_(\d+)(?=$|\W)")
_LOWERED: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SHOWN: Final = 4
_LARGEST_MATRIX: Final = 6


def lower_indices(text: str) -> str:
    """Write indices as a lecture does.

    >>> lower_indices("w_1"), lower_indices("fc_2.weight"), lower_indices("x_12 * w_1")
    ('w₁', 'fc₂.weight', 'x₁₂ * w₁')
    """
    return _INDEX.sub(lambda found: found[1].translate(_LOWERED), text)


def name_values(trace: Trace, rule: ChainRule) -> dict[int, str]:
    """Return the symbol of every value on the paths of a rule.

    Values of one name (`y` of each turn of a loop) are numbered in order of time.
    """
    factors = [factor for path in rule.paths for factor in path.factors]
    ends = [end for factor in factors for end in (factor.source, factor.target)]
    values = sorted({value for value in ends if value is not None} | {rule.leaf})
    by_title: defaultdict[str, list[int]] = defaultdict(list)
    for value in values:
        if value != rule.root:
            by_title[lower_indices(shorten(title_of(trace, value), _SYMBOL))].append(
                value
            )
    symbols = {rule.root: lower_indices(root_name(trace, [rule.root]))}
    taken = set(symbols.values())
    for title, found in by_title.items():
        is_alone = len(found) == 1 and title not in taken
        for number, value in enumerate(found, 1):
            symbols[value] = title if is_alone else f"{title}⟨{number}⟩"
    return symbols


def name_factors(symbols: dict[int, str], rule: ChainRule, path: Path) -> list[str]:
    """Write each factor of a path as ∂above/∂below, from the leaf to the root."""
    names: list[str] = []
    above = symbols[rule.root]
    for factor in reversed(path.factors):
        below = factor.inner if factor.source is None else symbols[factor.source]
        names.append(derivative(above, below))
        above = below
    return names[::-1]


def factor_text(trace: Trace, factor: Factor) -> str:
    """Write a local derivative: a number, a diagonal, equal parts, or its size."""
    jacobian = factor.jacobian
    if jacobian is None:
        return UNKNOWN
    flat = jacobian.ravel()
    if jacobian.size > 1 and bool((flat == flat[0]).all()):
        return f"{format_number(flat[0].item())} (each of {jacobian.size})"
    return local_text(jacobian, _output_shape(trace, factor))


def matrix_of(trace: Trace, factor: Factor) -> Array | None:
    """Return a small local derivative as a matrix, None where a line says it all."""
    if factor.jacobian is None or "matrix" not in factor_text(trace, factor):
        return None
    rows = 1
    for size in _output_shape(trace, factor):
        rows *= size
    matrix = factor.jacobian.reshape(rows, -1)
    return matrix if max(matrix.shape) <= _LARGEST_MATRIX else None


def matrix_lines(matrix: Array) -> list[str]:
    """Write a matrix with aligned columns.

    >>> import numpy as np
    >>> matrix_lines(np.array([[1.0, -0.25], [10.0, 0.5]]))
    ['[ 1  −0.25 ]', '[10    0.5 ]']
    """
    texts = [[format_number(item) for item in row] for row in matrix.tolist()]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        f"[{'  '.join(t.rjust(w) for t, w in zip(row, widths, strict=True))} ]"
        for row in texts
    ]


def _output_shape(trace: Trace, factor: Factor) -> tuple[int, ...]:
    """Return the shape of what a factor is the derivative of.

    Between two nodes of one op no value has that shape; the gradient there has.
    """
    if factor.target is not None:
        return trace.graph.values[factor.target].shape
    for index in range(*trace.graph.events[factor.event].slots):
        slot = trace.graph.slots[index]
        if slot.grad_node == factor.node and slot.role is Role.GRAD_OUTPUT:
            return slot.shape
    return ()


def number_text(data: Array | None) -> str:
    """Write a gradient: a number, a few of them, or its size.

    >>> import numpy as np
    >>> number_text(np.array([-0.4814])), number_text(np.full((4,), 0.25))
    ('−0.4814', '0.25 (each of 4)')
    """
    if data is None:
        return UNKNOWN
    if data.size == 1:
        return format_number(data.reshape(()).item())
    flat = data.ravel()
    if data.size > 1 and bool((flat == flat[0]).all()):
        return f"{format_number(flat[0].item())} (each of {data.size})"
    if data.size <= _SHOWN:
        return format_array(data)
    shape = "×".join(map(str, data.shape))
    return f"{shape} numbers, l2 {format_number(float((abs(data) ** 2).sum() ** 0.5))}"


def sum_text(terms: Iterable[str], total: str) -> str:
    """Write a sum with its terms.

    >>> sum_text(["3", "−1"], "2")
    '3 + (−1) = 2'
    """
    texts = [f"({text})" if text.startswith("−") else text for text in terms]
    return f"{' + '.join(texts)} = {total}"


def error_text(error: float) -> str:
    """Write a distance with one digit.

    >>> error_text(0.0), error_text(3.21e-08)
    ('0', '3e−08')
    """
    return "0" if error == 0 else f"{error:.0e}".replace("-", "−")
