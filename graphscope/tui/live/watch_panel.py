"""The watched expressions: what each comes to where the user looks, and over the steps.

Knows no widgets. Worked-out numbers of finished steps are remembered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final

from graphscope.debugger.expressions import Expression, check_names
from graphscope.debugger.recorded import RecordedArrival
from graphscope.debugger.watches import WatchList, watch_series
from graphscope.errors import DebuggerError, GraphscopeError
from graphscope.model.numbers import format_number
from graphscope.model.trace import Status, Trace
from graphscope.tui.feed import Feed, Series
from graphscope.tui.lines import Band, ListPicture, Piece, ScreenLine, Tone, line, pad
from graphscope.tui.sparkline import draw_sparkline

WATCHED_STEPS: Final = 200
_NUMBER: Final = 12
_MIN_TEXT: Final = 16
_MAX_TEXT: Final = 44
_GAPS: Final = 5


@dataclass(frozen=True, slots=True)
class WatchKey:
    """What the numbers over the steps depend on.

    Attributes:
        texts: The expressions.
        session: Identifies whose steps they are.
        changes: How often that recording has changed.
        place: Step and event that is looked at, where an expression asks for that.
    """

    texts: tuple[str, ...]
    session: int
    changes: int
    place: tuple[int, int]


@dataclass(slots=True)
class WatchPanel:
    """The expressions, and the curves that were worked out last.

    Threads: `work_out` may be called from a worker; all else on the user's thread.
    """

    watches: WatchList = field(default_factory=WatchList)
    _curves: dict[str, Series] = field(default_factory=dict)
    _key: WatchKey | None = None
    _known: dict[tuple[int, str, int], float | None] = field(default_factory=dict)

    def put(self, key: WatchKey, curves: Sequence[Series]) -> None:
        """Keep what was worked out."""
        self._key = key
        self._curves = dict(zip(key.texts, curves, strict=True))

    def is_current(self, key: WatchKey) -> bool:
        """Whether the curves are those of `key`."""
        return self._key == key or not key.texts

    def work_out(
        self,
        feed: Feed,
        at: RecordedArrival | None,
        is_wanted: Callable[[], bool],
    ) -> list[Series]:
        """Return what each expression comes to in the last steps.

        A step is read once for all of them, and not when every number is known.
        """
        expressions = self.watches.expressions
        found: list[list[float | None]] = [[] for _ in expressions]
        for step in range(max(feed.steps - WATCHED_STEPS, 0), feed.steps):
            if not is_wanted():
                break
            read = cache(partial(feed.read, step))
            for expression, series in zip(expressions, found, strict=True):
                series.append(self._number(feed, expression, at, (step, read)))
        return list(found)

    def _number(
        self,
        feed: Feed,
        expression: Expression,
        at: RecordedArrival | None,
        place: tuple[int, Callable[[], Trace]],
    ) -> float | None:
        step, read = place
        numbers = feed.numbers
        number = numbers[step] if step < len(numbers) else step
        key = id(feed), expression.text, number
        if key in self._known and not expression.is_of_event:
            return self._known[key]
        try:
            trace = read()
            (found,) = watch_series(expression, [trace], at=at)
        except GraphscopeError:
            return None
        if trace.status is not Status.OPEN:
            self._known[key] = found
        return found

    def picture(
        self, at: RecordedArrival | None, cursor: int | None, width: int
    ) -> ListPicture:
        """Write one line for each expression."""
        expressions = self.watches.expressions
        longest = max((line(e.text).width for e in expressions), default=0)
        room = min(max(longest, _MIN_TEXT), _MAX_TEXT, max(width // 2, _MIN_TEXT))
        rows = [
            self._row(expression, at, (room, width), is_chosen=position == cursor)
            for position, expression in enumerate(expressions)
        ]
        if not rows:
            hint = " Nothing is watched: a adds an expression, such as w.grad.l2"
            rows = [line(Piece(hint, Tone.MUTED))]
        return ListPicture(rows)

    def _row(
        self,
        expression: Expression,
        at: RecordedArrival | None,
        sizes: tuple[int, int],
        *,
        is_chosen: bool,
    ) -> ScreenLine:
        room, width = sizes
        amount, tone = value_text(expression, at)
        curve = self._curves.get(expression.text, ())
        if len(curve) > 1 and not any(number is not None for number in curve):
            amount, tone = _why_nothing(expression, at) or (amount, tone)
        space = max(width - room - _NUMBER - _GAPS, 0)
        drawn = draw_sparkline(curve, min(space, len(curve)))
        number = pad(amount, _NUMBER) if tone is Tone.VALUE else amount
        return line(
            " ",
            Piece(pad(expression.text, room), Tone.PARAMETER),
            "  ",
            Piece(number, tone),
            Piece(f" {drawn}" if tone is Tone.VALUE else "", Tone.GRADIENT),
            band=Band.SELECTED if is_chosen else Band.NONE,
        )


def _why_nothing(
    expression: Expression, at: RecordedArrival | None
) -> tuple[str, Tone] | None:
    """Say which name no step has, of an expression that has never come to anything."""
    try:
        check_names(expression, at.trace.graph.names if at is not None else ())
    except DebuggerError as error:
        return str(error).splitlines()[0], Tone.ERROR
    return None


def value_text(expression: Expression, at: RecordedArrival | None) -> tuple[str, Tone]:
    """Write what an expression comes to at an event, or why it comes to nothing."""
    if at is None:
        return "–", Tone.MUTED
    try:
        found = expression.evaluate(at)
    except DebuggerError as error:
        return str(error).splitlines()[0], Tone.ERROR
    except GraphscopeError as error:
        return str(error), Tone.MUTED
    if found is None:
        return "–", Tone.MUTED
    if isinstance(found, bool):
        return str(found), Tone.VALUE
    return format_number(found), Tone.VALUE
