"""Where the user is: step, event, selection, view. Moving returns a new position.

Nothing here knows Textual or looks at numbers; every rule of navigation is a plain
function that a test can call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from graphscope.diagram.model import Style
from graphscope.model.graph import Event, Phase

LAST: Final = 2**62
"""An event index past every end: `fit` turns it into the last event of the step."""


class View(StrEnum):
    """The two ways in which the graph pane shows a step."""

    RAIL = "rail"  # one row for each op, in the order of execution
    BOXES = "boxes"  # the picture that is exported


@dataclass(frozen=True, slots=True)
class Position:
    """Where the user is.

    Attributes:
        step: Index of the step, 0 when there are none.
        event: Index of the event that is happening; -1 when the step has none.
        selection: Index of the selected node of the step's outline, None for none.
        view: Which view of the graph is open.
        style: Which of the two picture styles is drawn.
        lecture: Whether the boxes are the formulas of the slides.
    """

    step: int = 0
    event: int = 0
    selection: int | None = None
    view: View = View.RAIL
    style: Style = Style.OPERATIONS
    lecture: bool = False


def fit(position: Position, events: int) -> Position:
    """Clamp the event into a step that has `events` of them."""
    return replace(position, event=min(max(position.event, 0), events - 1))


def move_event(position: Position, by: int, *, events: int, steps: int) -> Position:
    """Go `by` events on; over the end of a step into its neighbour, then stop."""
    wanted = position.event + by
    if wanted >= events and position.step + 1 < steps:
        return replace(position, step=position.step + 1, event=0)
    if wanted < 0 and position.step > 0:
        return replace(position, step=position.step - 1, event=LAST)
    return fit(replace(position, event=wanted), events)


def move_step(position: Position, by: int, *, steps: int) -> Position:
    """Go `by` steps on and stay at the same event, to compare it over the steps."""
    wanted = min(max(position.step + by, 0), max(steps - 1, 0))
    return replace(position, step=wanted)


def phase_starts(events: Sequence[Event], phase: Phase) -> list[int]:
    """Return the events at which a run of `phase` begins, one for each pass."""
    starts = []
    before: tuple[Phase, int] | None = None
    for event in events:
        here = (event.phase, event.pass_index)
        if event.phase is phase and here != before:
            starts.append(event.index)
        before = here
    return starts


def jump_to_phase(
    position: Position, events: Sequence[Event], phase: Phase
) -> Position | None:
    """Go to where `phase` begins next, after the last one to the first again.

    Returns None when the step has no such phase.
    """
    starts = phase_starts(events, phase)
    if not starts:
        return None
    later = [start for start in starts if start > position.event]
    return replace(position, event=(later or starts)[0])


def move_selection(position: Position, by: int, *, nodes: int) -> Position:
    """Select the node `by` rows further down, and stop at the ends."""
    if nodes == 0:
        return replace(position, selection=None)
    if position.selection is None:
        return replace(position, selection=0 if by > 0 else nodes - 1)
    wanted = min(max(position.selection + by, 0), nodes - 1)
    return replace(position, selection=wanted)


def toggle_pin(pinned: int | None, selection: int | None) -> int | None:
    """Return whose chain rule to pin: the selected node's, none the second time."""
    return None if selection == pinned else selection


def toggle_view(position: Position) -> Position:
    """Change between rail and boxes."""
    view = View.BOXES if position.view is View.RAIL else View.RAIL
    return replace(position, view=view)


def toggle_style(position: Position) -> Position:
    """Change between operations and variables."""
    is_ops = position.style is Style.OPERATIONS
    return replace(position, style=Style.VARIABLES if is_ops else Style.OPERATIONS)


def toggle_lecture(position: Position) -> Position:
    """Draw the boxes as a slide would, or every op again; the rail has no such view."""
    if position.view is View.RAIL:
        return replace(position, view=View.BOXES, lecture=True)
    return replace(position, lecture=not position.lecture)
