"""Why something has no gradient in one step: the answer for one name."""

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import listing
from graphscope.analysis.why.missing.ending import unused_reason
from graphscope.analysis.why.missing.leaves import frozen_reason, why_leaf
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.owners import exists_in_source
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.analysis.why.missing.results import why_result
from graphscope.model.finding import Finding
from graphscope.model.graph import Value, ValueKind
from graphscope.model.trace import Trace

KIND = "none-grad"


def explain_missing(facts: Facts, trace: Trace, name: str) -> Finding:
    """Explain why something has no gradient in a step.

    Args:
        facts: Of the step's graph.
        trace: The step.
        name: A parameter's path, a leaf or a result; `.grad` at its end is left out.

    Returns:
        A finding of kind `none-grad`; that there is a gradient, where there is one.

    Raises:
        UnknownNameError: The step has nothing of that name.
    """
    asked = name.removesuffix(".grad")
    reason = find_reason(Look(trace, facts), asked)
    return to_finding(trace, reason, [asked])


def find_reason(look: Look, name: str) -> Reason:
    """Return why what a user calls so has no gradient.

    Raises:
        UnknownNameError: The step has nothing of that name.
    """
    if look.trace.graph.names.get(name):
        return reason_of(look, look.trace.resolve(name))
    owned = look.owned.get(name)
    if owned is not None and not owned.requires_grad:
        return frozen_reason(look, None, owned.set_by, name)
    held = {p.name for run in look.trace.graph.optimizers for p in run.parameters}
    if owned is not None or name in held or exists_in_source(look.ran, name):
        return unused_reason(look, name)
    return reason_of(look, look.trace.resolve(name))


def reason_of(look: Look, value: Value) -> Reason:
    """Return why a value has no gradient."""
    if value.kind is ValueKind.GRADIENT and value.owner is not None:
        value = look.trace.graph.values[value.owner]
    is_result = value.kind in (ValueKind.RESULT, ValueKind.CARRIED)
    return why_result(look, value) if is_result else why_leaf(look, value)


def to_finding(trace: Trace, reason: Reason, names: list[str]) -> Finding:
    """Put a reason and those whom it concerns into words."""
    subject = listing([f"`{name}`" for name in names])
    if reason.kind is Kind.PRESENT:
        title = f"{subject} has a gradient"
        start = f"{subject} has a gradient in step {trace.step}."
    else:
        who = subject if len(names) == 1 else f"{len(names):,} parameters"
        title = f"{who} got no gradient: {reason.title}"
        verb = "has" if len(names) == 1 else "have"
        start = f"{subject} {verb} no gradient in step {trace.step}."
    return Finding(
        kind=KIND,
        title=title,
        explanation=f"{start} {reason.because}",
        remedy=reason.remedy,
        step=trace.step,
        site=reason.site,
        values=reason.values,
        ops=reason.ops,
        nodes=reason.nodes,
        numbers=reason.numbers,
        paths=reason.paths,
        unknown=reason.unknown,
    )
