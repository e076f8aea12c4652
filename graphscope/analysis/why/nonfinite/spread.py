"""How a NaN spread from where it was born: in words, and as paths."""

from collections import deque
from collections.abc import Iterable, Sequence

from graphscope.analysis.evidence.reading import count_nans
from graphscope.analysis.evidence.wording import (
    begin,
    listing,
    name_and_place,
    name_call,
    name_value,
    one_line,
    site_of,
    where,
)
from graphscope.analysis.why.nonfinite.converting import conversion
from graphscope.analysis.why.nonfinite.flow import Birth, Cause, Flow
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.model.finding import PathStep
from graphscope.model.graph import Op, Role
from graphscope.model.observation import Observation
from graphscope.model.packed import is_finite
from graphscope.model.trace import Trace

Reached = dict[int, int | None]
"""Slot -> the slot that it was reached from."""


def kind_of(seen: Observation | None) -> str:
    """Return what of it is there: `NaN`, or else `∞`, `−∞` or `±∞`."""
    if count_nans(seen):
        return "NaN"
    data = None if seen is None else seen.data
    if data is None or data.dtype.kind != "f":
        return "Inf"
    has_low, has_high = (data == -float("inf")).any(), (data == float("inf")).any()
    return "±∞" if has_low and has_high else "−∞" if has_low else "∞"


def reached(flow: Flow, start: int) -> Reached:
    """Return every slot that a birth has reached, with the one it came from.

    What an op made in forward, and what the same op made in backward, is one.
    """
    found: Reached = {start: None}
    waiting = deque([start])
    birth = flow.births.get(start)
    if birth is not None and birth.cause is Cause.COMPUTED:
        for other in flow.births.values():
            if other.cause is Cause.SENT and other.op == birth.op:
                found[other.slot] = start
                waiting.append(other.slot)
    while waiting:
        slot = waiting.popleft()
        for later in flow.after.get(slot, ()):
            if later not in found:
                found[later] = slot
                waiting.append(later)
    return found


def describe_spread(
    trace: Trace, harmful: HarmfulSlots, found: Reached, birth: Birth
) -> str:
    """Say which losses, gradients and parameters a birth has reached."""
    start = birth.slot
    ends = [s for s in found if s in harmful.ends and s != start]
    leaves = _names(trace, [s for s in found if s in harmful.gradients and s != start])
    updated = [s for s in found if s in harmful.updates and s != start]
    own = [] if birth.value is None else [name_value(trace, birth.value)]
    sentences = []
    if ends:
        sentences.append(_ends(trace, ends, leaves))
    elif leaves and not (leaves == own and birth.cause is Cause.SENT):
        sentences.append(f"From there it reaches {_gradients(leaves)}.")
    if updated:
        sentences.append(_update(trace, updated))
    return " ".join(sentences)


def _ends(trace: Trace, ends: Sequence[int], leaves: Sequence[str]) -> str:
    names = _names(trace, ends)
    what = kind_of(trace.seen(max(ends)))
    verb = "is" if len(names) == 1 else "are"
    text = f"From there it spreads: {listing(names)} {verb} {what}"
    if leaves:
        also = "is" if len(leaves) == 1 else "are"
        text += f", and so {also} {_gradients(leaves)}"
    return f"{text}."


def _gradients(names: Sequence[str]) -> str:
    noun = "the gradient" if len(names) == 1 else "the gradients"
    return f"{noun} of {listing(names)}"


def _update(trace: Trace, updated: Sequence[int]) -> str:
    names = _names(trace, updated)
    event = trace.graph.events[trace.graph.slots[min(updated)].event]
    which = "it" if len(names) == 1 else "them"
    return (
        f"The update{where(event.site)} makes {listing(names)} "
        f"{kind_of(trace.seen(min(updated)))}, and with {which} all that is computed "
        "from then on."
    )


def _names(trace: Trace, slots: Iterable[int]) -> list[str]:
    values = {trace.graph.slots[slot].value for slot in slots}
    known = sorted(v for v in values if v is not None)
    return list(dict.fromkeys(name_value(trace, v) for v in known))


def describe_turn(trace: Trace, found: Reached, birth: Birth) -> str:
    """Say where it goes on otherwise than before: made NaN, or back in backward."""
    left_out = _left_out(trace, found, birth)
    if left_out or count_nans(trace.seen(birth.slot)):
        return left_out
    for slot in sorted(found):
        source = found[slot]
        is_nan = source is not None and count_nans(trace.seen(slot)) > 0
        if source is None or not is_nan or count_nans(trace.seen(source)):
            continue
        if _is_same_op(trace, slot, birth):
            continue
        return _turn(trace, slot)
    return ""


def _is_same_op(trace: Trace, slot: int, birth: Birth) -> bool:
    """Whether it is what the op of the birth made in backward, by itself."""
    op = _op_of_node(trace, slot)
    return birth.cause is Cause.COMPUTED and op is not None and op.id == birth.op


def _turn(trace: Trace, slot: int) -> str:
    how = conversion(trace, slot)
    record = trace.graph.slots[slot]
    if record.role is Role.VALUE and record.value is not None:
        name = begin(name_and_place(trace, record.value))
        return f"{name} turns it into NaN: {how}."
    op = _op_of_node(trace, slot)
    if op is None or record.role is not Role.EDGE:
        return ""
    return f"Backward of {name_call(trace, op)} turns it into NaN: {how}."


def _left_out(trace: Trace, found: Reached, birth: Birth) -> str:
    """Say that forward leaves a number out, and that backward meets it all the same."""
    slots = trace.graph.slots
    is_inside = slots[birth.slot].event > trace.graph.first_backward >= 0
    if slots[birth.slot].role is not Role.VALUE or is_inside:
        return ""
    firsts = [
        slot
        for slot, source in found.items()
        if slots[slot].role is Role.EDGE
        and source is not None
        and slots[source].role is Role.VALUE
    ]
    op = _op_of_node(trace, min(firsts)) if firsts else None
    ends = {slots[s].value for s in found if slots[s].role is Role.VALUE}
    if op is None or not ends.isdisjoint(trace.graph.roots):
        return ""
    number = kind_of(trace.seen(found[min(firsts)] or 0))
    losses = [trace.value_of(root) for root in trace.graph.roots]
    start = (
        "The loss does not take it, but backward" if all(map(is_finite, losses)) else ""
    )
    return (
        f"{start or 'Backward'} of {name_call(trace, op)} computes with it, and even "
        f"0 · {number.lstrip('±−')} is NaN."
    )


def _op_of_node(trace: Trace, slot: int) -> Op | None:
    node = trace.graph.slots[slot].grad_node
    op = None if node is None else trace.graph.grad_nodes[node].op
    return None if op is None else trace.graph.ops[op]


def path_to(trace: Trace, found: Reached, target: int) -> tuple[PathStep, ...]:
    """Return the way from a birth to a slot, one row for each value and gradient."""
    slots: list[int] = []
    slot: int | None = target
    while slot is not None:
        slots.append(slot)
        slot = found[slot]
    rows: list[PathStep] = []
    for number, index in enumerate(reversed(slots)):
        row = _row(trace, index, is_birth=number == 0)
        if not rows or rows[-1].text != row.text:
            rows.append(row)
    return tuple(rows)


def _row(trace: Trace, index: int, *, is_birth: bool) -> PathStep:
    slot = trace.graph.slots[index]
    what = kind_of(trace.seen(index))
    mark = f"{what} is born here" if is_birth else what
    value = slot.value
    if slot.role is Role.VALUE and value is not None:
        op = trace.graph.values[value].op
        text = _assignment(trace, value)
        return PathStep(text, site_of(trace, value), value, op, mark)
    event = trace.graph.events[slot.event]
    title = "" if value is None else one_line(trace.title_of(value))
    if slot.role is Role.UPDATED:
        text = f"{title} after {event.label or 'the update'}"
        return PathStep(text, event.site, value, None, mark)
    node = None if slot.grad_node is None else trace.graph.grad_nodes[slot.grad_node]
    op = None if node is None else node.op
    site = event.site if op is None else trace.graph.ops[op].site
    of = f"of {title}" if title else f"inside of {'' if node is None else node.name}"
    return PathStep(f"gradient {of}", site, value, op, mark)


def _assignment(trace: Trace, value: int) -> str:
    record = trace.graph.values[value]
    op = None if record.op is None else trace.graph.ops[record.op]
    title = one_line(trace.title_of(value))
    if record.name and op is not None and op.site is not None and op.site.expression:
        return f"{record.name} = {one_line(op.site.expression)}"
    return title
