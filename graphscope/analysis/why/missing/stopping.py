"""Why no gradient came: of the backward itself, which did not run, or not so far."""

from typing import Final

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import (
    name_and_place,
    where,
)
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.model.graph import Event, Op, Value
from graphscope.model.site import Site
from graphscope.model.trace import Status

_FIRST_LINE: Final = 90


def tell_without_backward(look: Look, value: Value) -> Reason:
    """Return that no backward ran."""
    trace = look.trace
    if trace.status is Status.ABORTED:
        return _ended(look, "before any backward ran", value, None)
    tail = _last_result(look, value)
    if tail is None:
        remedy = "Call `backward()` on what was computed."
    else:
        remedy = f"Call `backward()` on {name_and_place(trace, tail)}."
    return Reason(
        kind=Kind.NO_BACKWARD,
        title="no backward ran",
        because="No backward ran in the step, and only a backward makes gradients.",
        remedy=remedy,
        said="no backward ran",
        site=None if tail is None else look.trace.graph.values[tail].site,
        values=(value.id,),
    )


def _last_result(look: Look, value: Value) -> int | None:
    values = look.trace.graph.values
    behind = [v for v in look.flow.after(value.id) if values[v].requires_grad]
    named = [v for v in behind if values[v].name is not None]
    return named[-1] if named else behind[-1] if behind else None


def _ended(look: Look, when: str, value: Value, site: Site | None) -> Reason:
    error = look.trace.error.partition("\n")[0]
    short = error if len(error) <= _FIRST_LINE else f"{error[:_FIRST_LINE].rstrip()}…"
    return Reason(
        kind=Kind.ENDED,
        title=f"the step ended {when}",
        because=f"The step ended {when}: {short}",
        remedy="Mend that error first.",
        said="not reached before the exception",
        site=site,
        values=(value.id,),
        paths=look.paths(value.id),
        unknown=() if value.id in look.flow.connected else look.lacking,
    )


def tell_captured(look: Look, value: Value, event: Event) -> Reason:
    """Return that autograd.grad has returned the gradient."""
    trace = look.trace
    ops = [op for op in trace.graph.ops if plain_name(op) == "grad"]
    given = next((o for op in ops for o in _result_for(op, value.id)), None)
    name = None if given is None else trace.graph.values[given].name
    result = f", as `{name}`" if name else ""
    use = f"`{name}`" if name else "what it returns"
    return Reason(
        kind=Kind.CAPTURED,
        title="autograd.grad returns it instead",
        because=(
            f"`torch.autograd.grad`{where(event.site)} computed the gradient and "
            f"returned it{result}; it leaves `.grad` as it is."
        ),
        remedy=f"Use {use}, or call `backward()` to have it in `.grad`.",
        said="returned by `torch.autograd.grad` instead",
        site=event.site,
        values=(value.id,) if given is None else (value.id, given),
    )


def _result_for(op: Op, value: int) -> list[int]:
    """Return the result of autograd.grad that belongs to an input."""
    inputs = [a.value for a in op.arguments if a.value is not None]
    places = [i for i, v in enumerate(inputs) if v == value]
    first = len(inputs) - len(op.outputs)
    return [op.outputs[i - first] for i in places if 0 <= i - first < len(op.outputs)]


def tell_connected(look: Look, value: Value) -> Reason:
    """Return why a backward that could reach a value has not."""
    trace = look.trace
    last = trace.graph.events[look.last_backward] if look.last_backward >= 0 else None
    site = None if last is None else last.site
    if trace.status is Status.ABORTED:
        return _ended(look, "before backward came so far", value, site)
    grads = [op for op in trace.graph.ops if plain_name(op) == "grad"]
    call = "" if site is None else site.expression
    if grads or "inputs" in call or "grad(" in call:
        text = f"`{call}`{where(site)}" if call else "The backward"
        return Reason(
            kind=Kind.LEFT_OUT,
            title="backward was asked for others only",
            because=(
                f"The gradient could flow, but {text} was asked only for the "
                "gradients of other inputs."
            ),
            remedy=f"Add it to the inputs of {text}.",
            said="not among the inputs of the backward",
            site=site,
            values=(value.id,),
            paths=look.paths(value.id),
        )
    return Reason(
        kind=Kind.UNKNOWN,
        title="the backward did not come so far",
        because="The gradient could flow, but the backward did not come so far.",
        remedy="Let the recording go on until the backward has ended.",
        said="the backward did not come so far",
        site=site,
        values=(value.id,),
        paths=look.paths(value.id),
        unknown=(
            "Cannot tell what kept it: the recording may lack a part of the step.",
        ),
    )
