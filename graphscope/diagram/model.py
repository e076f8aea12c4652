"""What every renderer draws: boxes, arrows and notes, in the user's words.

A `Diagram` is made from a `Trace` by `graphscope.diagram.build`. It knows nothing of
coordinates (`graphscope.diagram.layout`) or file formats (`graphscope.render`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """The two ways in which the lectures draw a graph."""

    OPERATIONS = "operations"  # an op is a box, values are text
    VARIABLES = "variables"  # a named value is a box, arrows carry local derivatives


class BoxKind(StrEnum):
    """Decides colour and marker of a box."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    INPUT = "input"
    CONSTANT = "constant"
    OPERATION = "operation"
    VALUE = "value"
    ROOT = "root"  # the value that backward started from
    UPDATE = "update"
    MODULE = "module"  # a collapsed scope
    READOUT = "readout"
    GAP = "gap"


class ArrowKind(StrEnum):
    """Decides colour and dashing of an arrow."""

    FLOW = "flow"  # data forward, gradient back
    DATA = "data"  # data forward; nothing upstream wants a gradient
    CUT = "cut"  # data forward, the gradient stops here; `reason` says why
    UPDATE = "update"  # gradient or hyper-parameter into an update


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a box or on an arrow.

    `event` is the index of the event that made it true: before it, a debugger dims
    the line. None is true from the start.
    """

    text: str
    event: int | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    Attributes:
        id: Stable and unique in the diagram: `op3`, `v12`, `scope:encoder.0`.
        kind: Decides colour and marker.
        title: First line: `+`, `z`, `encoder.0`.
        lines: What stands under the title: formula, value, gradient.
        scope: Module path that it is drawn in.
        values: Ids of the values it stands for, the most important first.
        ops: Ids of the ops it stands for.
        event: Index of the event that brings it into being, None for what was there
            before the step.
        backward_event: Index of the event in which its gradient arrives, if any.
        tooltip: More than fits: source site, type, autograd node.
        is_highlighted: Whether it is on the path of a gradient that was asked for.
    """

    id: str
    kind: BoxKind
    title: str
    lines: tuple[Line, ...] = ()
    scope: str = ""
    values: tuple[int, ...] = ()
    ops: tuple[int, ...] = ()
    event: int | None = None
    backward_event: int | None = None
    tooltip: str = ""
    is_highlighted: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow, in the direction of the data (forward).

    Attributes:
        source: Id of a box.
        target: Id of a box.
        kind: Decides colour and dashing.
        label: Gradient that flowed back along it, or the local derivative.
        reason: For CUT: why the gradient stops.
        value: Id of the value that flows along it.
        is_highlighted: Whether it is on the path of a gradient that was asked for.
    """

    source: str
    target: str
    kind: ArrowKind = ArrowKind.FLOW
    label: Line | None = None
    reason: str = ""
    value: int | None = None
    is_highlighted: bool = False


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture without coordinates. Arrows form no cycle.

    `notes` are sentences drawn on the picture, such as what was collapsed.
    """

    title: str
    style: Style
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[str, ...] = ()

    @property
    def has_highlight(self) -> bool:
        """Whether a path is marked, beside which the rest is drawn paler."""
        return any(box.is_highlighted for box in self.boxes)
