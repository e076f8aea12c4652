"""The smallest script that shows a NaN again, with the recorded tensors in it."""

import re
from collections.abc import Iterator
from math import prod

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.why.nonfinite.flow import Birth, Cause, Flow, trace_flow
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.script.calls import call_text
from graphscope.analysis.why.nonfinite.script.optimizing import update_lines
from graphscope.analysis.why.nonfinite.script.piece import (
    Piece,
    at_element,
    choose_piece,
    element_of,
    gradient_slot,
)
from graphscope.analysis.why.nonfinite.script.writing import (
    Names,
    constant_text,
    not_recorded,
    tensor_text,
)
from graphscope.analysis.why.nonfinite.sources import Places
from graphscope.errors import NotRecordedError
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, Value, ValueKind
from graphscope.model.observation import Array
from graphscope.model.trace import Trace

_HALVES = ("float16", "bfloat16")


def write_reproduction(trace: Trace, finding: Finding) -> str:
    """Write a script of plain PyTorch that makes the NaN or Inf of a finding again.

    It holds the recorded tensors, to the bit, and the ops between them and the first
    NaN: one element where every op works element by element, else whole tensors. It
    prints the result and asserts that it is not finite.

    Args:
        trace: The step that the finding is about: `recording[finding.step]`.
        finding: A finding of kind `nan`, `inf` or `fp16-overflow`.

    Raises:
        NotRecordedError: The recording lacks what the script needs.
    """
    facts = Facts(trace.graph)
    flow = trace_flow(Places(facts), trace)
    birth = _birth_of(flow, finding)
    piece = choose_piece(Scene(facts, trace, flow, birth))
    if birth.cause is Cause.UPDATED:
        lines = update_lines(trace, birth)
    elif piece is not None:
        lines = list(_PieceWriter(trace, piece).lines())
    else:
        lines = list(_given(trace, birth))
    body = "\n".join(lines)
    return f"{_head(finding, body)}\n{body}\n"


def _birth_of(flow: Flow, finding: Finding) -> Birth:
    """Return the birth that a finding tells of."""
    for birth in flow.births.values():
        ops = () if birth.op is None else (birth.op,)
        nodes = () if birth.node is None else (birth.node,)
        is_main = birth.value is None or birth.value in finding.values[:1]
        if (ops, nodes) == (finding.ops, finding.nodes) and is_main:
            return birth
    for birth in flow.births.values():  # memory that was never written has two names
        if birth.op is not None and birth.op in finding.ops:
            return birth
    why = " ".join(finding.unknown) or "It is not in the numbers of its step."
    raise NotRecordedError(
        f"No script can show {finding.title!r} of step {finding.step} again: its "
        f"birth was not recorded. {why} Record the run from its beginning."
    )


def _head(finding: Finding, body: str) -> str:
    """Write where it comes from, and import what the script needs."""
    place = "" if finding.site is None else f" at {finding.site.short}"
    text = f"Step {finding.step}{place}: {finding.title}."
    lines = [f"# {''.join(c for c in text if c.isprintable())}", ""]
    needed = [n for n in ("inf", "nan") if re.search(rf"(?<!\.)\b{n}\b", body)]
    if needed:
        lines += [f"from math import {', '.join(needed)}", ""]
    return "\n".join([*lines, "import torch", ""])


def _given(trace: Trace, birth: Birth) -> Iterator[str]:
    """Write a tensor that nothing of the step computed: it is all there is to show."""
    if birth.value is None:
        raise NotRecordedError(
            "No script can show this again: the gradient was not computed by an op "
            "that was recorded, but by a hook or outside of the recording."
        )
    record = trace.graph.values[birth.value]
    seen = trace.seen(birth.slot)
    if seen is None or seen.data is None:
        raise not_recorded(trace, record)
    name = Names().of(record)
    yield f"{name} = {tensor_text(seen.data, record.dtype)}"
    yield from _shown(name, name)


def _shown(what: str, code: str) -> Iterator[str]:
    yield f'print("{what} =", {code})'
    yield f"assert not torch.isfinite({code}).all()"


class _PieceWriter:
    """Writes one part of a step as a script."""

    def __init__(self, trace: Trace, piece: Piece) -> None:
        self._trace = trace
        self._piece = piece
        graph = trace.graph
        made = [value for op in piece.ops for value in op.outputs]
        own = [*piece.leaves, *(v for v in made if graph.values[v].previous is None)]
        self._names = Names(graph.values[value] for value in own)
        self._element = element_of(trace, piece)
        self._shape = trace.graph.slots[piece.slot].shape

    def lines(self) -> Iterator[str]:
        """Yield the lines: the leaves, the ops, the backward, what is shown."""
        values = self._trace.graph.values
        for leaf in self._piece.leaves:
            yield from self._leaf(values[leaf])
        if self._piece.is_gradient and self._piece.shown not in self._piece.leaves:
            yield from self._ops(retained=self._piece.shown)
        else:
            yield from self._ops()
        shown = self._names.of(values[self._piece.shown])
        if not self._piece.is_gradient:
            yield from _shown(shown, shown)
            return
        yield from self._backward()
        yield from _shown(f"gradient of {shown}", f"{shown}.grad")

    def _leaf(self, value: Value) -> Iterator[str]:
        data = self._data(value)
        if value.kind is ValueKind.CONSTANT:
            self._names.set(value, constant_text(data))
            return
        text = tensor_text(data, value.dtype, requires_grad=self._is_watched(value))
        yield f"{self._names.of(value)} = {text}"

    def _is_watched(self, value: Value) -> bool:
        """Whether a leaf has to require a gradient, to show one."""
        piece = self._piece
        if not piece.is_gradient:
            return False
        is_inside = piece.shown not in piece.leaves
        return value.requires_grad if is_inside else value.id == piece.shown

    def _data(self, value: Value) -> Array:
        seen = self._trace.value_of(value.id)
        is_number = value.kind is ValueKind.CONSTANT or prod(value.shape) == 1
        index = None if is_number and not value.shape else self._element
        data = at_element(seen, index, self._shape)
        if data is None:
            raise not_recorded(self._trace, value)
        return data

    def _ops(self, retained: int | None = None) -> Iterator[str]:
        values = self._trace.graph.values
        for op in self._piece.ops:
            call = call_text(op, values, self._names)
            names = list(self._results(op))
            indent = ""
            if self._is_cast(op):
                kind = values[op.outputs[0]].dtype
                yield f'with torch.autocast("cpu", dtype=torch.{kind}):'
                indent = "    "
            left = f"{', '.join(names)} = " if names else ""
            yield f"{indent}{left}{call}"
            if retained in op.outputs:
                yield f"{self._names.of(values[retained or 0])}.retain_grad()"

    def _results(self, op: Op) -> Iterator[str]:
        """Yield the names of what an op returns; an argument it wrote to keeps its."""
        values = self._trace.graph.values
        is_in_place = op.name.endswith("_")
        for result in op.outputs:
            previous = values[result].previous
            if previous in op.inputs and previous is not None and not is_in_place:
                self._names.set(values[result], self._names.of(values[previous]))
            else:
                yield self._names.of(values[result])

    def _is_cast(self, op: Op) -> bool:
        """Whether an op gives half precision of float32, as only autocast does."""
        values = self._trace.graph.values
        floats = [
            values[v].dtype
            for v in op.inputs
            if "float" in values[v].dtype and values[v].kind is not ValueKind.CONSTANT
        ]
        is_half = bool(op.outputs) and values[op.outputs[0]].dtype in _HALVES
        is_conversion = op.name in ("half", "to", "bfloat16", "type")
        return is_half and bool(floats) and "float32" in floats and not is_conversion

    def _backward(self) -> Iterator[str]:
        values = self._trace.graph.values
        for number, end in enumerate(self._piece.ends):
            slot = gradient_slot(self._trace, self._piece, end)
            seen = None if slot is None else self._trace.seen(slot)
            if slot is None or seen is None:
                continue  # no gradient came this way
            data = at_element(seen, self._element, self._shape)
            if data is None:
                raise not_recorded(self._trace, values[end], "gradient")
            text = tensor_text(data, self._trace.graph.slots[slot].dtype)
            is_last = number == len(self._piece.ends) - 1
            keep = "" if is_last else ", retain_graph=True"
            yield f"{self._names.of(values[end])}.backward({text}{keep})"
