"""Which part of a gradient is 0, and why: columns, rows, units, embedding rows."""

from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.reading import data_of
from graphscope.analysis.evidence.wording import (
    begin,
    count,
    name_and_place,
    name_value,
    where,
)
from graphscope.model.graph import Op, OpKind, Value
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

_AXES: Final = 2
_SHOWN: Final = 6


def explain_share(
    facts: Facts, trace: Trace, value: Value, arrived: Observation
) -> tuple[str, str]:
    """Say which part of a gradient is 0, and what can be done about it."""
    stats = arrived.stats
    name = name_and_place(trace, value.id)
    if stats is None or not stats.zeros:
        return f"No number of the gradient of {name} is 0.", ""
    share = f"{stats.zeros:,} of {count(stats.numel, 'number')}"
    text = f"{share} of the gradient of {name} are 0."
    if arrived.data is None:
        return f"{text} Which ones was not recorded.", ""
    if arrived.data.ndim != _AXES:
        return text, ""
    found = [
        line
        for op in _readers(facts, value)
        for line in _explain_lines(facts, trace, op, arrived.data)
    ]
    if not found:
        return f"{text}{_count_lines(arrived.data)}", ""
    return f"{text} {' '.join(line for line, _ in found)}", found[0][1]


def _readers(facts: Facts, value: Value) -> list[Op]:
    readers = facts.graph.consumers.get(value.id, ())
    ops = (facts.graph.ops[reader] for reader in readers)
    return [op for op in ops if op.kind is OpKind.COMPUTE]


def _explain_lines(
    facts: Facts, trace: Trace, op: Op, gradient: Array
) -> list[tuple[str, str]]:
    if plain_name(op) == "embedding":
        return _explain_rows(trace, op, gradient)
    if plain_name(op) != "linear":
        return []
    return [
        *_explain_columns(trace, op, gradient),
        *_explain_units(facts, trace, op, gradient),
    ]


def _explain_rows(trace: Trace, op: Op, gradient: Array) -> list[tuple[str, str]]:
    """Say which rows of an embedding were not looked up."""
    used = data_of(trace, op.inputs[0])
    silent = np.flatnonzero(~gradient.any(axis=1))
    if used is None or not len(silent) or np.isin(silent, used).any():
        return []
    text = (
        f"{_lines('row', silent, len(gradient))}: {name_value(trace, op.inputs[0])}"
        f"{where(op.site)} looks up {count(len(np.unique(used)), 'row')} in this step, "
        "and only these get a gradient."
    )
    return [(text, "")]


def _explain_columns(trace: Trace, op: Op, gradient: Array) -> list[tuple[str, str]]:
    """Say which inputs of a layer are 0 in every row."""
    data = data_of(trace, op.inputs[0])
    silent = np.flatnonzero(~gradient.any(axis=0))
    if data is None or not len(silent) or data.shape[-1] != gradient.shape[1]:
        return []
    rows = data.reshape(-1, data.shape[-1])
    if rows[:, silent].any():
        return []
    name = name_and_place(trace, op.inputs[0])
    text = (
        f"{_lines('column', silent, gradient.shape[1])}: {name} has 0 there in all of "
        f"its {count(len(rows), 'row')}."
    )
    return [(text, f"Leave these columns of {name_value(trace, op.inputs[0])} out.")]


def _explain_units(
    facts: Facts, trace: Trace, op: Op, gradient: Array
) -> list[tuple[str, str]]:
    """Say which units of a layer are switched off for every row."""
    silent = np.flatnonzero(~gradient.any(axis=1))
    if not len(silent) or not op.outputs:
        return []
    for reader in facts.graph.consumers.get(op.outputs[0], ()):
        after = facts.graph.ops[reader]
        data = data_of(trace, after.outputs[0]) if after.outputs else None
        if data is None or data.shape[-1:] != gradient.shape[:1]:
            continue
        rows = data.reshape(-1, data.shape[-1])
        if not rows[:, silent].any():
            name = begin(name_and_place(trace, after.outputs[0]))
            text = (
                f"{_lines('row', silent, len(gradient))}: {name} is 0 for these units "
                f"in all of its {count(len(rows), 'row')}."
            )
            return [(text, "Some units that are off are what relu is for.")]
    return []


def _lines(noun: str, silent: Array, total: int) -> str:
    """Write which lines are meant.

    >>> _lines("column", np.array([1, 4]), 8)
    'So are columns 1 and 4, 2 of 8'
    """
    shown = [str(int(i)) for i in silent[:_SHOWN]]
    more = len(silent) - len(shown)
    if more:
        names = f"{', '.join(shown)} and {more} more"
    else:
        names = (
            shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
        )
    verb = "So is" if len(silent) == 1 else "So are"
    noun = noun if len(silent) == 1 else f"{noun}s"
    return f"{verb} {noun} {names}, {len(silent)} of {total}"


def _count_lines(gradient: Array) -> str:
    rows = int((~gradient.any(axis=1)).sum())
    columns = int((~gradient.any(axis=0)).sum())
    parts = [f"{rows} of {count(len(gradient), 'row')}"] if rows else []
    if columns:
        parts.append(f"{columns} of {count(gradient.shape[1], 'column')}")
    return f" All 0 are {' and '.join(parts)}." if parts else ""
