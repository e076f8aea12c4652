"""Why the gradient of a value is 0: the answer for one value in one step."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.chain.links import Place, place_of
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.reading import is_zero
from graphscope.analysis.evidence.wording import (
    amount,
    code_of,
    count,
    name_and_place,
    name_value,
    norm_of,
    norm_with_all,
    site_of,
)
from graphscope.analysis.why.vanishing.causes.cause import Cause, Stop, Weight
from graphscope.analysis.why.vanishing.causes.table import explain_stop
from graphscope.analysis.why.vanishing.partial import explain_share
from graphscope.analysis.why.vanishing.walk import (
    Break,
    Flow,
    Kind,
    find_breaks,
    flow_to,
    source_of,
    strongest_way,
    value_at,
)
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import Value
from graphscope.model.observation import Observation
from graphscope.model.site import Site
from graphscope.model.trace import Trace

KIND: Final = "zero-grad"
_MOST_BREAKS: Final = 3
_MOST_STATIONS: Final = 12
_KEPT: Final = 4


def explain_zero(facts: Facts, trace: Trace, value: Value) -> Finding:
    """Say why the gradient of a value is 0, or a part of it.

    Args:
        facts: What is known of the step's graph.
        trace: The step.
        value: A value that a gradient arrived at in this step.

    Returns:
        What was found; where nothing is 0, or where nothing arrived, it says so.
    """
    flow = flow_to(trace, value.id)
    if flow is None:
        return _answer(trace, value, "got no gradient", _no_gradient(trace, value))
    arrived = flow.backward.arrived(value.id)
    if arrived is None or arrived.stats is None:
        return _unread(trace, value)
    if not is_zero(arrived):
        text, remedy = explain_share(facts, trace, value, arrived)
        return _answer(trace, value, _share_title(arrived), text, remedy)
    breaks = find_breaks(flow, value.id)
    return finding_of(facts, flow, value, breaks)


def _no_gradient(trace: Trace, value: Value) -> str:
    name = name_and_place(trace, value.id)
    return f"No backward of step {trace.step} brought a gradient to {name}."


def _share_title(arrived: Observation) -> str:
    stats = arrived.stats
    if stats is None or not stats.zeros:
        return "is nowhere 0"
    return f"is 0 in {stats.zeros:,} of {count(stats.numel, 'number')}"


def _answer(
    trace: Trace, value: Value, title: str, text: str, remedy: str = ""
) -> Finding:
    return Finding(
        kind="zero",
        title=f"The gradient of {name_value(trace, value.id)} {title}",
        explanation=text,
        remedy=remedy,
        step=trace.step,
        site=site_of(trace, value.id),
        values=(value.id,),
    )


def _unread(trace: Trace, value: Value) -> Finding:
    name = name_value(trace, value.id)
    unknown = (
        f"Cannot tell whether the gradient of {name} is 0 because its numbers were "
        "not recorded."
    )
    return Finding(
        kind="zero",
        title=f"The gradient of {name} was not kept",
        explanation=f"A gradient arrived at {name}, but not its numbers.",
        remedy="Record again with statistics.",
        step=trace.step,
        site=site_of(trace, value.id),
        values=(value.id,),
        unknown=(unknown,),
    )


def finding_of(
    facts: Facts, flow: Flow, value: Value, breaks: Sequence[Break]
) -> Finding:
    """Write down where the gradient of a value becomes 0, and why."""
    trace = flow.backward.trace
    causes = [(one, cause_of(facts, flow, one)) for one in breaks]
    name = name_value(trace, value.id)
    told = [_tell(flow, one, cause) for one, cause in causes[:_MOST_BREAKS]]
    more = len(causes) - _MOST_BREAKS
    if more > 0:
        told.append(f"It is so in {count(more, 'further place')}.")
    main = causes[0] if causes else None
    ops = [op for one, _ in causes if (op := op_at(flow, one)) is not None]
    is_meant = trace.loss() == 0 or any(
        cause is not None and cause.weight is Weight.MEANT for _, cause in causes
    )
    return Finding(
        kind="zero" if is_meant else KIND,
        title=f"The gradient of {name} is 0{_at(flow, main)}",
        explanation=f"{_begin(trace, value)} {' '.join(told)}",
        remedy=_remedy_of(main),
        step=trace.step,
        site=site_at(flow, breaks[0]) if breaks else site_of(trace, value.id),
        values=(value.id, *_values_of(flow, breaks)),
        ops=tuple(dict.fromkeys(ops)),
        nodes=tuple(dict.fromkeys(b.node for b in breaks if b.node is not None)),
        numbers=() if main is None or main[1] is None else main[1].numbers,
        paths=tuple(path_of(flow, one) for one in breaks[:_MOST_BREAKS]),
        unknown=tuple(_unknown(flow, one) for one in breaks if one.kind is Kind.UNREAD),
    )


def _begin(trace: Trace, value: Value) -> str:
    size = 1
    for axis in value.shape:
        size *= axis
    name = name_and_place(trace, value.id)
    every = f" in all of its {size:,} numbers" * (size > 1)
    return f"The gradient of {name} is 0{every}."


def _at(flow: Flow, main: tuple[Break, Cause | None] | None) -> str:
    if main is None:
        return ""
    op = op_at(flow, main[0])
    if op is None:
        return "" if site_at(flow, main[0]) is None else ": it ends here"
    trace = flow.backward.trace
    return f": it ends at {name_value(trace, flow.graph.ops[op].outputs[0])}"


def op_at(flow: Flow, one: Break) -> int | None:
    """Return the op at which a gradient becomes 0."""
    return None if one.node is None else flow.graph.grad_nodes[one.node].op


def site_at(flow: Flow, one: Break) -> Site | None:
    """Return the user's line at which a gradient becomes 0."""
    op = op_at(flow, one)
    if op is not None:
        return flow.graph.ops[op].site
    value = value_at(flow.graph, one.place)
    return None if value is None else site_of(flow.backward.trace, value)


def cause_of(facts: Facts, flow: Flow, one: Break) -> Cause | None:
    """Say why an op sends 0 on; None where no single op does."""
    op = op_at(flow, one)
    if one.kind is not Kind.NODE or op is None or one.node is None:
        return None
    found = flow.graph.ops[op]
    source = source_of(flow.graph, one.node, one.position)
    if source is None:
        source = next(
            (v for v in found.inputs if flow.graph.values[v].requires_grad),
            found.inputs[0] if found.inputs else None,
        )
    if source is None:
        return None
    return explain_stop(Stop(facts, flow.backward.trace, found, source))


def _tell(flow: Flow, one: Break, cause: Cause | None) -> str:
    trace = flow.backward.trace
    value = value_at(flow.graph, one.place)
    name = "it" if value is None else name_and_place(trace, value)
    match one.kind:
        case Kind.NODE:
            return f"{_arrives(flow, one)} {'' if cause is None else cause.text}"
        case Kind.CANCELLED:
            edges = flow.senders.get(one.place, ())
            sizes = [flow.sent(edge) for edge in edges]
            return (
                f"At {name} {count(len(sizes), 'contribution')} arrive that are not 0 "
                "and add up to exactly 0: they cancel, or a hook of yours has set the "
                "sum to 0."
            )
        case Kind.SEED:
            return f"Backward began at {name} with the gradient 0."
    return f"On the way to {name} it was not kept."


def _arrives(flow: Flow, one: Break) -> str:
    """Say what arrives at the op that sends 0 on."""
    trace = flow.backward.trace
    op = op_at(flow, one)
    if one.node is None or op is None:
        return ""
    value = flow.graph.ops[op].outputs[0]
    place = place_of(flow.graph, value)
    if place is not None and not flow.senders.get(place):
        return f"Backward begins at {name_and_place(trace, value)}."
    seen = flow.largest_arrived(one.node)
    size = norm_of(seen)
    size = size if size.startswith("of ") else f"of {size}"
    return f"At {name_and_place(trace, value)} a gradient {size} still arrives."


def _remedy_of(main: tuple[Break, Cause | None] | None) -> str:
    if main is None:
        return "Look at the gradients on the way."
    one, cause = main
    if cause is not None:
        return cause.remedy
    if one.kind is Kind.SEED:
        return "Call backward with another gradient, or on another value."
    if one.kind is Kind.UNREAD:
        return "Record again with statistics."
    return "Look at the contributions: they should not have opposite signs."


def _values_of(flow: Flow, breaks: Sequence[Break]) -> tuple[int, ...]:
    found = (value_at(flow.graph, one.place) for one in breaks)
    return tuple(dict.fromkeys(v for v in found if v is not None))


def _unknown(flow: Flow, one: Break) -> str:
    value = value_at(flow.graph, one.place)
    name = "it" if value is None else name_value(flow.backward.trace, value)
    return (
        f"Cannot tell why the gradient is 0 behind {name} because what arrived there "
        "was not recorded."
    )


def path_of(flow: Flow, one: Break) -> tuple[PathStep, ...]:
    """Return the way of the gradient from where backward began through a break."""
    top = (one.node, 0) if one.node is not None else one.place
    before = strongest_way(flow, top)
    after = [place for place in one.route if place not in before]
    steps = _stations(flow, before)
    if one.node is None:
        steps = steps[:-1]
        after = list(one.route)
    behind = _stations(flow, after)
    if behind:
        behind[0] = replace(behind[0], mark="0 from here on")
    return (*_shorten(steps), *_shorten(behind))


def _stations(flow: Flow, places: Sequence[Place]) -> list[PathStep]:
    """Return the values on a way, with the size of the gradient where it is not 0."""
    trace = flow.backward.trace
    steps = []
    for place in places:
        value = value_at(flow.graph, place)
        if value is not None:
            text = code_of(trace, value) or name_value(trace, value)
            op = flow.graph.values[value].op
            mark = _mark(flow, place)
            steps.append(PathStep(text, site_of(trace, value), value, op, mark))
    return steps


def _mark(flow: Flow, place: Place) -> str:
    seen = flow.at(place)
    stats = None if seen is None else seen.stats
    norm = 0.0 if stats is None else norm_with_all(stats)
    return f"gradient {amount(norm)}" if norm else ""


def _shorten(steps: Sequence[PathStep]) -> list[PathStep]:
    """Leave out the middle of a long way."""
    if len(steps) <= _MOST_STATIONS:
        return list(steps)
    left = len(steps) - 2 * _KEPT
    return [*steps[:_KEPT], PathStep(f"… {left} more …"), *steps[-_KEPT:]]
