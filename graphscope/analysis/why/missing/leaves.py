"""What became of the `.grad` of a leaf: there, gone again, or never wanted."""

from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.reading import is_zero
from graphscope.analysis.evidence.source import source_of
from graphscope.analysis.evidence.wording import (
    begin,
    listing,
    name_call,
    norm_of,
    one_line,
    where,
)
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.passing import why_not_reached
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.model.graph import Event, EventKind, Op, OpKind, Value, ValueKind
from graphscope.model.observation import Observation
from graphscope.model.site import Site

FLAT: Final = frozenset({"round", "floor", "ceil", "trunc", "fix", "sign", "sgn"})
"""Ops whose derivative is 0 wherever there is one: the gradient is 0, not None."""


def why_leaf(look: Look, value: Value) -> Reason:
    """Return what became of the `.grad` of a leaf."""
    if not value.requires_grad:
        return frozen_reason(look, value.id, value.set_by)
    came: Event | None = None
    gone: Event | None = None
    for event in look.events_of(value):
        if event.kind is EventKind.ACCUMULATE and look.arrived(event, value):
            came, gone = event, None
        elif event.kind is EventKind.ZERO and event.label == "to None":
            gone = event
    arrived = None if came is None else look.arrived(came, value)
    if came is None or arrived is None:
        return why_not_reached(look, value)
    if gone is not None:
        return _zeroed(look, value, came, gone)
    return present_reason(look, value, came.site, arrived)


def present_reason(
    look: Look, value: Value, backward: Site | None, arrived: Observation
) -> Reason:
    """Return that there is a gradient, and why if it is 0."""
    flat = _flat_ops(look, value) if is_zero(arrived) else []
    zero = ""
    if flat:
        calls = listing([name_call(look.trace, op) for op in flat])
        zero = (
            f" It is 0 and not None: the derivative of {calls} is 0, which torch "
            "sends on like any other."
        )
    return Reason(
        kind=Kind.PRESENT,
        title="there is one",
        because=(
            f"The gradient came in the backward{where(backward)}: it is "
            f"{norm_of(arrived)}.{zero}"
        ),
        remedy=(
            f"Use something with a slope instead of {name_call(look.trace, flat[0])}."
            if flat
            else ""
        ),
        said="there is one",
        site=flat[0].site if flat else backward,
        values=(value.id,),
        ops=tuple(op.id for op in flat),
        paths=look.paths(value.id) if flat else (),
    )


def _flat_ops(look: Look, value: Value) -> list[Op]:
    graph = look.trace.graph
    behind = {value.id, *look.flow.after(value.id)} & look.flow.towards_roots
    ops = dict.fromkeys(op for v in behind for op in graph.consumers.get(v, ()))
    return [graph.ops[op] for op in sorted(ops) if plain_name(graph.ops[op]) in FLAT]


def _zeroed(look: Look, value: Value, came: Event, zeroed: Event) -> Reason:
    trace = look.trace
    arrived = look.arrived(came, value)
    call = "A call" if zeroed.site is None else f"`{one_line(zeroed.site.expression)}`"
    updates = [
        e
        for e in trace.graph.events[came.index : zeroed.index]
        if e.kind is EventKind.UPDATE or _is_update(look, e)
    ]
    when = "after the update" if updates else "before anything used it"
    remedy = (
        f"Read `.grad` before {call}{where(zeroed.site)}."
        if updates
        else f"Move {call}{where(zeroed.site)} before the backward{where(came.site)}."
    )
    return Reason(
        kind=Kind.ZEROED,
        title="it was set to None again",
        because=(
            f"The gradient came in the backward{where(came.site)}, "
            f"{norm_of(arrived)}, and {call}{where(zeroed.site)} set `.grad` to None "
            f"{when}."
        ),
        remedy=remedy,
        said="set to None again",
        site=zeroed.site,
        values=(value.id,),
        numbers=_numbers(arrived),
    )


def _is_update(look: Look, event: Event) -> bool:
    op = None if event.op is None else look.trace.graph.ops[event.op]
    return op is not None and op.kind is OpKind.UPDATE


def _numbers(arrived: Observation | None) -> tuple[tuple[str, float], ...]:
    stats = None if arrived is None else arrived.stats
    return () if stats is None else (("norm of the gradient", stats.l2),)


def frozen_reason(
    look: Look, value: int | None, set_by: Site | None, name: str = ""
) -> Reason:
    """Return that nobody wanted a gradient, and which line said so."""
    found = None if value is None else look.trace.graph.values[value]
    if found is not None and found.kind is not ValueKind.PARAMETER and set_by is None:
        return _not_wanted(look, found)
    known = name or (found.name if found is not None and found.name else "it")
    who = "" if set_by is None else f": {tell_line(look, set_by)} made it so"
    doubt = "Cannot tell which line froze it: that was before the recording began."
    undo = "" if set_by is None else f"Leave out {tell_line(look, set_by)}, or "
    if known.isidentifier():
        ask = f"call `{known}.requires_grad_()`"
    else:
        ask = f"set requires_grad of `{known}` to True"
    return Reason(
        kind=Kind.FROZEN,
        title="requires_grad is False",
        because=f"requires_grad is False, so backward computes nothing for it{who}.",
        remedy=f"{begin(undo + ask)} before the forward pass, if it is to learn.",
        said="frozen (requires_grad is False)",
        site=set_by,
        values=() if value is None else (value,),
        unknown=(doubt,) if set_by is None else (),
    )


def tell_line(look: Look, site: Site) -> str:
    """Write the whole line of a site: `p.requires_grad = False` (train.py:7)."""
    source = source_of(look.trace.sources, site.file)
    text = "" if source is None else source.head_of(site.line)
    return f"`{one_line(text or site.expression)}`{where(site)}"


def _not_wanted(look: Look, value: Value) -> Reason:
    """Return that a tensor is plain data."""
    trace = look.trace
    op = None if value.op is None else trace.graph.ops[value.op]
    name = value.name or "the tensor"
    if not value.dtype.startswith(("float", "bfloat", "complex")):
        because = f"It is of dtype {value.dtype}, and only floating numbers have one."
        remedy = f"Make `{name}` a floating tensor, if it is to have a gradient."
    else:
        made = "" if op is None else f", and {name_call(trace, op)} does not ask"
        because = (
            "It does not require a gradient: a tensor does so only when that is asked "
            f"for{made}."
        )
        remedy = f"Call `{name}.requires_grad_()` before the forward pass uses it."
    return Reason(
        kind=Kind.NOT_ASKED,
        title="it does not require one",
        because=because,
        remedy=remedy,
        said="not requiring one",
        site=value.site if op is None else op.site,
        values=(value.id,),
    )


def has_arrived(look: Look, value: Value) -> bool:
    """Whether a gradient came to a leaf in the step."""
    return any(
        event.kind is EventKind.CAPTURE or look.arrived(event, value) is not None
        for event in look.events_of(value)
        if event.kind is not EventKind.ZERO
    )
