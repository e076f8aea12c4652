"""Texts for numbers and gradients: at a value, along an edge, over several passes."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from graphscope.diagram.labels import root_name
from graphscope.diagram.model import Line
from graphscope.diagram.selection import Selection
from graphscope.model.graph import (
    Event,
    EventKind,
    GradNode,
    Op,
    OpKind,
    Role,
    Value,
)
from graphscope.model.numbers import (
    format_number,
    format_observation,
    format_small,
    format_type,
)
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

HOOK: Final = "hook"
"""Label of a gradient that a hook of the user's may have changed."""

_ROUNDING: Final = 1e-4

_SHOWN: Final = 4
"""Numbers in a row (passes, elements) before the rest is cut."""

_SHORT_ROW: Final = (6, 30)
"""How many of them, when they take no more than so many characters."""

Seen = tuple[int, Observation | None]
"""An event and what was observed in it."""


def value_text(value: Value, seen: Observation) -> str:
    """Write a value: its number, or type and statistics.

    Shape and type stand before statistics only; small tensors show their elements.
    """
    text = format_observation(seen)
    if value.class_name:
        text = f"{value.class_name} {text}"
    if seen.data is not None and format_small(seen.data):
        return text
    return f"{format_type(value.dtype, value.shape)} {text}"


def join_numbers(seen: Sequence[Observation | None], separator: str) -> str:
    """Write several observations of the same tensor in a row.

    When all elements of every tensor are equal, the number stands for all of them.
    """
    sizes = {_uniform_size(s) for s in seen if s is not None}
    size = sizes.pop() if len(sizes) == 1 else 0
    if size > 1 and len(seen) > 1:
        numbers = [_first_number(s) for s in seen]
        return f"{_join(numbers, separator)} (each of {size})"
    return _join([format_observation(s) for s in seen], separator)


def _join(texts: Sequence[str], separator: str) -> str:
    count, characters = _SHORT_ROW
    is_short = len(texts) <= count and sum(map(len, texts)) <= characters
    if len(texts) <= _SHOWN or is_short:
        return separator.join(texts)
    shown = [*texts[: _SHOWN - 2], "…", texts[-1]]
    return f"{separator.join(shown)} ({len(texts)} times)"


def _uniform_size(seen: Observation) -> int:
    if seen.data is None or seen.data.size == 0:
        return 0
    flat = seen.data.ravel()
    return int(flat.size) if bool((flat == flat[0]).all()) else 0


def _first_number(seen: Observation | None) -> str:
    if seen is None or seen.data is None:
        return format_observation(seen)
    return format_number(seen.data.ravel()[0].item())


def arrivals_of(selection: Selection, value: int) -> tuple[Seen, ...]:
    """Return what arrived at a value in the drawn passes, with the events."""
    found = selection.trace.arrivals(value)
    return tuple(pair for pair in found if selection.has_event(pair[0]))


def gradient_line(selection: Selection, value: int, prefix: str = "∂ ") -> Line | None:
    """Write the gradient that arrived at an intermediate value, None without one."""
    arrived = arrivals_of(selection, value)
    if not arrived:
        return None
    hooked = _hooked_text(selection, value, arrived)
    text = hooked or join_numbers([seen for _, seen in arrived], ", ")
    return Line(f"{prefix}{text}", arrived[-1][0])


def _hooked_text(selection: Selection, value: int, arrived: Sequence[Seen]) -> str:
    """Write gradients before and after the user's hooks, nothing if they only read."""
    trace = selection.trace
    slots = [trace.graph.slots[s] for s in trace.slots_of(value, Role.GRAD_OUTPUT)]
    hooked = {slot.event for slot in slots if slot.label == HOOK}
    if not hooked:
        return ""
    texts: list[str] = []
    is_changed = False
    start = -1
    for event in dict.fromkeys(event for event, _ in arrived):
        seen = [s for e, s in arrived if e == event]
        if event in hooked:
            before = _sum_sent(trace, value, start, event)
            seen = [s for s in (before, *seen) if s is not None]
            seen = [
                s for i, s in enumerate(seen) if not i or not is_close(seen[i - 1], s)
            ]
            is_changed = is_changed or len(seen) > 1
        start = event
        texts.append(" → ".join(format_observation(s) for s in seen))
    return f"{_join(texts, ', ')} ({HOOK})" if is_changed else ""


def _sum_sent(trace: Trace, value: int, start: int, stop: int) -> Observation | None:
    """Add what was sent to a value between two events; None when nothing was."""
    slots = [
        s
        for s in trace.slots_of(value, Role.EDGE)
        if start < trace.graph.slots[s].event < stop
    ]
    return sum_seen([trace.seen(s) for s in slots]) if slots else None


def leaf_lines(selection: Selection, value: Value, prefix: str) -> tuple[Line, ...]:
    """Write what backward did to a leaf that requires a gradient.

    None, 0 and "backward never came here" are three different texts; `.grad` stands
    beside what arrived whenever the two differ.
    """
    if not value.requires_grad:
        return ()
    if not value.is_leaf:  # computed in another pass or step than the drawn one
        line = gradient_line(selection, value.id, prefix)
        return () if line is None else (line,)
    arrived = arrivals_of(selection, value.id)
    if not arrived:
        return _missing_lines(selection, value)
    events = selection.trace.graph.events
    last = arrived[-1][0]
    text = join_numbers([seen for _, seen in arrived], ", ")
    if events[last].kind is EventKind.CAPTURE:
        return (Line(f"{prefix}{text} (autograd.grad)", last),)
    head = prefix if len(arrived) == 1 else "arrived "
    used = _used_lines(selection, value.id)
    label = _label_of_arrival(selection, value.id, last)
    if label == HOOK:
        changed = _hooked_line(selection, value, arrived, head)
        if changed is not None:
            return (changed, *_later_lines(selection, value, arrived), *used)
    elif label:
        text += f" ({label})"
    stored = _stored_lines(selection, value, arrived)
    return (Line(f"{head}{text}", last), *stored, *used)


def _missing_lines(selection: Selection, value: Value) -> tuple[Line, ...]:
    """Write why a leaf has no gradient; what an update made of it never has one."""
    if selection.trace.is_updated(value):
        return ()
    return (Line("∂ not reached" if selection.has_backward else "∂ None"),)


def _label_of_arrival(selection: Selection, value: int, event: int) -> str:
    """Return what is said about a gradient's arrival: `sparse`, `hook`."""
    graph = selection.trace.graph
    slots = selection.trace.slots_of(value, Role.ARRIVED)
    labels = [graph.slots[s].label for s in slots if graph.slots[s].event == event]
    return labels[0] if labels else ""


def _used_lines(selection: Selection, value: int) -> tuple[Line, ...]:
    """Write the gradient that an update used where it is not `.grad` as it arrived."""
    trace = selection.trace
    lines: list[Line] = []
    for slot in trace.slots_of(value, Role.USED):
        event = trace.graph.slots[slot].event
        seen = trace.seen(slot)
        after = trace.accumulations(value, Role.AFTER)
        is_news = not after or not is_same(after[-1], seen)
        if is_news and selection.has_event(event):
            lines.append(Line(f"used {format_observation(seen)}", event))
    return tuple(lines)


def _hooked_line(
    selection: Selection, value: Value, arrived: Sequence[Seen], head: str
) -> Line | None:
    """Write what a hook of the user's made of what arrived, None if it only read."""
    before = _stored(selection, value.id, Role.BEFORE, arrived)
    after = _stored(selection, value.id, Role.AFTER, arrived)
    added = [_difference(_at(after, event), _at(before, event)) for event, _ in arrived]
    pairs = list(zip(arrived, added, strict=True))
    if all(made is None or is_close(seen, made) for (_, seen), made in pairs):
        return None
    texts = [
        _change_text(seen, made) if made is not None else format_observation(seen)
        for (_, seen), made in pairs
    ]
    return Line(f"{head}{_join(texts, ', ')} ({HOOK})", arrived[-1][0])


def _later_lines(
    selection: Selection, value: Value, arrived: Sequence[Seen]
) -> tuple[Line, ...]:
    """Write `.grad` where it is more than what the hooks made of one arrival."""
    after = _stored(selection, value.id, Role.AFTER, arrived)
    before = [s for _, s in _stored(selection, value.id, Role.BEFORE, arrived)[:1]]
    if len(after) == 1 and before == [None]:
        return ()
    return _stored_lines(selection, value, arrived)


def _change_text(before: Observation | None, after: Observation | None) -> str:
    if is_close(before, after):
        return format_observation(after)
    return f"{format_observation(before)} → {format_observation(after)}"


def _at(found: Sequence[Seen], event: int) -> Observation | None:
    """Return what was seen in `event`, None when nothing was."""
    return next((seen for place, seen in found if place == event), None)


def _difference(
    after: Observation | None, before: Observation | None
) -> Observation | None:
    """Return what was added to a gradient; None where that cannot be said."""
    if before is None or after is None:
        return after
    if before.data is None or after.data is None:
        return None
    return Observation(np.asarray(after.data - before.data))


def is_close(one: Observation | None, other: Observation | None) -> bool:
    """Whether two observations agree up to what an addition rounds."""
    if one is None or other is None or one.data is None or other.data is None:
        return is_same(one, other)
    if one.data.shape != other.data.shape:
        return False
    is_nan = _has_nan_kind(one.data)
    return np.allclose(one.data, other.data, rtol=_ROUNDING, equal_nan=is_nan)


def _stored_lines(
    selection: Selection, value: Value, arrived: Sequence[Seen]
) -> tuple[Line, ...]:
    """Write `.grad` over time, unless it is simply what arrived."""
    after = _stored(selection, value.id, Role.AFTER, arrived)
    if not after:
        return ()
    has_one = len(arrived) == len(after) == 1
    if has_one and is_same(arrived[0][1], after[0][1]):
        return ()
    before = _stored(selection, value.id, Role.BEFORE, arrived)[:1]
    before = tuple(pair for pair in before if pair[1] is not None)
    text = join_numbers([seen for _, seen in (*before, *after)], " → ")
    events = selection.trace.graph.events
    if any(events[event].label == HOOK for event, _ in after):
        text += f" ({HOOK})"
    return (Line(f".grad {text}", after[-1][0]),)


def _stored(
    selection: Selection, value: int, role: Role, arrived: Sequence[Seen]
) -> tuple[Seen, ...]:
    """Return `.grad` in the events from the first arrival to the last.

    A zeroing behind the last arrival counts as well, unless an update lies between:
    then it makes ready for the next step.
    """
    trace, first, last = selection.trace, arrived[0][0], arrived[-1][0]
    slots = [(trace.graph.slots[s].event, s) for s in trace.slots_of(value, role)]
    events = trace.graph.events
    end = next((e.index for e in events[last:] if _is_update(trace, e)), len(events))
    return tuple(
        (e, trace.seen(s))
        for e, s in slots
        if first <= e <= last
        or events[e].label == HOOK
        or (last < e < end and events[e].kind is EventKind.ZERO)
    )


def _is_update(trace: Trace, event: Event) -> bool:
    if event.kind is EventKind.UPDATE:
        return True
    return event.op is not None and trace.graph.ops[event.op].kind is OpKind.UPDATE


def is_same(one: Observation | None, other: Observation | None) -> bool:
    """Whether two observations hold the same numbers (NaN equals NaN)."""
    if one is None or other is None:
        return one is other
    if one.data is None or other.data is None:
        return one.summary == other.summary
    return np.array_equal(one.data, other.data, equal_nan=_has_nan_kind(one.data))


def _has_nan_kind(data: Array) -> bool:
    return data.dtype.kind in "fc"


def edges_of(selection: Selection, op: Op, value: int) -> list[tuple[GradNode, int]]:
    """Return the backward edges of an op towards a value: grad node and position."""
    nodes = selection.trace.graph.grad_nodes
    return [
        (nodes[n], position)
        for n in op.grad_nodes
        for position, edge in enumerate(nodes[n].edges)
        if edge.value == value
    ]


def edge_lines(
    selection: Selection, op: Op, value: int, uses: int
) -> list[Line | None]:
    """Write what flowed back along each of an op's uses of a value.

    `x * x` uses x twice and has two edges. When there are more edges than uses, the
    last use gets what is left, so that the labels still add up to the gradient.
    """
    edges = edges_of(selection, op, value)
    seen = [_seen_along(selection, node, position) for node, position in edges]
    found = [s for s in seen if s]
    lines: list[Line | None] = []
    for use in range(uses):
        mine = found[use:] if use == uses - 1 else found[use : use + 1]
        lines.append(_edge_line(mine))
    return lines


def _seen_along(
    selection: Selection, node: GradNode, position: int
) -> tuple[Seen, ...]:
    trace = selection.trace
    slots = selection.node_slots.get((Role.EDGE, node.id, position), ())
    pairs = ((trace.graph.slots[s].event, trace.seen(s)) for s in slots)
    return tuple(pair for pair in pairs if selection.has_event(pair[0]))


def _edge_line(edges: Sequence[Sequence[Seen]]) -> Line | None:
    if not edges:
        return None
    last = max(pairs[-1][0] for pairs in edges)
    if len(edges) == 1:
        text = join_numbers([seen for _, seen in edges[0]], ", ")
        return Line(f"∂ {text}", last)
    total = sum_seen([pairs[-1][1] for pairs in edges])
    return None if total is None else Line(f"∂ {format_observation(total)}", last)


def sum_seen(seen: Sequence[Observation | None]) -> Observation | None:
    """Add observations of equal shape; None when one is absent or not whole."""
    data = [s.data for s in seen if s is not None and s.data is not None]
    if len(data) != len(seen) or len({d.shape for d in data}) != 1:
        return None
    total = data[0]
    for more in data[1:]:
        total = total + more
    return Observation(np.asarray(total))


def root_of(selection: Selection, event: int | None) -> str:
    """Return the name above the fraction bar for a gradient that came in `event`."""
    return root_name(selection.trace, _roots_of_pass(selection, event))


def _roots_of_pass(selection: Selection, event: int | None) -> list[int]:
    graph = selection.trace.graph
    if event is None or len(graph.roots) == 1:
        return list(graph.roots)
    wanted = graph.events[event].pass_index
    return [r for r in graph.roots if _pass_of(selection.trace, r) == wanted]


def _pass_of(trace: Trace, value: int) -> int | None:
    op = trace.graph.values[value].op
    event = trace.graph.op_events.get(op) if op is not None else None
    return None if event is None else trace.graph.events[event].pass_index
