"""The op that did not come to its end: why, and what it was given.

A call that raised the exception which ended the run is the last op of its recording.
"""

from typing import Final

from graphscope.model.graph import Argument, Op, OpKind
from graphscope.model.numbers import format_type
from graphscope.tui.lines import Piece, ScreenLine, Tone, line, message_picture, pad
from graphscope.tui.moment import VALUES, Moment
from graphscope.tui.words import reading_text

_NAME: Final = 14
_TYPE: Final = 14
_UNSEEN: Final = "It could not be seen."


def call_of(op: Op) -> str:
    """Return the call in the user's words, else its name."""
    text = op.site.expression if op.site and op.site.expression else op.name
    return " ".join(text.split())


def list_arguments(moment: Moment, op: Op, width: int) -> list[ScreenLine]:
    """Write why `op` has no result, and each of its arguments by name."""
    if op.kind is not OpKind.GAP:
        return []
    found = list(message_picture(op.note or _UNSEEN, width, Tone.ERROR).lines)
    if op.arguments:
        found.append(line(Piece("it was given", Tone.MUTED)))
    for position, argument in enumerate(op.arguments):
        found += _argument(moment, argument, position)
    return found


def _argument(moment: Moment, argument: Argument, position: int) -> list[ScreenLine]:
    name = argument.name or f"{position + 1}."
    if argument.value is None:
        return [_row(name, Piece(argument.text))]
    value = moment.graph.values[argument.value]
    title = moment.trace.title_of(value.id)
    reading = moment.latest(value.id, *VALUES)
    amount = "not recorded" if reading is None else reading_text(reading)
    kind = format_type(value.dtype, value.shape)
    shown = f"{argument.name}={title}" if argument.name else title
    size = Piece(f"{pad(kind, max(_TYPE, len(kind)))} ", Tone.MUTED)
    return [_row(shown, size, Piece(amount, Tone.VALUE))]


def _row(name: str, *pieces: Piece) -> ScreenLine:
    width = max(_NAME, len(name))
    return line(Piece(f"  {pad(name, width)} ", Tone.PARAMETER), *pieces)
