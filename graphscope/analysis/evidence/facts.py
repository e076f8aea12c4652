"""What the traps ask of a graph, worked out once for all steps that share it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Op, OpKind, Value, ValueKind
from graphscope.model.trace import Trace

Check = Callable[[Trace], Finding | None]
"""Judges one suspicious place in a step, by its numbers."""

LOSSES: Final = frozenset(
    {"cross_entropy", "nll_loss", "binary_cross_entropy", "kl_div"}
    | {"binary_cross_entropy_with_logits"}
    | {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
)
"""Functions that compare a prediction, their first tensor, with a target."""

SAME_NUMBERS: Final = frozenset(
    {"reshape", "view", "view_as", "reshape_as", "flatten", "unflatten", "ravel"}
    | {"squeeze", "unsqueeze", "transpose", "t", "T", "mT", "permute", "movedim"}
    | {"swapaxes", "contiguous", "clone", "float", "double", "half", "to", "type"}
    | {"type_as", "cpu", "cuda", "getitem", "index_select", "select", "narrow"}
)
"""Ops whose results are numbers of their first argument, in another arrangement."""

LAYERS: Final = frozenset(
    {"linear", "bilinear", "conv1d", "conv2d", "conv3d", "embedding"}
    | {"batch_norm", "layer_norm", "group_norm"}
)
"""Functions of layers: what they give is computed by a model."""

UNWRITTEN: Final = frozenset({"empty", "empty_like", "new_empty", "empty_strided"})
"""Functions whose result is whatever the memory held before."""

_TARGETS: Final = ("target", "input", "self")
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Loss:
    """A call of a loss function: what it compared with what.

    Attributes:
        op: The call. Of kind GAP when it raised.
        input: Id of the value in the place of the prediction.
        target: Id of the value in the place of the target.
    """

    op: Op
    input: int
    target: int

    @property
    def name(self) -> str:
        """The function's name."""
        return self.op.name

    @property
    def has_raised(self) -> bool:
        """Whether the call ended the step with an exception."""
        return self.op.kind is OpKind.GAP

    @property
    def output(self) -> int | None:
        """Id of the result."""
        return self.op.outputs[0] if self.op.outputs else None

    @property
    def reduction(self) -> str:
        """`mean`, `sum` or `none`; empty when numbers beside the two play a role."""
        found = {a.name: a.text for a in self.op.arguments}
        if "weight" in found or "pos_weight" in found:
            return ""
        if found.get("label_smoothing", "0.0") != "0.0":
            return ""
        return found.get("reduction", "mean").strip("'\"")

    @property
    def ignored(self) -> int | None:
        """The label that the loss leaves out."""
        for argument in self.op.arguments:
            if argument.name == "ignore_index":
                return int(argument.text) if is_integer(argument.text) else None
        return None


@dataclass(frozen=True)
class Facts:
    """A graph and what the traps have to know of it."""

    graph: Graph

    @cached_property
    def losses(self) -> tuple[Loss, ...]:
        """The calls of loss functions, in order."""
        found = (_read_loss(op) for op in self.graph.ops if op.name in LOSSES)
        return tuple(loss for loss in found if loss is not None)

    @cached_property
    def class_names(self) -> dict[str, str]:
        """Module path -> its class."""
        return {scope.path: scope.class_name for scope in self.graph.scopes}

    @cached_property
    def node_slots(self) -> dict[int, tuple[int, ...]]:
        """Grad node id -> its slots, in order of time."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for index, slot in enumerate(self.graph.slots):
            if slot.grad_node is not None:
                found[slot.grad_node].append(index)
        return {node: tuple(slots) for node, slots in found.items()}

    @cached_property
    def before_roots(self) -> frozenset[int]:
        """Ids of the ops through which gradients of a root flow."""
        return frozenset(self._ops_before(self.graph.roots))

    def op_of(self, value: int) -> Op | None:
        """Return the op that made a value."""
        op = self.graph.values[value].op
        return None if op is None else self.graph.ops[op]

    def origin(self, value: int) -> int:
        """Return the value that `value` is an arrangement of."""
        op = self.op_of(value)
        while op is not None and is_arranging(op):
            value = op.inputs[0]
            op = self.op_of(value)
        return value

    def origin_op(self, value: int) -> Op | None:
        """Return the op that computed the numbers of a value."""
        return self.op_of(self.origin(value))

    def ancestors(self, value: int) -> Iterator[Value]:
        """Yield a value and everything that it was computed from."""
        waiting, seen = [value], {value}
        while waiting:
            found = self.graph.values[waiting.pop()]
            yield found
            op = None if found.op is None else self.graph.ops[found.op]
            before = () if op is None else op.inputs
            for one in before:
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)

    def is_given(self, value: int) -> bool:
        """Whether a value is data, as far as the recording goes back.

        That is a tensor from outside, or what was computed from such ones outside of
        any module; nothing in it requires a gradient or was cut off from one.
        """
        return all(self._is_data(found) for found in self.ancestors(value))

    def _is_data(self, value: Value) -> bool:
        op = None if value.op is None else self.graph.ops[value.op]
        if value.requires_grad or value.kind in (ValueKind.BUFFER, ValueKind.GRADIENT):
            return False
        if op is None:
            return True
        is_layer = bool(op.scope) or plain_name(op) in LAYERS
        return not (is_layer or op.cut or op.kind is OpKind.GAP)

    def _ops_before(self, values: tuple[int, ...]) -> Iterator[int]:
        waiting, seen = list(values), set(values)
        while waiting:
            op = self.op_of(waiting.pop())
            if op is None or op.cut:
                continue
            yield op.id
            for value in op.inputs:
                if value not in seen and self.graph.values[value].requires_grad:
                    seen.add(value)
                    waiting.append(value)


def is_arranging(op: Op) -> bool:
    """Whether an op only arranges the numbers of its first argument anew."""
    is_plain = op.kind is OpKind.COMPUTE and plain_name(op) in SAME_NUMBERS
    return is_plain and bool(op.inputs)


def plain_name(op: Op) -> str:
    """Return the operator's name, of an in-place call too.

    >>> plain_name(Op(0, "relu_", "torch.relu_", OpKind.COMPUTE, (), ()))
    'relu'
    """
    return op.name.strip("_")


def is_integer(text: str) -> bool:
    """Whether an argument's text is a whole number.

    >>> is_integer("-1"), is_integer("axis")
    (True, False)
    """
    digits = text.strip().removeprefix("-")
    return digits.isascii() and digits.isdecimal()


def _read_loss(op: Op) -> Loss | None:
    if op.kind not in (OpKind.COMPUTE, OpKind.GAP):
        return None
    places = [a for a in op.arguments if a.value is not None]
    pair = [a.value for a in places if not a.name or a.name in _TARGETS][:_PAIR]
    if len(pair) < _PAIR:
        return None
    first, second = pair
    return None if first is None or second is None else Loss(op, first, second)
