"""The structure of one step: ops, values, autograd nodes, and the events in order.

A `Graph` holds no numbers. Two steps that ran the same code on the same shapes have
equal graphs, so a recording stores each distinct graph once. The numbers of a step
are a flat sequence, one entry for each of the graph's slots (`graphscope.model.trace`).
All ids are positions: `graph.values[value.id] is value`, and so on.
"""

from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property

from graphscope.model.calls import ModuleCall, ModuleParameter
from graphscope.model.optimizers import OptimizerRun
from graphscope.model.site import Site


class ValueKind(StrEnum):
    """Where a value comes from."""

    PARAMETER = "parameter"  # a leaf that requires a gradient
    BUFFER = "buffer"  # registered by a module, without gradient
    INPUT = "input"  # any other tensor that no op of this step computed
    CONSTANT = "constant"  # a Python number in the user's expression: the 3 of 3 * y
    RESULT = "result"  # computed by an op of this step
    GRADIENT = "gradient"  # the `.grad` of `owner`, read by the user's code
    CARRIED = (
        "carried"  # computed in an earlier step, its autograd graph still attached
    )


class OpKind(StrEnum):
    """What an op is to the reader."""

    CREATE = "create"  # makes a tensor out of no tensor: torch.tensor, torch.randn
    COMPUTE = "compute"  # computes tensors from tensors
    READOUT = "readout"  # hands numbers to Python: .item(), .tolist(), bool(t)
    UPDATE = "update"  # changes a leaf in place without gradient: w -= lr * w.grad
    RECOMPUTE = "recompute"  # a checkpoint ran it again in backward
    GAP = "gap"  # something ran that could not be seen; `note` says why


class EventKind(StrEnum):
    """The atoms of time."""

    OP = "op"  # an op ran
    GRAD = "grad"  # an autograd node ran
    ACCUMULATE = "accumulate"  # a gradient arrived at a leaf and was added to `.grad`
    CAPTURE = "capture"  # torch.autograd.grad returned a gradient; `.grad` untouched
    ZERO = "zero"  # `.grad` was set to None or to zero
    UPDATE = "update"  # an optimizer changed parameters


class Phase(IntEnum):
    """The lecture's five numbered steps of one training iteration."""

    FORWARD = 1
    LOSS = 2
    ZERO = 3
    BACKWARD = 4
    UPDATE = 5


class Role(StrEnum):
    """What a slot's numbers are."""

    VALUE = "value"  # of `value`: an op's result, or a leaf as it was first seen
    GRAD_OUTPUT = "grad_output"  # summed gradient that reached a grad node's output
    EDGE = "edge"  # what a grad node sent along edge `position` towards `value`
    LOCAL = "local"  # Jacobian d output 0 / d edge `position`: output shape + input's
    ARRIVED = "arrived"  # summed gradient that reached the leaf `value`
    BEFORE = "before"  # `.grad` of `value` before the event
    AFTER = "after"  # `.grad` of `value` after the event
    USED = "used"  # `.grad` of `value` as an update used it: after clipping, unscaling
    UPDATED = "updated"  # `value` itself after an optimizer's update
    HYPER = "hyper"  # hyper-parameter `label` of the update, a scalar (lr, momentum)


@dataclass(frozen=True, slots=True)
class Value:
    """One version of one tensor.

    Attributes:
        id: Position in `Graph.values`.
        kind: Where it comes from.
        name: The user's name or the parameter's dotted path; None when there is none.
            For a constant its text, such as `3`.
        op: The op that computed or created it, None for values from outside.
        shape: Sizes of the axes; `()` is a scalar.
        dtype: torch's name without the module: `float32`.
        device: `cpu`, `cuda:0`.
        requires_grad: As torch says, at the moment it was first seen.
        is_leaf: As torch says.
        version: 0, and one more for every in-place change inside the step.
        previous: The value that this one overwrote, for version > 0.
        owner: For kind GRADIENT: the leaf whose `.grad` this is.
        grad_node: The autograd node that the gradient of this value arrives at
            (`AccumulateGrad` for leaves); None when it requires no gradient.
        grad_output: Which output of `grad_node` it is.
        site: Where it was created or first used.
        note: For kind CARRIED: which step made it.
        also: Its other names: the further paths of a parameter that modules share.
        class_name: Of a tensor subclass its class, of a DTensor its placements too.
        set_by: The user's line that made a leaf require a gradient, or not, while it
            was recorded: `p.requires_grad_(False)`. None when none was seen to.
    """

    id: int
    kind: ValueKind
    name: str | None
    op: int | None
    shape: tuple[int, ...]
    dtype: str
    device: str = "cpu"
    requires_grad: bool = False
    is_leaf: bool = True
    version: int = 0
    previous: int | None = None
    owner: int | None = None
    grad_node: int | None = None
    grad_output: int = 0
    site: Site | None = None
    note: str = ""
    also: tuple[str, ...] = ()
    class_name: str = ""
    set_by: Site | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an op: a value (tensors and drawn constants) or plain text.

    Attributes:
        name: Keyword, or empty for a positional argument.
        value: Id of the value, None for anything that is not a tensor.
        text: The user's expression (`x_1`) or, without one, a short literal (`2`).
    """

    name: str
    value: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Op:
    """One executed operator call.

    Attributes:
        id: Position in `Graph.ops`.
        name: Plain operator name without underscores: `mul`, `linear`, `sub_`.
        target: torch's qualified name: `torch.Tensor.mul`.
        kind: What it is to the reader.
        arguments: In the order of the user's expression where that is known.
        outputs: Ids of the values it made, mutated arguments (new versions) included.
        scope: Module path at call time: `encoder.layers.3.attn`, empty outside.
        site: The expression in the user's source.
        cut: Why no gradient flows from its outputs to its inputs although an input
            requires one (`no_grad`, `detach`, `int64 result`); empty when it does.
        grad_nodes: Ids of the autograd nodes that it made.
        note: For kind GAP: why it could not be seen.
    """

    id: int
    name: str
    target: str
    kind: OpKind
    arguments: tuple[Argument, ...]
    outputs: tuple[int, ...]
    scope: str = ""
    site: Site | None = None
    cut: str = ""
    grad_nodes: tuple[int, ...] = ()
    note: str = ""

    @property
    def inputs(self) -> tuple[int, ...]:
        """Ids of the argument values, in order, repeated when used twice."""
        return tuple(a.value for a in self.arguments if a.value is not None)


@dataclass(frozen=True, slots=True)
class GradEdge:
    """One entry of a node's `next_functions`.

    Attributes:
        target: The grad node it leads to, None where autograd has none.
        output: Which output of `target` it feeds.
        value: The value whose gradient it contributes to, None when unknown.
    """

    target: int | None
    output: int
    value: int | None


@dataclass(frozen=True, slots=True)
class GradNode:
    """One autograd node.

    Attributes:
        id: Position in `Graph.grad_nodes`.
        name: torch's name: `MulBackward0`, `AccumulateGrad`.
        op: The op whose forward made it, None for `AccumulateGrad` and older steps.
        outputs: Value id for each of the node's outputs (forward results), None where
            the result never reached Python.
        edges: Where it sends gradients, as `next_functions` says.
        leaf: For `AccumulateGrad`: id of the leaf value.
    """

    id: int
    name: str
    op: int | None
    outputs: tuple[int | None, ...]
    edges: tuple[GradEdge, ...]
    leaf: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One place for numbers in a step: what was observed, during which event."""

    event: int
    role: Role
    value: int | None = None
    grad_node: int | None = None
    position: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    label: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """The atom of time inside a step.

    Attributes:
        index: Position in `Graph.events`.
        kind: What happened.
        phase: Which of the five numbered steps it belongs to.
        pass_index: 0-based pass (one forward and the backwards run from it).
        op: For OP.
        grad_node: For GRAD, ACCUMULATE and CAPTURE, when known.
        values: Results for OP; the leaves concerned for ACCUMULATE, CAPTURE, ZERO and
            UPDATE.
        slots: First slot and one past the last.
        site: Where the user's code made it happen: for GRAD and ACCUMULATE the line
            that called `backward()`.
        label: The optimizer's class, or how gradients were zeroed (`to None`).
    """

    index: int
    kind: EventKind
    phase: Phase
    pass_index: int
    op: int | None = None
    grad_node: int | None = None
    values: tuple[int, ...] = ()
    slots: tuple[int, int] = (0, 0)
    site: Site | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """A module that was called: its path (empty for the root) and its class."""

    path: str
    class_name: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be observed, and why; never silence."""

    event: int | None
    reason: str


@dataclass(frozen=True)
class Graph:
    """The structure of one step; see the module docstring.

    `roots` are the values that `backward()` or `autograd.grad` was called on, in
    order, without repeats. `calls` are the modules that ran, in the order in which
    they began; recordings of older versions have none, and no `optimizers` either:
    what the optimizer of each UPDATE event holds, in the order of the events.
    """

    values: tuple[Value, ...] = ()
    ops: tuple[Op, ...] = ()
    grad_nodes: tuple[GradNode, ...] = ()
    events: tuple[Event, ...] = ()
    slots: tuple[Slot, ...] = ()
    scopes: tuple[Scope, ...] = ()
    roots: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()
    calls: tuple[ModuleCall, ...] = ()
    parameters: tuple[ModuleParameter, ...] = ()
    optimizers: tuple[OptimizerRun, ...] = ()

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """Value id -> ids of the ops that read it, in order, without repeats."""
        found: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for op in self.ops:
            for value in op.inputs:
                found[value][op.id] = None
        return {value: tuple(ops) for value, ops in found.items()}

    @cached_property
    def op_events(self) -> dict[int, int]:
        """Op id -> index of the event in which it ran."""
        return {e.op: e.index for e in self.events if e.op is not None}

    @cached_property
    def first_backward(self) -> int:
        """Index of the first event of a backward, -1 in a step without one."""
        kinds = (EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE)
        return next((e.index for e in self.events if e.kind in kinds), -1)

    @cached_property
    def grad_events(self) -> dict[int, tuple[int, ...]]:
        """Grad node id -> indices of the events in which it ran or received."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for event in self.events:
            if event.grad_node is not None:
                found[event.grad_node].append(event.index)
        return {node: tuple(events) for node, events in found.items()}

    @cached_property
    def value_slots(self) -> dict[int, tuple[int, ...]]:
        """Value id -> indices of all slots about it, in order of time."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for index, slot in enumerate(self.slots):
            if slot.value is not None:
                found[slot.value].append(index)
        return {value: tuple(slots) for value, slots in found.items()}

    @cached_property
    def names(self) -> dict[str, tuple[int, ...]]:
        """User's name -> ids of the values of that name (constants left out)."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for value in self.values:
            if value.name is not None and value.kind is not ValueKind.CONSTANT:
                for name in (value.name, *value.also):
                    found[name].append(value.id)
        return {name: tuple(ids) for name, ids in found.items()}
