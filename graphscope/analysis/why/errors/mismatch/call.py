"""The call that raised with its tensors, as the families of mismatches read it."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.analysis.evidence.facts import Facts, is_integer, plain_name
from graphscope.analysis.evidence.wording import code_of, name_value
from graphscope.analysis.why.errors.wording import is_plain, parse_statement
from graphscope.model.graph import Op, Value, ValueKind
from graphscope.model.numbers import format_type
from graphscope.model.trace import Trace


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit.

    Attributes:
        title: One line.
        reason: Complete sentences: which axis of which tensor has which size.
        remedy: One sentence.
        values: Ids of the tensors that it is about.
    """

    title: str
    reason: str
    remedy: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class RaisedCall:
    """A call that raised.

    Attributes:
        facts: Of the graph.
        trace: The step that it ended.
        op: The call.
        error: Type and message of the exception.
    """

    facts: Facts
    trace: Trace
    op: Op
    error: str

    @cached_property
    def tensors(self) -> tuple[Value, ...]:
        """What it was given, numbers of the user's expression left out."""
        values = (self.trace.graph.values[v] for v in self.op.inputs)
        return tuple(v for v in values if v.kind is not ValueKind.CONSTANT)

    @property
    def name(self) -> str:
        """The function's name."""
        return plain_name(self.op)

    @property
    def is_module(self) -> bool:
        """Whether it is the call of a layer, which refused it before any op ran."""
        return bool(self.class_name) and self.op.name == self.class_name

    @property
    def constructor(self) -> str:
        """How the user's code makes such a layer."""
        is_own = self.is_module and not self.op.target.startswith("torch.nn.")
        return self.class_name if is_own else f"nn.{self.class_name}"

    @property
    def layer(self) -> str:
        """Its layer as a part of a sentence; empty for a call outside of one.

        The only model of a step has no path: it is called as the user's code does.
        """
        if not self.class_name:
            return ""
        if self.op.scope:
            return f"the layer `{self.op.scope}`"
        made = _MADE_OF.get(self.name)
        is_layer = self.is_module or made == self.class_name.rstrip("123d")
        return f"the layer {self._callee}" if is_layer and self._callee else ""

    @property
    def taker(self) -> str:
        """What took the tensors: its layer, or the function."""
        return self.layer or f"`{self.name}`"

    @property
    def _callee(self) -> str:
        statement = parse_statement(self.op.site)
        call = statement.value if isinstance(statement, ast.Expr) else None
        function = call.func if isinstance(call, ast.Call) else None
        is_named = isinstance(function, ast.Name | ast.Attribute | ast.Subscript)
        return f"`{ast.unparse(function)}`" if function and is_named else ""

    @property
    def class_name(self) -> str:
        """The class of the module that it was made in."""
        return self.facts.class_names.get(self.op.scope, "")

    def called(self, value: Value) -> str:
        """Name a tensor: `x`, its expression, or what computed it."""
        return name_value(self.trace, value.id)

    def code(self, value: Value, ending: str = "") -> str:
        """Write a tensor in code with something behind it; empty when it has none."""
        found = code_of(self.trace, value.id)
        if not found:
            return ""
        return f"`{found if is_plain(found) else f'({found})'}{ending}`"

    def number(self, name: str, position: int) -> int | None:
        """Return a whole-number argument by its keyword or place among such."""
        named = [a.text for a in self.op.arguments if a.name == name]
        plain = [a.text for a in self.op.arguments if not a.name and a.value is None]
        texts = named or plain[position : position + 1]
        return int(texts[0]) if texts and is_integer(texts[0]) else None


_MADE_OF: Final = {
    "linear": "Linear",
    "conv1d": "Conv",
    "conv2d": "Conv",
    "conv3d": "Conv",
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "embedding": "Embedding",
}

Explain = Callable[[RaisedCall], Misfit | None]
"""Looks for one kind of misfit; None when it is another."""


def sizes(value: Value) -> str:
    """Write a shape.

    >>> from graphscope.model.graph import ValueKind
    >>> sizes(Value(0, ValueKind.INPUT, "x", None, (3, 4), "float32"))
    '[3, 4]'
    """
    return str(list(value.shape))


def type_of(value: Value) -> str:
    """Write dtype and shape."""
    return format_type(value.dtype, value.shape)


def axis_name(axis: int, rank: int) -> str:
    """Name an axis of a tensor.

    >>> axis_name(1, 2), axis_name(0, 2)
    ('the last axis', 'axis 0')
    """
    return "the last axis" if axis == rank - 1 else f"axis {axis}"
