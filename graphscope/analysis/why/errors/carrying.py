"""What to write so that no step goes backward through the graph of another.

Separate from `second`, which says what happened: here it is the user's code that is
read, for what a tensor is carried for.
"""

import re
from collections.abc import Sequence

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import code_of, listing
from graphscope.analysis.why.errors.failing import Backward
from graphscope.analysis.why.errors.past import Origin, freed_by
from graphscope.analysis.why.errors.wording import is_name
from graphscope.model.graph import Value
from graphscope.model.trace import Trace


def carried_remedy(
    trace: Trace, backward: Backward, carried: Sequence[Value], origin: Origin | None
) -> str:
    """Say to detach what goes from step to step, or to compute anew what does not."""
    added = _added_to(trace, backward, carried)
    if added:
        return (
            f"Go back from the new one alone, `{added}.backward()`, and add up the "
            f"numbers: `{added}.item()`."
        )
    names = [value.name for value in carried]
    known = [name for name in names if name and _is_detachable(name)]
    if not known or len(known) < len(names):
        return "Detach what is carried from step to step: `.detach()`."
    remade = {
        value.name for value in trace.graph.values if value.kind is not carried[0].kind
    }
    if remade.isdisjoint(known):
        return _remedy_of_shared(backward, known, origin)
    left, right = _write_detached(trace, carried)
    return f"Cut it off from the step before: `{left} = {right}` between the steps."


def _added_to(trace: Trace, backward: Backward, carried: Sequence[Value]) -> str:
    """Return what a running total, from which backward starts, has got added."""
    op = trace.graph.values[backward.root].op
    made = None if op is None else trace.graph.ops[op]
    if made is None or plain_name(made) != "add" or len(carried) != 1:
        return ""
    others = [value for value in made.inputs if value != carried[0].id]
    code = code_of(trace, others[0]) if len(others) == 1 else None
    return code if code is not None and is_name(code) else ""


def _is_detachable(name: str) -> bool:
    return is_name(name.partition("[")[0])


def _remedy_of_shared(
    backward: Backward, known: Sequence[str], origin: Origin | None
) -> str:
    """Say what to do about a tensor that two backwards go through, unchanged."""
    it = "it" if len(known) == 1 else "them"
    shown = listing([f"`{name}`" for name in known])
    event = None if origin is None else freed_by(origin)
    first = None if event is None else event.site
    if first is not None and backward.site is not None and first != backward.site:
        cut = listing([f"`{name}.detach()`" for name in known])
        call = f"`{first.expression}`" if first.expression else "the backward"
        return (
            f"If {call} (line {first.line}) needs no gradient of {shown}, compute its "
            f"loss from {cut}; else keep the graph with `retain_graph=True` in line "
            f"{first.line}."
        )
    return (
        f"Compute {shown} inside of the loop, anew in each step; or detach {it} if no "
        "gradient is to flow there."
    )


def _write_detached(trace: Trace, carried: Sequence[Value]) -> tuple[str, str]:
    """Write an assignment that detaches tensors: of a tuple all that are in it."""
    names = list(dict.fromkeys((v.name or "").partition("[")[0] for v in carried))
    parts = {(v.name or "").partition("[")[0] for v in carried if "[" in (v.name or "")}
    users = trace.graph.consumers.get(carried[0].id, ())
    site = trace.graph.ops[users[0]].site if users else None
    text = "" if site is None else site.expression
    own = [
        f"self.{name}" if re.search(rf"\bself\.{re.escape(name)}\b", text) else name
        for name in names
    ]
    right = [
        f"tuple(h.detach() for h in {full})" if name in parts else f"{full}.detach()"
        for name, full in zip(names, own, strict=True)
    ]
    return ", ".join(own), ", ".join(right)
