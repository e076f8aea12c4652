"""What is written down while a step runs: small mutable records, frozen later.

They refer to each other directly and carry no ids; `freeze` numbers them when the step
is over, because only then is it known which events belong to it. They hold numbers,
never a tensor or an autograd node of the user's. A step that does what the last one
did uses its records again (`graphscope.capture.replay`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any

from graphscope.model.calls import ModuleParameter, TensorType
from graphscope.model.graph import EventKind, OpKind, Phase, Role, ValueKind
from graphscope.model.site import Site

if TYPE_CHECKING:
    import weakref

    import torch

    from graphscope.capture.recipes import Recipe


Sent = tuple[int, int, int, int, int]
"""A gradient on its way along an edge: how many of them went to the same place, and of
the last one the reading, the address, the version and the backward that it is of."""


@dataclass(slots=True, eq=False)
class RawNode:
    """An autograd node.

    Attributes:
        serial: The number stored in the metadata of this step's node.
        wants_before: Whether it is also hooked before it runs.
        can_call: Whether it may be asked for its local derivatives.
        inbox: Output -> how many gradients were sent to it in the backward that runs,
            and what is known of the last one.
    """

    serial: int
    name: str
    op: "RawOp | None" = None
    outputs: "dict[int, RawValue]" = field(default_factory=dict)
    edges: "list[tuple[RawNode | None, int, RawValue | None]]" = field(
        default_factory=list
    )
    leaf: "RawValue | None" = None
    can_call: bool = False
    wants_before: bool = False
    inbox: dict[int, Sent] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class RawValue:
    """One version of a tensor. `op` and `previous` may lie in an older step.

    Attributes:
        seen: What was read of it in the step `step`; None when nothing was.
        kind_of_number: torch's dtype.
        place: torch's device.
        known: How its tensor is recognised.
        successor: What an optimizer's step made of it.
        gradient: Its `.grad`, as the user's code read it.
        has_hook: Whether the user hooked the tensor: its gradient may be changed.
        also: Its other names.
        class_name: Of a tensor subclass.
        set_by: The user's line that made it require a gradient, or not.
    """

    kind: ValueKind
    shape: tuple[int, ...]
    dtype: str
    device: str = "cpu"
    name: str | None = None
    op: "RawOp | None" = None
    requires_grad: bool = False
    is_leaf: bool = True
    previous: "RawValue | None" = None
    owner: "RawValue | None" = None
    alias_of: "RawValue | None" = None
    node: RawNode | None = None
    output: int = 0
    site: Site | None = None
    seen: int | None = None
    step: int = 0
    kind_of_number: Any = None
    place: Any = None
    known: "Known | None" = None
    successor: "RawValue | None" = None
    gradient: "RawValue | None" = None
    has_hook: bool = False
    also: tuple[str, ...] = ()
    class_name: str = ""
    set_by: Site | None = None


@dataclass(slots=True, eq=False)
class Known:
    """A tensor that was seen: its current value and how to recognise it.

    Attributes:
        reference: Weak; None for parameters, whose `hook` marks them.
        hook_id: Number of `hook` among the tensor's post-accumulate hooks.
        is_exposed: Whether its memory, or that of its gradient, may be written without
            a new version: somebody has `.data`, an array or the address of it.
        read_at: Version and step of an optimizer's update that read it.
        mark: A few of its numbers as they were then.
        gradient: Address, version, step and reading of its `.grad` as it was last seen.
    """

    value: RawValue
    version: int | None
    reference: "weakref.ref[torch.Tensor] | None"
    address: int = 0
    hook: object = None
    hook_id: int = -1
    handles: tuple[Any, ...] = ()
    is_exposed: bool = False
    read_at: tuple[int | None, int] = (None, -1)
    mark: bytes = b""
    gradient: tuple[int, int, int, int] = (0, 0, -1, 0)


@dataclass(slots=True, eq=False)
class RawCall:
    """One run of a module's forward.

    `number` says when it began among all of them, `training` in which mode it was.
    """

    path: str
    class_name: str
    number: int = -1
    parent: "RawCall | None" = None
    inputs: tuple[TensorType, ...] = ()
    outputs: tuple[TensorType, ...] = ()
    parameters: tuple[ModuleParameter, ...] = ()
    training: bool | None = None

    def lineage(self) -> "Iterator[RawCall]":
        """Yield the call, the one that it was made in, and so on outwards."""
        found: RawCall | None = self
        while found is not None:
            yield found
            found = found.parent


@dataclass(slots=True, eq=False)
class RawOp:
    """One operator call; with a recipe the next step may use the record again.

    `call` is the call of a module that it ran in.
    """

    name: str
    target: str
    kind: OpKind
    scope: str
    arguments: list[tuple[str, RawValue | None, str]] = field(default_factory=list)
    outputs: list[RawValue] = field(default_factory=list)
    site: Site | None = None
    statement: tuple[object, ...] = ()
    cut: str = ""
    nodes: list[RawNode] = field(default_factory=list)
    note: str = ""
    recipe: "Recipe | None" = None
    call: RawCall | None = None


@dataclass(slots=True, eq=False)
class RawSlot:
    """One observation; `seen` is a reading of the step."""

    role: Role
    seen: int
    value: RawValue | None = None
    node: RawNode | None = None
    position: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    label: str = ""
    kind_of_number: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class RawHeld:
    """A parameter that an optimizer holds; `value` is None for an unused one."""

    name: str
    value: RawValue | None
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    times: int


@dataclass(slots=True, eq=False)
class RawEvent:
    """One event. `phase` is set when it is known at once, else at the freeze.

    `idle` are calls of modules without an op, since the event before; `trailing` those
    after it, when it is the last event of an outermost module. An event that `parts`
    from a step that was repeated so far knows better what came before it. `held` is
    what the optimizer of an update holds, and `marks` tell that it still is; `made_by`
    is the line that made that optimizer.
    """

    kind: EventKind
    op: RawOp | None = None
    node: RawNode | None = None
    values: list[RawValue] = field(default_factory=list)
    slots: list[RawSlot] = field(default_factory=list)
    site: Site | None = None
    label: str = ""
    phase: Phase | None = None
    pass_index: int = 0
    extends_graph: bool = False
    chain: tuple[tuple[CodeType, int], ...] = ()
    idle: tuple[RawCall, ...] | None = None
    trailing: tuple[RawCall, ...] = ()
    parts: bool = False
    held: tuple[RawHeld, ...] = ()
    marks: list[tuple[int, bool]] | None = None
    made_by: Site | None = None


def calls_of(events: Sequence[RawEvent]) -> Iterator[RawCall]:
    """Yield the innermost calls that events tell of."""
    knows_better = False
    for event in reversed(events):
        if not knows_better:
            yield from event.trailing
        if event.op is not None and event.op.call is not None:
            yield event.op.call
        yield from event.idle or ()
        knows_better = event.parts


def records_of(events: Iterable[RawEvent]) -> set[object]:
    """Return the records that the running step has taken over from the last one."""
    found: set[object] = set()
    for event in events:
        found.update(values_of(event))
        if event.op is not None:
            found.add(event.op)
            found.update(event.op.nodes)
        if event.node is not None:
            found.add(event.node)
        found.update(slot.value for slot in event.slots if slot.value is not None)
    return found


def values_of(event: RawEvent) -> Iterable[RawValue]:
    """Return the values that an event is about."""
    found = list(event.values)
    if event.op is not None:
        found += [v for _, v, _ in event.op.arguments if v is not None]
        found += event.op.outputs
    return found
