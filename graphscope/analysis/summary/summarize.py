"""From a recorded step to the summary of what ran in it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import prod
from typing import Final

from graphscope.analysis.summary.batch import batch_size, outputs_of, without_batch
from graphscope.analysis.summary.layers import CallTree, Layer
from graphscope.analysis.summary.model import ModelSummary, SummaryRow
from graphscope.model.calls import ModuleParameter
from graphscope.model.graph import Graph
from graphscope.model.trace import Trace

_BITS: Final = re.compile(r"\d+")
_BYTE: Final = 8
_SHOWN_GAPS: Final = 3


def summarize_model(trace: Trace) -> ModelSummary:
    """List the layers that ran in a step, with shapes and parameters.

    A model that was called several times (gradient accumulation, an evaluation) is
    described by its first call. Losses are left out: modules without parameters that
    the training loop calls, and that return a single number.
    """
    graph = trace.graph
    tree = CallTree(graph.calls)
    models = tree.models()
    if not models:
        return ModelSummary(notes=(_why_empty(trace),))
    found: list[tuple[Layer, int | None]] = []
    input_bytes = 0
    for root in models:
        batch = batch_size(graph, root, tree.ends[root])
        found += [(layer, batch) for layer in tree.layers_of(root)]
        input_bytes += sum(
            _bytes(without_batch(tensor.shape, batch), tensor.dtype)
            for tensor in graph.calls[root].inputs
        )
    rows = tuple(
        _row(graph, index, layer, batch)
        for index, (layer, batch) in enumerate(found, start=1)
    )
    places = dict.fromkeys(chain.from_iterable(layer.owned for layer, _ in found))
    owned = [graph.parameters[place] for place in places]
    return ModelSummary(
        rows=rows,
        total=_count(owned),
        trainable=_count(p for p in owned if p.requires_grad),
        input_bytes=input_bytes,
        output_bytes=sum(_result_bytes(layer, batch) for layer, batch in found),
        parameter_bytes=sum(_bytes(p.shape, p.dtype) for p in owned),
        notes=tuple(_notes(graph, models, rows, owned)),
    )


def _row(graph: Graph, index: int, layer: Layer, batch: int | None) -> SummaryRow:
    owned = [graph.parameters[place] for place in layer.owned]
    return SummaryRow(
        index=index,
        class_name=layer.call.class_name,
        path=layer.call.path,
        shapes=outputs_of(layer.call, batch),
        parameters=_count(owned),
        trainable=_count(p for p in owned if p.requires_grad),
    )


def _count(parameters: Iterable[ModuleParameter]) -> int:
    return sum(prod(parameter.shape) for parameter in parameters)


def _result_bytes(layer: Layer, batch: int | None) -> int:
    """Return the size of a result and its gradient, for one example."""
    shapes = zip(outputs_of(layer.call, batch), layer.call.outputs, strict=True)
    return sum(2 * _bytes(shape, tensor.dtype) for shape, tensor in shapes)


def _bytes(shape: Sequence[int], dtype: str) -> int:
    """Return the size of a tensor; of a batch that of one example.

    >>> _bytes((-1, 3), "float32"), _bytes((2,), "bfloat16"), _bytes((), "bool")
    (12, 4, 1)
    """
    bits = _BITS.search(dtype)
    return abs(prod(shape)) * (max(int(bits[0]) // _BYTE, 1) if bits else 1)


def _notes(
    graph: Graph,
    models: dict[int, int],
    rows: Sequence[SummaryRow],
    owned: Sequence[ModuleParameter],
) -> Iterator[str]:
    for root, count in models.items():
        if count > 1:
            call = graph.calls[root]
            name = call.path or call.class_name
            yield f"{name} was called {count} times: the table shows its first call."
    if sum(row.parameters for row in rows) != _count(owned):
        yield "Parameters that several rows share are counted once in the total."
    for gap in graph.gaps[:_SHOWN_GAPS]:
        yield f"Not recorded: {gap.reason}"


def _why_empty(trace: Trace) -> str:
    graph = trace.graph
    called = "but a loss " if graph.calls else ""
    is_old = not graph.calls and any(op.scope for op in graph.ops)
    remedy = (
        "If an older version recorded it, record it again."
        if is_old
        else "Choose a step in which an nn.Module runs."
    )
    return (
        f"No module {called}was called in step {trace.step}, so there is no layer to "
        f"list. {remedy}"
    )
