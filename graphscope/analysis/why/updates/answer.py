"""Whether one parameter was updated in one step, by what and how far, or why not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.reading import is_equal
from graphscope.analysis.evidence.updating import learning_rate
from graphscope.analysis.evidence.wording import amount, listing, one_line, where
from graphscope.analysis.why.updates.clipping import changing_op
from graphscope.analysis.why.updates.distance import Distance, is_finite, measure, norm
from graphscope.analysis.why.updates.look import Look, Moved, Run, first_version
from graphscope.analysis.why.updates.too_little import rate_of
from graphscope.errors import UnknownNameError
from graphscope.model.finding import Finding
from graphscope.model.graph import Op, OpKind, Value, ValueKind
from graphscope.model.optimizers import HeldParameter
from graphscope.model.trace import Trace

_CHANGED: Final = 1e-6
_NO_NUMBERS: Final = (
    "Cannot tell how far, because its numbers were not all recorded.",
)
_ONLY_STATISTICS: Final = (
    "Cannot tell how far, because only statistics were recorded.",
)
_THIS_STEP: Final = (
    "Cannot tell from one step whether an optimizer holds it that runs in another.",
)
_BEFORE: Final = (
    "Cannot tell which line froze it, because it was so before the recording began.",
)


def explain_update(facts: Facts, trace: Trace, name: str) -> Finding:
    """Explain what the updates of a step did to a parameter.

    Args:
        facts: Of the step's graph.
        trace: The step.
        name: The parameter's path or name.

    Returns:
        A finding of kind `updated` where it was changed, else of the kind that says
        why it was not.

    Raises:
        UnknownNameError: The step has nothing of that name.
    """
    look = Look(facts, 0)
    for run in look.runs:
        for moved in run.moved:
            if moved.label == name:
                return _tell_moved(trace, run, moved)
    by_hand = _update_by_hand(trace, name)
    if by_hand is not None:
        return _tell_by_hand(trace, *by_hand)
    for run in look.runs:
        for held in run.held:
            if held.name == name:
                is_other = not look.key_of(held)
                tell = _tell_other if is_other else _tell_passed_over
                return tell(trace, look, run, held)
    return _tell_not_held(trace, look, name)


def _tell_moved(trace: Trace, run: Run, moved: Moved) -> Finding:
    found, rate = measure(trace, moved), rate_of(trace, run)
    with_rate = "" if rate is None else f" with the learning rate {amount(rate)}"
    text = f"{run.class_name}{where(run.site)} updates `{moved.label}`{with_rate}"
    told = Finding(
        kind="updated",
        title=f"`{moved.label}` was updated",
        explanation=f"{text}.",
        remedy="",
        step=trace.step,
        site=run.site,
        values=(moved.first,),
    )
    if found is None:
        if is_finite(trace, moved):
            return replace(told, unknown=_NO_NUMBERS)
        end = f"`{moved.label}` is not finite after it"
        return replace(told, explanation=f"{text}: {end}.")
    kind, title, end = _judge(found, rate)
    used = f"{text}. The gradient that it uses is of norm {amount(found.gradient)}"
    numbers = [
        (f"norm of {moved.label}", found.size),
        (f"norm of {moved.label}.grad", found.gradient),
    ]
    if found.way is not None:
        numbers.append(("norm of the change", found.way))
    return replace(
        told,
        kind=kind,
        title=title,
        explanation=f"{used}{_clipping(trace, run, found)}. {end}",
        numbers=tuple(numbers),
        unknown=_ONLY_STATISTICS if found.way is None else (),
    )


def _judge(found: Distance, rate: float | None) -> tuple[str, str, str]:
    """Return the kind and title of what an update did, and the sentence about it."""
    name = f"`{found.moved.label}`"
    if found.way is None:
        return "updated", f"{name} was updated", f"It changes {name}."
    if found.way:
        share = ""
        if found.ratio:
            share = f", which is {amount(float(f'{found.ratio:.2g}'))} of its size"
        end = (
            f"It changes {name}, of norm {amount(found.size)}, by "
            f"{amount(found.way)}{share}."
        )
        return "updated", f"{name} was updated", end
    title = f"{name} was not changed by its update"
    if rate == 0:
        return "zero-lr", title, f"With a rate of 0 {name} stays as it is."
    if not found.gradient:
        is_clipped = found.summed > 0
        kind = "clipped-to-nothing" if is_clipped else "zero-grad"
        return kind, title, f"So {name} stays as it is."
    end = f"It is too small to change any number of {name}: it is rounded away."
    return "tiny-update", title, end


def _clipping(trace: Trace, run: Run, found: Distance) -> str:
    """Say what has become of the gradient between backward and the update."""
    is_same = abs(found.summed - found.gradient) <= _CHANGED * found.summed
    if not found.summed or found.moved.used is None or is_same:
        return ""
    op = changing_op(trace.graph, run.event)
    by = "" if op is None else f" by `{_text(op)}`{where(op.site)}"
    return f", changed{by} from {amount(found.summed)} that backward left"


def _text(op: Op) -> str:
    return op.name if op.site is None else one_line(op.site.expression)


def _update_by_hand(trace: Trace, name: str) -> tuple[Op, Value] | None:
    """Return the last op that updates the leaf of a name, with that leaf."""
    graph = trace.graph
    found = None
    for op in graph.ops:
        for output in op.outputs if op.kind is OpKind.UPDATE else ():
            value = graph.values[output]
            if value.name == name and value.previous is not None:
                found = op, graph.values[first_version(graph, output)]
    return found


def _tell_by_hand(trace: Trace, op: Op, leaf: Value) -> Finding:
    name = f"`{leaf.name}`"
    seen = trace.value_of(leaf.id), trace.updated_to(leaf.id)
    before, after = map(norm, seen)
    kind, title, change = "updated", f"{name} was updated by hand", ""
    if seen[0] is not None and is_equal(*seen):
        rate = learning_rate(trace)
        kind = "zero-lr" if rate == 0 else "tiny-update"
        title = f"{name} was not changed by its update"
        why = ", since the learning rate is 0" if rate == 0 else ""
        change = f" It changes no number of it{why}."
    elif before is not None and after is not None:
        change = f" Its norm was {amount(before)} and is {amount(after)} after it."
    return Finding(
        kind=kind,
        title=title,
        explanation=(
            f"`{_text(op)}`{where(op.site)} updates {name} by hand, with no "
            f"optimizer.{change}"
        ),
        remedy="",
        step=trace.step,
        site=op.site,
        values=(leaf.id,),
        ops=(op.id,),
    )


def _tell_other(trace: Trace, look: Look, run: Run, held: HeldParameter) -> Finding:
    (leaf, *_) = (leaf for leaf in look.leaves if leaf.key == held.name)
    name = f"`{held.name}`"
    return Finding(
        kind="replaced-parameter",
        title=f"The optimizer holds what {name} has replaced",
        explanation=(
            f"{run.class_name}{where(run.place)} holds a tensor that was called {name} "
            f"before. The {name} of step {trace.step} is another one, which no "
            "optimizer of the step holds."
        ),
        remedy=f"Make the optimizer{where(run.made_by)} after {name} is assigned.",
        step=trace.step,
        site=run.place,
        values=(leaf.value,),
    )


def _tell_passed_over(
    trace: Trace, look: Look, run: Run, held: HeldParameter
) -> Finding:
    name = f"`{held.name}`"
    text = f"{run.class_name}{where(run.site)} holds {name}, but passes it over:"
    values = () if held.value is None else (held.value,)
    if held.requires_grad:
        return Finding(
            kind="none-grad",
            title=f"{name} was not updated: it has no gradient",
            explanation=(
                f"{text} its `.grad` is None, and without one an optimizer changes "
                "nothing."
            ),
            remedy=f"Ask why `{held.name}.grad` is None.",
            step=trace.step,
            site=run.site,
            values=values,
        )
    site = look.set_by(held)
    by = "" if site is None else f" by `{one_line(site.expression)}`{where(site)}"
    return Finding(
        kind="frozen-update",
        title=f"{name} is frozen",
        explanation=f"{text} it does not require a gradient; it was frozen{by}.",
        remedy=f"Call `requires_grad_(True)` of {name} to have it trained.",
        step=trace.step,
        site=site or run.site,
        values=values,
        unknown=_BEFORE if site is None else (),
    )


def _tell_not_held(trace: Trace, look: Look, name: str) -> Finding:
    value = _known(trace, name)
    told = Finding(
        kind="not-updated",
        title=f"`{name}` was not updated",
        explanation="",
        remedy="",
        step=trace.step,
        site=None if value is None else value.site,
        values=() if value is None else (value.id,),
    )
    if value is not None and not (value.is_leaf and value.requires_grad):
        what = "computed" if value.op is not None else "given"
        return replace(
            told,
            explanation=(
                f"`{name}` is {what}{where(value.site)} and is no parameter: updates "
                "change leaves that require a gradient."
            ),
        )
    if not look.runs:
        return replace(
            told,
            explanation=(
                f"Step {trace.step} has no update: neither an optimizer nor code of "
                f"yours changes `{name}` in it."
            ),
            remedy="Look at a step that ends with an update.",
        )
    return replace(told, **_not_held(trace, look.runs, name))


def _not_held(trace: Trace, runs: Sequence[Run], name: str) -> dict[str, Any]:
    run = runs[0]
    all_runs = listing([f"{one.class_name}{where(one.place)}" for one in runs])
    held = [f"`{one.name}`" for one in run.held if one.name]
    holds = f" {run.class_name} holds {listing(held)}." if held else ""
    verbs = ("runs", "does") if len(runs) == 1 else ("run", "do")
    return {
        "title": f"`{name}` is not in the optimizer",
        "explanation": (
            f"{all_runs} {verbs[0]} in step {trace.step} and {verbs[1]} not hold "
            f"`{name}`.{holds}"
        ),
        "remedy": (
            f"Give `{name}` to the optimizer{where(run.made_by)}, if it is meant to "
            "be trained in this step."
        ),
        "site": run.place,
        "unknown": _THIS_STEP,
    }


def _known(trace: Trace, name: str) -> Value | None:
    """Return the value of a name; None for a parameter that nothing has read.

    Raises:
        UnknownNameError: The step has nothing of that name.
    """
    try:
        found = trace.resolve(name)
    except UnknownNameError:
        if any(parameter.name == name for parameter in trace.graph.parameters):
            return None
        raise
    if found.kind is ValueKind.GRADIENT and found.owner is not None:
        return trace.graph.values[found.owner]
    return found
