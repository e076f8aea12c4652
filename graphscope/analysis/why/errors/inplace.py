"""A tensor that backward needs was changed in place: who saved it, who changed it.

The line to blame is that of the first change after the tensor was saved: there the
numbers went that the gradient needs. Autograd's message speaks of the tensor only.
"""

from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    begin,
    count,
    name_value,
    where,
)
from graphscope.analysis.why.errors.failing import (
    Backward,
    find_failing_backward,
    nodes_behind,
)
from graphscope.analysis.why.errors.past import Past, carried_into
from graphscope.analysis.why.errors.remedies import change_remedy
from graphscope.analysis.why.errors.saving import (
    Change,
    Versions,
    find_changes,
    read_versions,
    saved_values,
)
from graphscope.analysis.why.errors.wording import (
    join_sentences,
    name_code,
    name_op,
    write_step,
)
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import Op, Value
from graphscope.model.numbers import format_type
from graphscope.model.trace import Trace

KIND: Final = "inplace-modified"


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is known: who saved what, and the changes since.

    Attributes:
        facts: Of the graph that has the call which saved.
        trace: Its step.
        op: The call.
        node: Its grad node that raised.
        saved: What it had saved.
        changes: What changed that, in order.
        versions: What the message says.
        backward: The backward that failed.
        step: Index of the step in which it failed.
    """

    facts: Facts
    trace: Trace
    op: Op
    node: int
    saved: Value
    changes: tuple[Change, ...]
    versions: Versions
    backward: Backward
    step: int

    @property
    def is_past(self) -> bool:
        """Whether it was saved in an earlier step than that which failed."""
        return self.trace.step != self.step


def explain_inplace(facts: Facts, trace: Trace, past: Past) -> Finding | None:
    """Explain that a saved tensor was changed; None for any other error."""
    versions = read_versions(trace.error)
    if versions is None:
        return None
    backward = find_failing_backward(trace.graph)
    if backward is None:
        return _tell_little(trace, versions, None)
    case = _find_case(facts, trace, versions, backward)
    case = case or _find_past_case(trace, versions, backward, past)
    return _tell_little(trace, versions, backward) if case is None else _tell(case)


def _find_case(
    facts: Facts, trace: Trace, versions: Versions, backward: Backward
) -> _Case | None:
    """Find in the step itself who saved what, and what changed that."""
    if backward.node is None:
        return None
    return _search(
        facts, trace, versions, backward, (backward.node, backward.begin, trace.step)
    )


def _find_past_case(
    trace: Trace, versions: Versions, backward: Backward, past: Past
) -> _Case | None:
    """Find it in the earlier step that computed what this one goes on from."""
    for carried in carried_into(trace, backward):
        found = past.find(carried, trace.step)
        if found is None or found.value.grad_node is None:
            continue
        earlier = found.trace
        for node in nodes_behind(earlier.graph, found.value.grad_node):
            place = (node, len(earlier.graph.events), trace.step)
            case = _search(found.facts, earlier, versions, backward, place)
            if case is not None:
                return case
    return None


def _search(
    facts: Facts,
    trace: Trace,
    versions: Versions,
    backward: Backward,
    place: tuple[int, int, int],
) -> _Case | None:
    node, before, step = place
    graph = trace.graph
    made_by = graph.grad_nodes[node].op
    if made_by is None:
        return None
    op = graph.ops[made_by]
    for value in saved_values(graph, node, versions):
        changes = find_changes(
            graph, value.id, after=graph.op_events[op.id], before=before
        )
        if changes:
            return _Case(
                facts, trace, op, node, value, tuple(changes), versions, backward, step
            )
    return None


def _tell(case: _Case) -> Finding:
    trace, versions, first = case.trace, case.versions, case.changes[0]
    name = name_value(trace, case.saved.id)
    is_own = case.step == trace.step
    return Finding(
        kind=KIND,
        title=f"{begin(name)} is changed in place before backward needs it",
        explanation=join_sentences(
            [
                _tell_saving(case),
                _tell_changes(case),
                _tell_failure(case),
            ]
        ),
        remedy=change_remedy(
            case.facts, trace, first, case.saved.id, case.backward.site
        ),
        step=case.step,
        site=first.event.site,
        values=(case.saved.id,) if is_own else (),
        ops=(case.op.id, *_ops_of(case)) if is_own else (),
        nodes=(case.node,) if is_own else (),
        numbers=(
            ("version expected", versions.expected),
            ("version found", versions.found),
        ),
        paths=(_path(case),),
    )


def _tell_saving(case: _Case) -> str:
    name = begin(name_op(case.facts, case.trace, case.op))
    version = case.versions.expected
    return f"{name} saved {_what(case)} for its gradient, in version {version}."


def _tell_failure(case: _Case) -> str:
    node = case.trace.graph.grad_nodes[case.node].name
    return (
        f"{begin(_backward(case))} needs the saved numbers for {node} and found "
        f"version {case.versions.found}."
    )


def _what(case: _Case) -> str:
    name = name_value(case.trace, case.saved.id)
    role = "result" if case.saved.id in case.op.outputs else "input"
    return f"its {role} {name}" if name.startswith("`") else f"its {role}"


def _tell_changes(case: _Case) -> str:
    first, *others = case.changes
    text = f"{begin(_name_change(case, first))} then changed {_object(case)} in place"
    if not others:
        return f"{text}."
    places = {change.event.site for change in others} - {first.event.site}
    lines = sorted(site.short for site in places if site is not None)
    at = f" ({', '.join(lines)})" if lines else ""
    return f"{text}, and {count(len(others), 'more change')} came after{at}."


def _object(case: _Case) -> str:
    """Name what was changed: the saved tensor, or a view of its memory."""
    saved = name_value(case.trace, case.saved.id)
    first = case.changes[0]
    changed = name_value(case.trace, first.value)
    if changed == saved or first.op is None:
        return saved
    return f"{changed}, which shares memory with {saved},"


def _name_change(case: _Case, change: Change) -> str:
    if change.op is not None:
        return name_op(case.facts, case.trace, change.op)
    label = change.event.label or "the optimizer"
    return name_code(change.event.site, f"the update by {label}")


def _backward(case: _Case) -> str:
    return name_code(case.backward.site, "backward")


def _ops_of(case: _Case) -> list[int]:
    return [change.op.id for change in case.changes if change.op is not None]


def _path(case: _Case) -> tuple[PathStep, ...]:
    """Write what happened to the tensor, in order."""
    versions = case.versions
    each = versions.found - versions.expected == len(case.changes)
    steps = [
        write_step(case.trace, case.op.outputs[0], "saves it")
        if case.op.outputs
        else PathStep(case.op.name, case.op.site, op=case.op.id)
    ]
    for number, change in enumerate(case.changes, start=versions.expected + 1):
        site = change.event.site
        text = site.expression if site is not None and site.expression else ""
        op = None if change.op is None else change.op.id
        mark = f"changes it: version {number}" if each else "changes it"
        steps.append(
            PathStep(
                text or change.event.label or "update", site, change.made, op, mark
            )
        )
    site = case.backward.site
    text = site.expression if site is not None and site.expression else "backward"
    mark = f"needs version {versions.expected}"
    return (*steps, PathStep(text, site, mark=mark))


def _tell_little(
    trace: Trace, versions: Versions, backward: Backward | None
) -> Finding:
    """Tell what the message says where the recording does not know the change."""
    site = None if backward is None else backward.site
    node = None if backward is None else backward.node
    names = trace.graph.grad_nodes
    needed = "" if node is None else f" for {names[node].name}"
    made = None if node is None else names[node].op
    saver = "" if made is None else f", saved by {_place(trace, made)}"
    kind = format_type("float32", versions.shape).removeprefix("f32")
    by = f", a result of {versions.maker}" if versions.maker else ""
    return Finding(
        kind=KIND,
        title="A tensor is changed in place before backward needs it",
        explanation=(
            f"{begin(name_code(site, 'backward'))} needs a tensor of shape "
            f"{kind or '[]'}{by}{saver}{needed}. It was saved in version "
            f"{versions.expected} and is in version {versions.found}: it was changed "
            "in place since."
        ),
        remedy=(
            "Look for an in-place change of it (`+=`, `x[...] =`, a method that ends "
            "in `_`, `inplace=True`, an optimizer's step) and change a `.clone()`."
        ),
        step=trace.step,
        site=site,
        nodes=() if node is None else (node,),
        numbers=(
            ("version expected", versions.expected),
            ("version found", versions.found),
        ),
        unknown=(_why_unknown(trace, node),),
    )


def _place(trace: Trace, op: int) -> str:
    found = trace.graph.ops[op]
    return f"{found.name}{where(found.site)}"


def _why_unknown(trace: Trace, node: int | None) -> str:
    if node is not None and trace.graph.grad_nodes[node].op is None:
        return (
            "Cannot tell which line changed it because it was computed in an earlier "
            "step, which is not in the recording."
        )
    return (
        "Cannot tell which line changed it because the recording shows no in-place "
        "change of a tensor that fits: it may have happened inside of a call."
    )
