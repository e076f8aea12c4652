"""Why no gradient came: nothing read the value, or what did leads nowhere."""

from graphscope.analysis.evidence.wording import (
    name_and_place,
    name_call,
    name_value,
    where,
)
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.model.finding import PathStep
from graphscope.model.graph import Op, OpKind, Value


def tell_unused(look: Look, value: Value) -> Reason:
    """Return that nothing read a value."""
    name = value.name or ""
    if not name:
        return Reason(
            kind=Kind.UNUSED,
            title="never used",
            because="Nothing in the step read it.",
            remedy="Use it in what leads to the loss, or leave it out.",
            said="never used",
            site=value.site,
            values=(value.id,),
            unknown=look.lacking,
        )
    return unused_reason(look, name, (value.id,))


def unused_reason(look: Look, name: str, values: tuple[int, ...] = ()) -> Reason:
    """Return why nothing read a parameter, which may be no value of the step."""
    found = look.why_unused(name)
    return Reason(
        kind=Kind.UNUSED,
        title=found.short,
        because=found.said,
        remedy=found.remedy,
        said="never used",
        site=found.site,
        values=values,
        unknown=(*found.unknown, *look.lacking),
        unused=found,
    )


def tell_late(look: Look, value: Value, reader: Op) -> Reason:
    """Return that a value was used only after the backward."""
    backward = look.trace.graph.events[look.last_backward].site
    return Reason(
        kind=Kind.LATE,
        title="used only after the backward",
        because=(
            f"It is first read at {name_call(look.trace, reader)}, after the backward"
            f"{where(backward)}."
        ),
        remedy="Use it before the backward, in what leads to the loss.",
        said="used only after the backward",
        site=reader.site,
        values=(value.id,),
        ops=(reader.id,),
    )


def tell_unreached(look: Look, value: Value) -> Reason:
    """Return that what was computed from a value does not reach the loss."""
    trace = look.trace
    loss = look.name_loss(None)
    end = _end_of(look, value)
    last = trace.graph.ops[end] if end is not None else None
    if last is None:
        said, site = "Its numbers go no further", value.site
    elif last.kind is OpKind.READOUT:
        said = (
            f"The numbers go as far as {name_call(trace, last)}, and leave torch there"
        )
        site = last.site
    else:
        said = (
            f"The numbers go as far as {_name_end(look, last)}, which nothing in the "
            "step reads"
        )
        site = last.site
    is_out = last is not None and last.kind is OpKind.READOUT
    doubt = (
        "Cannot tell whether Python made the loss of it, because that is not recorded.",
    )
    return Reason(
        kind=Kind.UNREACHED,
        title="what it leads to does not reach the loss",
        because=f"{said}; {loss} is computed without them.",
        remedy=f"Let what is computed from it play a role in {loss}, or leave it out.",
        said="not leading to the loss",
        site=site,
        values=(value.id,) if last is None else (value.id, *last.outputs),
        ops=() if last is None else (last.id,),
        paths=_dead_end(look, value, last),
        unknown=(*(doubt if is_out else ()), *look.lacking),
    )


def _name_end(look: Look, op: Op) -> str:
    if len(op.outputs) == 1:
        return name_and_place(look.trace, op.outputs[0])
    return name_call(look.trace, op)


def _end_of(look: Look, value: Value) -> int | None:
    """Return the last op that a value's numbers went through."""
    graph = look.trace.graph
    behind = [*look.versions(value), *look.flow.after(value.id)]
    ops = {op for v in behind for op in graph.consumers.get(v, ())}
    plain = [o for o in ops if graph.ops[o].kind in (OpKind.COMPUTE, OpKind.READOUT)]
    return max(plain, default=None)


def _dead_end(
    look: Look, value: Value, last: Op | None
) -> tuple[tuple[PathStep, ...], ...]:
    """Return the way to where the numbers end."""
    trace = look.trace
    first = PathStep(name_value(trace, value.id).strip("`"), value.site, value=value.id)
    if last is None:
        return ()
    text = name_call(trace, last).partition("` (")[0].strip("`")
    name = None if len(last.outputs) != 1 else trace.graph.values[last.outputs[0]].name
    end = PathStep(
        text=f"{name} = {text}" if name and name != text else text,
        site=last.site,
        value=last.outputs[0] if last.outputs else None,
        op=last.id,
        mark="does not reach the loss",
    )
    return ((first, end),)
