"""What a callback of the user's is told about one event while training runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace


class NoticeKind(StrEnum):
    """The events that can be listened to."""

    OP = "op"
    GRAD = "grad"
    ACCUMULATE = "accumulate"
    UPDATE = "update"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, frozen: it stays what it is when training goes on.

    Attributes:
        kind: What happened.
        step: Index of the step that it belongs to so far.
        name: The user's name of the value, leaf or optimizer; else the operator's or
            autograd node's.
        op: Operator or autograd node: `mul`, `MulBackward0`, `SGD`.
        scope: Module path.
        site: The user's line.
        seen: The numbers, by what they are: `value` for OP; `gradient` and one entry
            per input name for GRAD; `arrived`, `before` and `after` for ACCUMULATE;
            each parameter's new value for UPDATE.
        trace: The finished step, for STEP.
    """

    kind: NoticeKind
    step: int
    name: str
    op: str = ""
    scope: str = ""
    site: Site | None = None
    seen: Mapping[str, Observation | None] = field(default_factory=dict)
    trace: Trace | None = None
