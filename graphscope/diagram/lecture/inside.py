"""Which results may disappear into the one op that reads them, and what stands there.

A result stays visible when it means something by itself: the user named it or hooked
it, a second op reads it, backward started from it, or the gradient stops at it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.diagram.gradients import HOOK
from graphscope.diagram.labels import constant_text, is_constant, shorten, title_of
from graphscope.diagram.selection import Selection
from graphscope.model.graph import Argument, Op, OpKind, ValueKind

RESHAPES: Final = frozenset(
    {
        *("view", "reshape", "flatten", "unflatten", "ravel"),
        *("squeeze", "unsqueeze", "contiguous"),
    }
)
"""Ops that give the same numbers another shape."""
_PARTS: Final = frozenset({"getitem", "select"})
_TRANSPOSES: Final = frozenset({"T", "mT", "t", "transpose", "swapaxes", "swapdims"})
_MATRIX: Final = 2
_MAX_OPERAND: Final = 20
_OPEN, _CLOSE = "([{", ")]}"
_OPERATORS: Final = frozenset(" +-−*/@%<>=&|^~·")


@dataclass(frozen=True, slots=True)
class Operand:
    """What an op reads, after what only shapes it was left out.

    Attributes:
        argument: The value that is read, and its text in a formula.
        inner: The ops that were left out, the last first.
    """

    argument: Argument
    inner: tuple[Op, ...] = ()

    @property
    def text(self) -> str:
        """How it stands in a formula."""
        return self.argument.text

    @property
    def factor(self) -> str:
        """How it stands in a product."""
        return in_brackets(self.text)


@dataclass(frozen=True)
class Inside:
    """Looks for what may be drawn inside of its reader."""

    selection: Selection

    @cached_property
    def _drawn(self) -> dict[int, Op]:
        return {op.id: op for op in self.selection.ops}

    @cached_property
    def _visible(self) -> frozenset[int]:
        """Values that stay whatever reads them."""
        graph = self.selection.trace.graph
        hooked = {s.value for s in graph.slots if s.label == HOOK}
        used = {v for value in graph.values for v in (value.previous, value.owner)}
        found = {*hooked, *used, *graph.roots}
        return frozenset(v for v in found if v is not None)

    def maker(self, reader: Op, value: int, uses: int = 1) -> Op | None:
        """Return the op that made `value` for `reader` alone, None if it stays."""
        graph = self.selection.trace.graph
        number = graph.values[value].op
        op = None if number is None else self._drawn.get(number)
        if op is None or reader.cut or op.cut or op.outputs != (value,):
            return None
        if {op.kind, reader.kind} != {OpKind.COMPUTE} or value in self._visible:
            return None
        is_only = graph.consumers.get(value) == (reader.id,)
        is_used_so = reader.inputs.count(value) == uses
        return op if is_only and is_used_so and self._is_unnamed(op) else None

    def _is_unnamed(self, op: Op) -> bool:
        """Whether the user gave a result no name but the expression that made it."""
        name = self.selection.trace.graph.values[op.outputs[0]].name
        if name is None:
            return True
        expression = op.site.expression if op.site is not None else ""
        return not name.isidentifier() and name.split() == expression.split()

    def operand(self, reader: Op, argument: Argument) -> Operand:
        """Return what an argument is, without the ops that only reshape it."""
        inner: list[Op] = []
        while argument.value is not None:
            op = self.maker(reader, argument.value)
            if op is None or not self._is_reshape(op):
                break
            inner.append(op)
            reader, argument = op, op.arguments[0]
        return Operand(self._named(argument), tuple(inner))

    def _is_reshape(self, op: Op) -> bool:
        if not op.arguments or op.arguments[0].value is None or len(op.inputs) != 1:
            return False
        values = self.selection.trace.graph.values
        is_part = op.name.strip("_") in _PARTS
        is_of_leaf = values[op.arguments[0].value].kind is ValueKind.PARAMETER
        return op.name in RESHAPES or (is_part and is_of_leaf)

    def transposed(self, reader: Op, argument: Argument) -> Operand:
        """Return an operand of a product, `wᵀ` where it is a transposed matrix."""
        found = self.operand(reader, argument)
        last = found.inner[-1] if found.inner else reader
        value = found.argument.value
        op = None if value is None else self.maker(last, value)
        if value is None or op is None or not self._is_transpose(op):
            return Operand(_renamed(found.argument, found.factor), found.inner)
        matrix = self.operand(op, op.arguments[0])
        text = f"{matrix.factor}ᵀ"
        return Operand(
            _renamed(matrix.argument, text), (*found.inner, op, *matrix.inner)
        )

    def _is_transpose(self, op: Op) -> bool:
        if op.name not in _TRANSPOSES or len(op.inputs) != 1:
            return False
        if op.arguments[0].value is None:
            return False
        return len(self.selection.trace.graph.values[op.inputs[0]].shape) == _MATRIX

    def _named(self, argument: Argument) -> Argument:
        """Write an argument as its value's name, else as the user wrote it."""
        if argument.value is None:
            return argument
        trace = self.selection.trace
        found = trace.graph.values[argument.value]
        if is_constant(found):
            return _renamed(argument, constant_text(trace, found))
        written = shorten(argument.text or title_of(trace, found.id), _MAX_OPERAND)
        return _renamed(argument, found.name or written)


def values_among(op: Op) -> list[Argument]:
    """Return the arguments that are values."""
    return [argument for argument in op.arguments if argument.value is not None]


def inner_of(*operands: Operand) -> tuple[Op, ...]:
    """Return all ops that were left out of operands."""
    return tuple(op for operand in operands for op in operand.inner)


def _renamed(argument: Argument, text: str) -> Argument:
    return Argument(argument.name, argument.value, text)


def in_brackets(text: str) -> str:
    """Put brackets around what a product would tear apart.

    >>> in_brackets("w"), in_brackets("a + b"), in_brackets("relu(a + b)")
    ('w', '(a + b)', 'relu(a + b)')
    """
    return f"({text})" if any(c in _OPERATORS for c in _outermost(text)) else text


def _outermost(text: str) -> Iterator[str]:
    depth = 0
    for character in text:
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            yield character
