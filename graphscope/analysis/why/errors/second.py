"""Backward through a graph whose saved tensors an earlier backward has freed.

The line to blame is that of the second backward, where both belong to one step. Where
a tensor carries the graph of an earlier step into this one, it is the line that
computed the tensor: there it has to be detached, or computed anew in each step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    begin,
    code_of,
    listing,
    name_value,
    site_of,
)
from graphscope.analysis.why.errors.carrying import carried_remedy
from graphscope.analysis.why.errors.failing import (
    Backward,
    find_failing_backward,
    root_of,
)
from graphscope.analysis.why.errors.past import (
    Origin,
    Past,
    carried_into,
    freed_by,
)
from graphscope.analysis.why.errors.wording import (
    join_sentences,
    name_code,
    name_op,
    write_step,
)
from graphscope.model.finding import Finding, PathStep
from graphscope.model.graph import Event, Graph, Value
from graphscope.model.site import Site
from graphscope.model.trace import Trace

KIND: Final = "second-backward"
_MESSAGE: Final = "Trying to backward through the graph a second time"
_NO_ORIGIN: Final = (
    "Cannot tell which backward freed it because the step that computed it is not in "
    "the recording, or has no tensor of that name."
)
_NO_EARLIER: Final = (
    "Cannot tell which backward freed it because the recording has none that ran this "
    "node."
)


@dataclass(frozen=True, slots=True)
class _Freed:
    """The earlier backward that freed what the node had saved.

    Attributes:
        event: In which the node ran.
        root: Id of what that backward started from, None when it is not known.
    """

    event: Event
    root: int | None


def explain_second(facts: Facts, trace: Trace, past: Past) -> Finding | None:
    """Explain a second backward through one graph; None for any other error."""
    if _MESSAGE not in trace.error:
        return None
    backward = find_failing_backward(trace.graph)
    if backward is None:
        return None  # saved tensors were read, by hand
    freed = _find_freed(trace.graph, backward)
    if freed is not None:
        return _tell_same_step(facts, trace, backward, freed)
    carried = carried_into(trace, backward)
    if not carried:
        return _tell_little(trace, backward)
    return _tell_carried(facts, trace, backward, carried, past)


def _find_freed(graph: Graph, backward: Backward) -> _Freed | None:
    """Return the last backward of this step that ran the node which raised."""
    if backward.node is None:
        return None
    indices = graph.grad_events.get(backward.node, ())
    earlier = [index for index in indices if index < backward.begin]
    if not earlier:
        return None
    return _Freed(graph.events[earlier[-1]], root_of(graph, earlier[-1]))


def _tell_same_step(
    facts: Facts, trace: Trace, backward: Backward, freed: _Freed
) -> Finding:
    is_same = freed.root == backward.root
    root = name_value(trace, backward.root)
    made = _maker(facts, trace, backward)
    first = name_code(freed.event.site, "an earlier backward")
    second = begin(name_code(backward.site, "backward"))
    if is_same:
        title = f"{begin(root)} goes backward twice"
        shared = f"{begin(first)} freed what {made} had saved for its gradient"
    else:
        other = "" if freed.root is None else name_value(trace, freed.root)
        title = f"{begin(root)} goes backward through a graph that is freed"
        shared = (
            f"{begin(first)} freed what {made} had saved for its gradient, and "
            f"{root} was computed from the same {_shared(trace, backward)}"
            f"{f' as {other}' if other else ''}"
        )
    node = trace.graph.grad_nodes[backward.node] if backward.node is not None else None
    name = "a node" if node is None else node.name
    return Finding(
        kind=KIND,
        title=title,
        explanation=(
            f"{shared}. {second} came to {name} a second time, where nothing was left "
            "to compute with."
        ),
        remedy=_same_remedy(trace, backward, freed, is_same=is_same),
        step=trace.step,
        site=backward.site,
        values=(backward.root,),
        ops=() if node is None or node.op is None else (node.op,),
        nodes=() if node is None else (node.id,),
        paths=(_same_path(trace, backward, freed),),
    )


def _maker(facts: Facts, trace: Trace, backward: Backward) -> str:
    node = backward.node
    op = None if node is None else trace.graph.grad_nodes[node].op
    return "it" if op is None else name_op(facts, trace, trace.graph.ops[op])


def _shared(trace: Trace, backward: Backward) -> str:
    """Name the result that both losses were computed from."""
    if backward.node is None:
        return "graph"
    outputs = trace.graph.grad_nodes[backward.node].outputs
    known = [value for value in outputs if value is not None]
    return name_value(trace, known[0]).removeprefix("the ") if known else "graph"


def _same_remedy(
    trace: Trace, backward: Backward, freed: _Freed, *, is_same: bool
) -> str:
    site = freed.event.site
    line = "the first one" if site is None else f"line {site.line}"
    keep = f"`retain_graph=True` in {line}"
    if is_same:
        return (
            f"Go back from {name_value(trace, backward.root)} once, or compute it anew "
            f"in between; if both are meant, keep the graph with {keep}."
        )
    names = [
        None if root is None else code_of(trace, root)
        for root in (freed.root, backward.root)
    ]
    if all(names):
        first, second = names
        both = f"`({first} + {second}).backward()`"
        return f"Go back once, from the sum: {both}; or keep the graph with {keep}."
    return f"Go back once, from the sum of both; or keep the graph with {keep}."


def _same_path(trace: Trace, backward: Backward, freed: _Freed) -> tuple[PathStep, ...]:
    node = trace.graph.grad_nodes[backward.node or 0]
    made = [value for value in node.outputs if value is not None]
    first = [write_step(trace, v, "saves what backward needs") for v in made[:1]]
    name = node.name
    return (
        *first,
        _call_step(freed.event.site, f"frees what {name} saved"),
        _call_step(backward.site, f"needs {name} again"),
    )


def _call_step(site: Site | None, mark: str) -> PathStep:
    text = site.expression if site is not None and site.expression else "backward"
    return PathStep(text, site, mark=mark)


def _tell_carried(
    facts: Facts,
    trace: Trace,
    backward: Backward,
    carried: Sequence[Value],
    past: Past,
) -> Finding:
    main = carried[0]
    origin = past.find(main, trace.step)
    names = listing([name_value(trace, value.id) for value in carried])
    many = len(carried) > 1
    site = main.site if origin is None else site_of(origin.trace, origin.value.id)
    return Finding(
        kind=KIND,
        title=(
            f"{begin(names)} {'carry' if many else 'carries'} the graph of an earlier "
            "step into this one"
        ),
        explanation=join_sentences(
            [
                _tell_origin(facts, trace, backward, carried, origin),
                _tell_freed(trace, backward, origin),
            ]
        ),
        remedy=carried_remedy(trace, backward, carried, origin),
        step=trace.step,
        site=site or backward.site,
        values=(*(value.id for value in carried), backward.root),
        nodes=() if backward.node is None else (backward.node,),
        paths=(_carried_path(trace, backward, main, origin),),
        unknown=_unknown(origin),
    )


def _tell_origin(
    facts: Facts,
    trace: Trace,
    backward: Backward,
    carried: Sequence[Value],
    origin: Origin | None,
) -> str:
    """Say where the carried tensors come from, and what uses them in this step."""
    names = listing([name_value(trace, value.id) for value in carried])
    step = "an earlier step" if origin is None else f"step {origin.trace.step}"
    made = None if origin is None or origin.value.op is None else origin
    by = (
        f" by {name_op(made.facts, made.trace, made.trace.graph.ops[made.value.op])}"
        if made is not None and made.value.op is not None
        else ""
    )
    was = "were" if len(carried) > 1 else "was"
    users = trace.graph.consumers.get(carried[0].id, ())
    use = ""
    if users:
        user = name_op(facts, trace, trace.graph.ops[users[0]])
        use = f", and {user} used {'them' if len(carried) > 1 else 'it'} in step "
        use += str(trace.step)
    elif carried[0].id == backward.root:
        use = f", and backward starts from it again in step {trace.step}"
    return f"{begin(names)} {was} computed in {step}{by}{use}."


def _tell_freed(trace: Trace, backward: Backward, origin: Origin | None) -> str:
    """Say which backward freed the graph, and which one came there again."""
    second = begin(name_code(backward.site, "backward"))
    node = backward.node
    name = "its nodes" if node is None else trace.graph.grad_nodes[node].name
    of_it = "" if node is None else " of it"
    event = None if origin is None else freed_by(origin)
    if event is None or origin is None:
        return (
            f"{second} went back through {'its' if origin else 'that'} graph to "
            f"{name}, whose saved tensors an earlier backward had freed."
        )
    first = name_code(event.site, "its backward")
    if event.site == backward.site:
        return (
            f"{second} freed that graph at the end of step {origin.trace.step}; in "
            f"step {trace.step} it came to {name}{of_it} a second time."
        )
    return (
        f"{begin(first)} freed that graph in step {origin.trace.step}; {second} came "
        f"to {name}{of_it} a second time."
    )


def _carried_path(
    trace: Trace, backward: Backward, main: Value, origin: Origin | None
) -> tuple[PathStep, ...]:
    steps = []
    if origin is not None:
        made = write_step(origin.trace, origin.value.id)
        mark = f"in step {origin.trace.step}"
        steps.append(PathStep(made.text, made.site, mark=mark))
        event = freed_by(origin)
        if event is not None:
            steps.append(
                _call_step(event.site, f"frees it in step {origin.trace.step}")
            )
    users = trace.graph.consumers.get(main.id, ())
    outputs = trace.graph.ops[users[0]].outputs if users else ()
    if outputs:
        mark = f"uses it in step {trace.step}"
        steps.append(write_step(trace, outputs[0], mark))
    return (*steps, _call_step(backward.site, f"goes back in step {trace.step}"))


def _unknown(origin: Origin | None) -> tuple[str, ...]:
    if origin is not None:
        return ()
    return (_NO_ORIGIN,)


def _tell_little(trace: Trace, backward: Backward) -> Finding:
    call = name_code(backward.site, "backward")
    root = name_value(trace, backward.root)
    return Finding(
        kind=KIND,
        title=f"{begin(root)} goes backward through a graph that is freed",
        explanation=(
            f"{begin(call)} came to a node whose saved tensors an earlier backward had "
            f"freed."
        ),
        remedy=(
            "Detach what comes from an earlier step, or go back once from the sum of "
            "the losses."
        ),
        step=trace.step,
        site=backward.site,
        values=(backward.root,),
        nodes=() if backward.node is None else (backward.node,),
        unknown=(_NO_EARLIER,),
    )
