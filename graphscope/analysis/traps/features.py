"""A column of the data that is 0 in every row: its weight gets no gradient."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Check, Facts, plain_name
from graphscope.analysis.evidence.reading import arrived_at_leaf, data_of
from graphscope.analysis.evidence.wording import (
    count,
    name_and_place,
    name_value,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, ValueKind
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_FEW_ROWS: Final = 4
_FEW_COLUMNS: Final = 3
_AXES: Final = 2
_PAIR: Final = 2


def find_feature_traps(facts: Facts) -> Iterator[Check]:
    """Yield a check for each product of given data and weights."""
    values = facts.graph.values
    for op in facts.graph.ops:
        name = plain_name(op)
        if op.kind is not OpKind.COMPUTE or name not in (
            "linear",
            "matmul",
            "mm",
            "mv",
        ):
            continue
        if len(op.inputs) < _PAIR:
            continue
        data, weights = op.inputs[0], facts.origin(op.inputs[1])
        shape = values[data].shape
        is_table = len(shape) == _AXES and shape[0] >= _FEW_ROWS
        if (
            is_table
            and shape[1] >= _FEW_COLUMNS
            and values[weights].kind is ValueKind.PARAMETER
            and facts.is_given(data)
        ):
            is_row = name == "linear" or weights != op.inputs[1]
            yield partial(_judge, op, weights, -1 if is_row else 0)


def dead_column(data: Array) -> int | None:
    """Return the one column that is 0 in every row; None in data full of zeros.

    Indicators (one-hot rows, pixels of a margin) have such columns without anything
    being wrong, so there must be one alone, among columns of other numbers.

    >>> import numpy as np
    >>> dead_column(np.array([[0.3, 0.0, 2.0], [0.1, 0.0, 5.0]]))
    1
    >>> dead_column(np.array([[1, 0, 0], [0, 0, 1]])) is None
    True
    """
    zero = np.flatnonzero(~data.any(axis=0))
    if len(zero) != 1 or np.isin(data, (0, 1)).all():
        return None
    return int(zero[0])


def _judge(op: Op, weights: int, axis: int, trace: Trace) -> Finding | None:
    data = data_of(trace, op.inputs[0])
    column = None if data is None else dead_column(data)
    arrived = arrived_at_leaf(trace, trace.graph.values[weights])
    if data is None or column is None or not arrived:
        return None
    gradients = [None if seen is None else seen.data for seen in arrived]
    if not all(_is_silent(gradient, axis, column) for gradient in gradients):
        return None
    name = name_value(trace, op.inputs[0])
    shape = trace.graph.values[weights].shape
    index = column if len(shape) == 1 else f":, {column}" if axis else f"{column}, :"
    weight = f"`{trace.graph.values[weights].name}[{index}]`"
    return Finding(
        kind="zero-feature",
        title=f"Column {column} of {name} is 0 in every row: its weight learns nothing",
        explanation=(
            f"All {count(len(data), 'row')} of {name_and_place(trace, op.inputs[0])} "
            f"have 0 in column {column}, counted from 0. The gradient of a weight is "
            f"that number times what arrives, so of {weight} it is exactly 0, and the "
            "other columns have one."
        ),
        remedy=(
            f"Leave column {column} of {name} out, or use rows in which it is not "
            "always 0."
        ),
        step=trace.step,
        site=op.site,
        values=(op.inputs[0], weights),
        ops=(op.id,),
    )


def _is_silent(gradient: Array | None, axis: int, column: int) -> bool:
    """Whether the weights of one column alone have no gradient."""
    if gradient is None or gradient.ndim == 0 or gradient.shape[axis] <= column:
        return False
    lines = np.moveaxis(gradient, axis, 0).reshape(gradient.shape[axis], -1)
    return not lines[column].any() and bool(lines.any(axis=1).sum() == len(lines) - 1)
