"""The header and the timeline: which step, which event, which phase, which loss."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rich.cells import cell_len

from graphscope.analysis.phases import PhaseRun
from graphscope.diagram.labels import root_name
from graphscope.model.graph import Phase
from graphscope.model.numbers import format_number
from graphscope.model.trace import Status, Trace
from graphscope.tui.feed import Series
from graphscope.tui.lines import Piece, ScreenLine, Tone, clean, line, pad
from graphscope.tui.moment import Moment
from graphscope.tui.sparkline import draw_sparkline
from graphscope.tui.words import PHASE_NAMES, event_text

_PRODUCT: Final = "graphscope"
_MIN_CURVE: Final = 4
_MAX_CURVE: Final = 32
_GAPS: Final = 7
_LOSS: Final = "loss"
_LOSS_LETTER: Final = "L"
_MAX_ROOT: Final = 8


def draw_timeline(runs: Sequence[PhaseRun], event: int, width: int) -> ScreenLine:
    """Draw the phases in order, each with a bar in proportion to its events."""
    if not runs:
        return line(Piece(" this step has no events", Tone.MUTED))
    total = runs[-1].stop
    names = [f"{PHASE_NAMES[run.phase]} " for run in runs]
    room = width - 2 - sum(map(len, names)) - len(runs)
    if room < 2 * len(runs):
        names = [f"{run.phase.value} " for run in runs]
        room = width - 2 - sum(map(len, names)) - len(runs)
    if room < len(runs):
        return _draw_plain(total, event, width)
    sizes = _share_out(room, [run.stop - run.start for run in runs])
    pieces: list[Piece] = [Piece(" ")]
    for run, name, size in zip(runs, names, sizes, strict=True):
        is_here = run.start <= event < run.stop
        tone = (
            Tone.MARK if is_here else Tone.FUTURE if event < run.start else Tone.MUTED
        )
        pieces.append(Piece(name, tone))
        pieces += [*_bar(run, event, size), Piece(" ")]
    return line(*pieces)


def _share_out(room: int, weights: Sequence[int]) -> list[int]:
    """Divide `room` cells in proportion, at least one each, none left over."""
    total = sum(weights)
    spare = room - len(weights)
    bounds = [0]
    for weight in weights:
        bounds.append(bounds[-1] + weight)
    ends = [spare * bound // total for bound in bounds]
    return [1 + b - a for a, b in pairwise(ends)]


def _bar(run: PhaseRun, event: int, size: int) -> list[Piece]:
    if event >= run.stop:
        return [Piece("━" * size, Tone.MUTED)]
    if event < run.start:
        return [Piece("╌" * size, Tone.FUTURE)]
    steps = max(run.stop - run.start - 1, 1)
    at = (event - run.start) * (size - 1) // steps
    return [
        Piece("━" * at, Tone.MUTED),
        Piece("●", Tone.MARK),
        Piece("╌" * (size - at - 1), Tone.FUTURE),
    ]


def _draw_plain(total: int, event: int, width: int) -> ScreenLine:
    run = PhaseRun(Phase.FORWARD, 0, total)
    return line(" ", *_bar(run, event, max(width - 2, 1)))


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the header says besides the moment itself.

    `step` and the index of `losses` are positions; `numbers` says which steps those
    are, where that is not the same.
    """

    title: str
    step: int
    steps: int
    losses: Series
    numbers: Sequence[int] = ()


def draw_header(facts: HeaderFacts, moment: Moment | None, width: int) -> ScreenLine:
    """Write title, position and loss curve on one line, dropping what does not fit."""
    where, loss = _where(facts, moment), _loss_text(facts, moment)
    title = f"{_PRODUCT} · {facts.title}" if facts.title else _PRODUCT
    fixed = len(where) + len(loss) + _GAPS
    room = max(width - fixed, 0)
    if line(title).width + _MIN_CURVE >= room:
        title = facts.title
    title_width = min(line(title).width, max(room - _MIN_CURVE - 1, 0))
    curve_width = min(room - title_width - 1, _MAX_CURVE, len(facts.losses))
    curve = draw_sparkline(facts.losses, curve_width) if len(facts.losses) > 1 else ""
    left = line(" ", Piece(pad(title, title_width).rstrip(), Tone.TITLE))
    right = line(loss, Piece(f" {curve}" if curve else "", Tone.GRADIENT), " ")
    gap = width - left.width - len(where) - right.width
    before = max(gap // 2, 1)
    middle = " " * before + where + " " * max(gap - before, 1)
    return line(*left.pieces, middle, *right.pieces)


def _where(facts: HeaderFacts, moment: Moment | None) -> str:
    if facts.steps == 0:
        return "no steps"
    numbers = facts.numbers or range(facts.steps)
    parts = [f"step {numbers[facts.step]}/{numbers[-1]}"]
    if moment is not None:
        more = "…" if moment.trace.status is Status.OPEN else ""
        parts.append(f"event {moment.event + 1}/{len(moment.graph.events)}{more}")
        event = moment.current
        if event is not None:
            if event.pass_index:  # gradients that accumulate: which batch
                parts.insert(1, f"pass {event.pass_index + 1}")
            parts.append(PHASE_NAMES[event.phase])
    return " · ".join(parts)


def _loss_text(facts: HeaderFacts, moment: Moment | None) -> str:
    losses = facts.losses
    loss = losses[facts.step] if facts.step < len(losses) else None
    if loss is None:
        return ""
    name = _LOSS if moment is None else _root_word(moment.trace)
    return f"{name} {format_number(loss)}"


def _root_word(trace: Trace) -> str:
    """Return the short name of the number that the loss curve follows."""
    for root in reversed(trace.graph.roots):
        seen = trace.value_of(root)
        if seen is not None and isinstance(seen.scalar, int | float):
            is_loss = root_name(trace, (root,)) == _LOSS_LETTER
            name = _LOSS if is_loss else clean(root_name(trace, (root,)))
            return name if cell_len(name) <= _MAX_ROOT else _LOSS
    return _LOSS


def draw_event(moment: Moment, width: int, *, is_before: bool = False) -> ScreenLine:
    """Say what the current event is; `is_before` when it has not happened yet."""
    event = moment.current
    if event is None:
        return line()
    text = event_text(moment.trace, event.index, is_before=is_before)
    where = f"  {event.site.short}" if event.site else ""
    room = max(width - line(where).width - 4, 8)
    shown = pad(text, min(room, line(text).width))
    return line("▶ ", shown, where)
