"""Where one step ends and the next begins: found from what the code does.

A step is passes up to and including the parameter update that ends them. After an
update more may follow in the same iteration (printing, metrics, `zero_grad()` at the
end of the loop body), or the next iteration may begin with events that build no graph
(slicing a batch, `zero_grad()` at the head of the loop). Which of the two it was is
only known when the next graph begins, so the boundary is set then, looking back: at
the first event since the update for which execution had moved *backward* in the frame
that both share, which is what a loop does; in straight code, at the first new tensor.
"""

from collections.abc import Sequence

from graphscope.capture.records import RawEvent
from graphscope.model.graph import EventKind, OpKind, Phase
from graphscope.model.site import Site

_BACKWARD = (EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE)


def has_looped(before: Site | None, after: Site | None) -> bool:
    """Whether `after` lies earlier in a frame shared with `before`, or is the same.

    The stacks are compared from the outermost frame inwards; the first frame in which
    they are at different lines decides.
    """
    if before is None or after is None:
        return False
    first, second = _positions(before), _positions(after)
    for (frame, line), (other, other_line) in zip(first, second, strict=False):
        if frame != other:
            return False
        if line != other_line:
            return other_line < line
    # Statements on one line, joined by semicolons, are told apart by their columns.
    is_further = after.column > before.column >= 0
    return len(first) == len(second) and not is_further


def _positions(site: Site) -> list[tuple[tuple[str, str], int]]:
    outer = [((f.file, f.function), f.line) for f in reversed(site.stack)]
    return [*outer, ((site.file, site.function), site.line)]


def is_update(event: RawEvent) -> bool:
    """Whether the event changes parameters."""
    if event.kind is EventKind.UPDATE:
        return True
    return event.op is not None and event.op.kind is OpKind.UPDATE


class StepTracker:
    """Follows the events of the current step and says where to cut.

    With `automatic` off (inside `gs.step()`) it never cuts and only counts passes.
    """

    def __init__(self) -> None:
        self.automatic = True
        self.restart()

    def restart(self) -> None:
        """Forget everything: a new step begins."""
        self.has_update = False
        self.pass_index = 0
        self.had_backward = False
        self._ran_backward = False
        self._pivot: Site | None = None
        self._looped_at: int | None = None
        self._created_at: int | None = None

    def cut_before(self, event: RawEvent, count: int) -> int | None:
        """Return the index at which a new step begins, or None.

        Args:
            event: The event about to be appended.
            count: How many events the current step has.
        """
        if not (self.automatic and self.has_update and event.extends_graph):
            return None
        return self._boundary(count)

    def first_again(self, events: Sequence[RawEvent]) -> RawEvent | None:
        """Return the first of a step's events, if the next step can begin with it now.

        Not where the next step has begun already, with events that the first step did
        not begin with: then the recording began in the middle of an iteration.
        """
        if not events or not self.automatic:
            return None
        first, count = events[0], len(events)
        return first if self.cut_before(first, count) in {None, count} else None

    def _boundary(self, count: int) -> int:
        if self._looped_at is not None:
            return self._looped_at
        return count if self._created_at is None else self._created_at

    def pass_start(self, event: RawEvent, count: int) -> int | None:
        """Return the index at which a new pass begins, or None; call after no cut."""
        if not (self.had_backward and event.extends_graph):
            return None
        start = self._boundary(count)
        self.pass_index += 1
        self.had_backward = False
        self._turn_at(None)
        return start

    def note(self, event: RawEvent, index: int) -> None:
        """Follow `event`, which was appended at `index`."""
        if self._ends_step(event):
            self.has_update = True
            self._turn_at(event.site)
        elif event.kind in _BACKWARD:
            self.had_backward = self._ran_backward = True
            if not self.has_update:
                self._turn_at(event.site)
        elif self._pivot is not None and event.phase is not Phase.BACKWARD:
            if self._looped_at is None and has_looped(self._pivot, event.site):
                self._looped_at = index
            is_new = event.op is not None and event.op.kind is OpKind.CREATE
            if self._created_at is None and is_new:
                self._created_at = index

    def _ends_step(self, event: RawEvent) -> bool:
        """Whether an event is the update that a step ends with.

        Writing into a parameter by hand before any backward ran sets it up:
        `with torch.no_grad(): layer.weight.fill_(0.1)`.
        """
        return is_update(event) and (
            self._ran_backward or event.kind is EventKind.UPDATE
        )

    def _turn_at(self, site: Site | None) -> None:
        """Look for the next boundary from here on."""
        self._pivot = site
        self._looped_at = self._created_at = None
