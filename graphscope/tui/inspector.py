"""The inspector: everything that is known of one node, as lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.model.finding import Finding
from graphscope.model.graph import EventKind, Gap, Op, OpKind, Role, Value
from graphscope.model.numbers import format_array, format_number, format_type
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Status
from graphscope.tui.feed import Series
from graphscope.tui.finding_text import (
    explain_findings,
    findings_of_node,
    list_remedies,
)
from graphscope.tui.lines import (
    ListPicture,
    Piece,
    ScreenLine,
    Tone,
    line,
    message_picture,
    pad,
    spread,
)
from graphscope.tui.moment import ARRIVALS, Moment, Reading
from graphscope.tui.outline import Node, site_of
from graphscope.tui.raised import call_of, list_arguments
from graphscope.tui.sparkline import draw_sparkline
from graphscope.tui.words import (
    describe,
    edges_of,
    gradient_name,
    locals_of,
    name_of_node,
    reading_text,
    title_of_node,
    value_reading,
)

_LABEL: Final = 10
_GRID_ELEMENTS: Final = 256
_SHORT: Final = 4
_LISTED_GAPS: Final = 20


@dataclass(frozen=True, slots=True)
class History:
    """Numbers of a node over the steps; None while they are being read."""

    value: Series | None = None
    gradient: Series | None = None


def inspect_node(
    moment: Moment,
    node: Node,
    *,
    width: int,
    history: History | None = None,
    findings: Sequence[Finding] = (),
) -> ListPicture:
    """Write what is known of `node` at this moment, and which `findings` it is in."""
    mine = findings_of_node(findings, node)
    lines = [
        *_head(moment, node, width),
        *list_remedies(mine, width),
        *_values(moment, node, width),
        *_gradients(moment, node),
        *_stored_gradients(moment, node),
        *_updates(moment, node),
        *_flow("local", [(f"{n} =", r) for n, r in locals_of(moment, node)], width),
        *_flow("edges", [(f"→ {n} ", r) for n, r in edges_of(moment, node)], width),
        *_history(history or History(), width),
        *_notes(moment, node),
        *explain_findings(mine, width),
        *_numbers(moment, node, width),
        *list_gaps(moment.graph.gaps, width),
    ]
    return ListPicture(lines)


def _row(label: str, *pieces: Piece) -> ScreenLine:
    return line(Piece(f"{pad(label, _LABEL)} ", Tone.MUTED), *pieces)


def _head(moment: Moment, node: Node, width: int) -> Sequence[ScreenLine]:
    trace = moment.trace
    name, text = name_of_node(trace, node), describe(trace, node)
    op = None if node.op is None else trace.graph.ops[node.op]
    if op is not None and op.kind is OpKind.GAP:
        text = call_of(op)
    formula = f"{name} = {text}" if name and node.op is not None else text or name
    details: list[str] = []
    if node.value is not None:
        value = trace.graph.values[node.value]
        site = site_of(trace.graph, node.value)
        details = [site.short] if site else []
        details.append(format_type(value.dtype, value.shape))
        details += [value.class_name] if value.class_name else []
        details += [value.device] if value.device != "cpu" else []
        details += [f"also {name}" for name in value.also]
    right = [Piece("  ".join(details), Tone.MUTED)]
    return spread([Piece(formula, Tone.TITLE)], right, width)


def _values(moment: Moment, node: Node, width: int) -> list[ScreenLine]:
    reading = value_reading(moment, node)
    if node.value is None:
        op = None if node.op is None else moment.graph.ops[node.op]
        if op is not None and op.kind is OpKind.GAP:
            return list_arguments(moment, op, width)
        if reading is not None:
            return [_row("read", _amount(reading, Tone.VALUE), *_when(reading))]
        return [_row("value", Piece("none: the op has no tensor as its result"))]
    if reading is None:
        return [_row("value", Piece("not recorded", Tone.MUTED))]
    found = [_row("value", _amount(reading, Tone.VALUE), *_when(reading))]
    for other in node.values[1:]:
        more = moment.latest(other, Role.VALUE)
        if more is not None:
            title = Piece(f"  {moment.trace.title_of(other)}", Tone.MUTED)
            found.append(_row("", _amount(more, Tone.VALUE), title))
    return found


def _amount(reading: Reading, tone: Tone) -> Piece:
    if not reading.is_known:
        return Piece(reading_text(reading), Tone.FUTURE)
    if reading.seen is None:
        return Piece("None", Tone.MUTED)
    return Piece(reading_text(reading), tone)


def _when(reading: Reading) -> list[Piece]:
    if reading.is_known:
        return []
    return [Piece(f"  at event {reading.slot.event + 1}", Tone.FUTURE)]


def _gradients(moment: Moment, node: Node) -> list[ScreenLine]:
    if node.value is None:
        return []
    value = moment.graph.values[node.value]
    readings = moment.readings(value.id, *ARRIVALS)
    if not readings:
        return [_row("gradient", Piece(_why_no_gradient(moment, value), Tone.MUTED))]
    name = gradient_name(moment.trace, value.id)
    passes = len({moment.graph.events[r.slot.event].pass_index for r in readings})
    found: list[ScreenLine] = []
    for reading in readings:
        what = name
        if passes > 1:
            index = moment.graph.events[reading.slot.event].pass_index
            what = f"{name}  pass {index + 1}"
        if reading.slot.label:
            what += f"  ({reading.slot.label})"
        label = "gradient" if not found else ""
        tone = Tone.MUTED if reading.is_known else Tone.FUTURE
        amount = _amount(reading, Tone.GRADIENT)
        found.append(_row(label, amount, Piece(f"   {what}", tone), *_when(reading)))
    return found


def _why_no_gradient(moment: Moment, value: Value) -> str:
    if not value.requires_grad:
        return "none: it requires no gradient"
    if moment.trace.status is Status.OPEN:  # it may still come
        return "none yet in this step"
    kinds = {event.kind for event in moment.graph.events}
    if EventKind.GRAD in kinds or EventKind.ACCUMULATE in kinds:
        return "none arrived in this step"
    return "none: backward did not run in this step"


def _stored_gradients(moment: Moment, node: Node) -> list[ScreenLine]:
    """Write `.grad` before and after each event that touched it."""
    if node.value is None:
        return []
    before = moment.readings(node.value, Role.BEFORE)
    after = {r.slot.event: r for r in moment.readings(node.value, Role.AFTER)}
    found: list[ScreenLine] = []
    for reading in before:
        event = moment.graph.events[reading.slot.event]
        verb = "zeroed" if event.kind is EventKind.ZERO else event.kind.value
        tone = Tone.MUTED if reading.is_known else Tone.FUTURE
        pieces = [_amount(reading, Tone.GRADIENT)]
        if event.index in after:
            pieces += [Piece(" → ", tone), _amount(after[event.index], Tone.GRADIENT)]
        verb = f"{verb} ({event.label})" if event.label == "hook" else verb
        label = ".grad" if not found else ""
        found.append(_row(label, *pieces, Piece(f"   {verb}", tone), *_when(reading)))
    for reading in moment.readings(node.value, Role.USED):
        by = moment.graph.events[reading.slot.event].label or "update"
        tone = Tone.MUTED if reading.is_known else Tone.FUTURE
        amount = _amount(reading, Tone.GRADIENT)
        label = ".grad" if not found else ""
        found.append(
            _row(label, amount, Piece(f"   used by {by}", tone), *_when(reading))
        )
    return found


def _updates(moment: Moment, node: Node) -> list[ScreenLine]:
    if node.value is None:
        return []
    found: list[ScreenLine] = []
    first = moment.readings(node.value, Role.VALUE)
    for reading in moment.readings(node.value, Role.UPDATED):
        event = moment.graph.events[reading.slot.event]
        settings = [
            f"{r.slot.label} {reading_text(r)}"
            for r in moment.readings_of_event(event.index)
            if r.slot.role is Role.HYPER
        ]
        tone = Tone.MUTED if reading.is_known else Tone.FUTURE
        pieces = [_amount(first[0], Tone.VALUE), Piece(" → ", tone)] if first else []
        by = "  ".join([event.label or "update", *settings])
        pieces += [_amount(reading, Tone.VALUE), Piece(f"   {by}", tone)]
        found.append(_row("update", *pieces, *_when(reading)))
    return found


def _flow(
    label: str, named: Sequence[tuple[str, Reading]], width: int
) -> list[ScreenLine]:
    """Write `name number` pairs, as many on a line as fit."""
    rows: list[list[Piece]] = []
    used = 0
    for name, reading in named:
        tone = Tone.LOCAL if label == "local" else Tone.GRADIENT
        known = Tone.PLAIN if reading.is_known else Tone.FUTURE
        pair = [Piece(f"{name} ".replace("  ", " "), known), _amount(reading, tone)]
        size = line(*pair).width + 3
        if not rows or used + size > width - _LABEL - 1:
            rows.append([])
            used = 0
        rows[-1] += [*pair, Piece("   ")]
        used += size
    return [_row(label if i == 0 else "", *pieces) for i, pieces in enumerate(rows)]


def _history(history: History, width: int) -> list[ScreenLine]:
    named = (("value", history.value), ("gradient", history.gradient))
    curves = [
        (name, numbers)
        for name, numbers in named
        if numbers and sum(number is not None for number in numbers) > 1
    ]
    if not curves:
        return []
    room = (width - _LABEL - 1) // len(curves) - 11
    pieces: list[Piece] = []
    for name, numbers in curves:
        tone = Tone.VALUE if name == "value" else Tone.GRADIENT
        pieces.append(Piece(f"{name} ", Tone.MUTED))
        pieces.append(Piece(f"{draw_sparkline(numbers, max(room, 4))}  ", tone))
    return [_row("steps", *pieces)]


def _notes(moment: Moment, node: Node) -> list[ScreenLine]:
    graph = moment.graph
    found: list[ScreenLine] = []
    if node.op is not None:
        op = graph.ops[node.op]
        if op.cut:
            found.append(_row("cut", Piece(f"no gradient flows: {op.cut}", Tone.CUT)))
        found += _origin(moment, op)
    elif node.value is not None:
        value = graph.values[node.value]
        flag = "yes" if value.requires_grad else "no"
        found.append(_row("requires", Piece(f"gradient: {flag}")))
    return found


def _origin(moment: Moment, op: Op) -> list[ScreenLine]:
    names = [moment.graph.grad_nodes[n].name for n in op.grad_nodes]
    found = [_row("operator", Piece(op.target))]
    if names:
        found.append(_row("autograd", Piece(", ".join(dict.fromkeys(names)))))
    if op.scope:
        found.append(_row("module", Piece(op.scope)))
    if op.note:
        found.append(_row("note", Piece(op.note, Tone.ERROR)))
    return found


def _numbers(moment: Moment, node: Node, width: int) -> list[ScreenLine]:
    """Write small tensors element by element and large ones as statistics."""
    if node.value is None:
        return []
    found: list[ScreenLine] = []
    for title, roles, tone in (
        ("value", (Role.VALUE, Role.UPDATED), Tone.VALUE),
        ("gradient", ARRIVALS, Tone.GRADIENT),
    ):
        reading = moment.latest(node.value, *roles)
        if reading is None or reading.seen is None or not reading.is_known:
            continue
        found += _details(
            f"{title} of {title_of_node(moment.trace, node)}",
            reading.seen,
            tone=tone,
            width=width,
        )
    return found


def _details(
    title: str, seen: Observation, *, tone: Tone, width: int
) -> list[ScreenLine]:
    data, stats = seen.data, seen.stats
    if (data is not None and data.size <= 1) or stats is None:
        return []
    found = [line(), line(Piece(title, Tone.TITLE))]
    if data is None or data.size > _SHORT:
        n = format_number
        found += [
            _row("range", Piece(f"{n(stats.minimum)} … {n(stats.maximum)}", tone)),
            _row("mean", Piece(f"{n(stats.mean)}   std {n(stats.std)}", tone)),
            _row("l2", Piece(f"{n(stats.l2)}   zeros {stats.zeros} of {stats.numel}")),
        ]
        if not stats.is_finite:
            bad = f"{stats.nans} NaN   {stats.infs} Inf"
            found.append(_row("not finite", Piece(bad, Tone.ERROR)))
    if data is not None and data.size <= _GRID_ELEMENTS:
        found += _grid(data, tone=tone, width=width)
    return found


def _grid(data: Array, *, tone: Tone, width: int) -> list[ScreenLine]:
    """Write the last axis across and all others down."""
    if data.size == 0:
        return [line(Piece(format_array(data), tone))]
    rows = data.reshape(-1, data.shape[-1] if data.ndim > 1 else data.size)
    texts = [[format_number(item) for item in row] for row in rows.tolist()]
    cell = max(len(text) for row in texts for text in row)
    per_line = max(width // (cell + 2), 1) if data.ndim <= 1 else len(texts[0])
    found: list[ScreenLine] = []
    for row in texts:
        for start in range(0, len(row), per_line):
            part = row[start : start + per_line]
            text = "  ".join(f"{item:>{cell}}" for item in part)
            found.append(line(Piece(text, tone)))
    return found


def count_gaps(gaps: Sequence[Gap]) -> str:
    """Say how many things could not be seen, nothing when all could be."""
    if not gaps:
        return ""
    return "1 gap" if len(gaps) == 1 else f"{len(gaps)} gaps"


def list_gaps(gaps: Sequence[Gap], width: int) -> list[ScreenLine]:
    """Write what could not be seen in the step, and why."""
    if not gaps:
        return []
    title = f"{count_gaps(gaps)}: not everything in this step could be seen"
    found = [line(), line(Piece(title, Tone.ERROR))]
    for gap in gaps[:_LISTED_GAPS]:
        where = "" if gap.event is None else f"event {gap.event + 1}: "
        found += message_picture(f"{where}{gap.reason}", width, Tone.PLAIN).lines
    if len(gaps) > _LISTED_GAPS:
        more = len(gaps) - _LISTED_GAPS
        found.append(line(Piece(f"and {more} more", Tone.MUTED)))
    return found
