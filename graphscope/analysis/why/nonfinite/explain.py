"""The question `why` for one value: what made it, or its gradient, NaN or Inf."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from graphscope.analysis.evidence.facts import Check, Facts
from graphscope.analysis.evidence.wording import begin, name_value, site_of
from graphscope.analysis.why.nonfinite.beginning import tell_beginning
from graphscope.analysis.why.nonfinite.checks import find_nonfinite, tell
from graphscope.analysis.why.nonfinite.flow import Birth, Cause, Flow, trace_flow
from graphscope.analysis.why.nonfinite.harm import HarmfulSlots
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.sources import Places
from graphscope.analysis.why.nonfinite.spread import kind_of, reached
from graphscope.analysis.why.nonfinite.telling import choose_birth
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Role, Value, ValueKind
from graphscope.model.packed import nonfinite_slots
from graphscope.model.trace import Recording, Trace

FINITE: Final = "finite"
"""The kind of the answer that there is nothing to explain; no fault."""

HARMLESS: Final = "harmless"
"""The kind of the answer that it reaches nothing that counts; no fault."""

Steps = Recording | Sequence[Trace]


def explain_nonfinite(
    facts: Facts, trace: Trace, value: Value, steps: Steps | None = None
) -> Finding:
    """Say where the NaN or Inf of a value, or of its gradient, was born.

    Args:
        facts: Of the step's graph.
        trace: The step.
        value: The value.
        steps: The steps of the recording: a parameter may be NaN since an earlier one.

    Returns:
        The birth certificate, of the step in which it happened; one of kind `finite`
        when neither the value nor its gradient holds NaN or Inf, and `harmless` when
        it reaches no loss, no gradient and no parameter.
    """
    bad = set(nonfinite_slots(trace.observations))
    own = [s for s in _slots_of(trace.graph, value) if s in bad]
    if not own:
        return _finite(trace, value)
    flow = trace_flow(Places(facts), trace)
    birth = choose_birth(flow, own)
    if birth is None:
        return _finite(trace, value)
    if _is_older(trace.graph, birth):
        return _of_earlier(trace, birth, flow, steps)
    harmful = HarmfulSlots(facts)
    found = tell(Scene(facts, trace, flow, birth), harmful)
    return _with_harm(found, trace, harmful, set(reached(flow, birth.slot)))


def _with_harm(
    found: Finding, trace: Trace, harmful: HarmfulSlots, slots: set[int]
) -> Finding:
    """Say that it does no harm, where it does none."""
    if not slots.isdisjoint(harmful.find(trace)):
        return found
    why = "It reaches no loss, no gradient and no parameter, so it does no harm."
    if not slots.isdisjoint(harmful.all):
        why = (
            "The GradScaler has found it, skips the update and takes a smaller scale, "
            "so it does no harm."
        )
    return replace(
        found, kind=HARMLESS, explanation=f"{found.explanation} {why}", remedy=""
    )


def _slots_of(graph: Graph, value: Value) -> Iterator[int]:
    """Yield the slots of a value and its gradient, of its later versions too."""
    wanted = {value.id}
    for later in graph.values[value.id + 1 :]:
        if later.previous in wanted and value.kind is ValueKind.PARAMETER:
            wanted.add(later.id)
    for one in sorted(wanted):
        for slot in graph.value_slots.get(one, ()):
            if graph.slots[slot].role not in (Role.LOCAL, Role.HYPER, Role.EDGE):
                yield slot


def _is_older(graph: Graph, birth: Birth) -> bool:
    """Whether a birth is not of this step: a parameter was NaN when it began."""
    if birth.cause is not Cause.GIVEN or birth.op is not None or birth.value is None:
        return False
    return graph.values[birth.value].kind is ValueKind.PARAMETER


def _of_earlier(trace: Trace, birth: Birth, flow: Flow, steps: Steps | None) -> Finding:
    """Look for the step that made a parameter NaN."""
    found = None if steps is None else _first(steps, trace.step)
    if found is None:
        seen = None if steps is None else _last_before(steps, trace.step)
        return tell_beginning(trace, [birth.slot, *_others(flow, birth)], seen)
    since = (
        f" Since then {name_value(trace, birth.value or 0)} is "
        f"{kind_of(trace.seen(birth.slot))}, in step {trace.step} too."
    )
    return replace(found, explanation=found.explanation + since)


def _others(flow: Flow, birth: Birth) -> Iterator[int]:
    for other in flow.births.values():
        if other.slot != birth.slot and other.cause is Cause.GIVEN and other.op is None:
            yield other.slot


def _first(steps: Steps, last: int) -> Finding | None:
    """Return the first birth that does harm, up to a step."""
    checks: dict[int, tuple[Graph, list[Check]]] = {}
    for trace in islice(steps, last + 1):
        if trace.step > last or not nonfinite_slots(trace.observations):
            continue
        known = checks.get(id(trace.graph))
        if known is None:
            known = trace.graph, list(find_nonfinite(Facts(trace.graph)))
            checks[id(trace.graph)] = known
        for check in known[1]:
            found = check(trace)
            if found is not None:
                return found
    return None


def _last_before(steps: Steps, step: int) -> int | None:
    found = None
    for trace in islice(steps, step + 1):
        if trace.step < step:
            found = trace.step
    return found


def _finite(trace: Trace, value: Value) -> Finding:
    name = name_value(trace, value.id)
    return Finding(
        kind=FINITE,
        title=f"{begin(name)} is finite",
        explanation=(
            f"Neither {name} nor its gradient holds NaN or Inf in step {trace.step}."
        ),
        remedy="",
        step=trace.step,
        site=site_of(trace, value.id),
        values=(value.id,),
    )
