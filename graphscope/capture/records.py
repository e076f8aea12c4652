"""What is written down while a step runs: small mutable records, frozen later.

They refer to each other directly and carry no ids; `freeze` numbers them when the step
is over, because only then is it known which events belong to it. They hold numbers,
never a tensor or an autograd node of the user's.
"""

from dataclasses import dataclass, field

from graphscope.model.graph import EventKind, OpKind, Phase, Role, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.site import Site


@dataclass(slots=True, eq=False)
class RawNode:
    """An autograd node; `serial` is the number stored in the node's metadata."""

    serial: int
    name: str
    op: "RawOp | None" = None
    outputs: "dict[int, RawValue]" = field(default_factory=dict)
    edges: "list[tuple[RawNode | None, int, RawValue | None]]" = field(
        default_factory=list
    )
    leaf: "RawValue | None" = None
    can_call: bool = False


@dataclass(slots=True, eq=False)
class RawValue:
    """One version of a tensor. `op` and `previous` may lie in an older step."""

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
    seen: Observation | None = None
    step: int = 0


@dataclass(slots=True, eq=False)
class RawOp:
    """One operator call."""

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


@dataclass(slots=True, eq=False)
class RawSlot:
    """One observation."""

    role: Role
    seen: Observation | None
    value: RawValue | None = None
    node: RawNode | None = None
    position: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    label: str = ""


@dataclass(slots=True, eq=False)
class RawEvent:
    """One event. `phase` is set when it is known at once, else at the freeze."""

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
