"""What is to be explained: which value a name means, and how its gradient is.

Separate from the explanations, each of which is about one state only.
"""

from dataclasses import dataclass
from enum import StrEnum

from graphscope.analysis.evidence.reading import is_zero
from graphscope.errors import UnknownNameError
from graphscope.model.graph import Graph, Role, Value, ValueKind
from graphscope.model.names import nearest_names
from graphscope.model.observation import Observation
from graphscope.model.trace import Trace


class State(StrEnum):
    """How a gradient is."""

    MISSING = "missing"
    UNREAD = "unread"
    NONFINITE = "nonfinite"
    ZERO = "zero"
    USUAL = "usual"


@dataclass(frozen=True, slots=True)
class Subject:
    """A value whose gradient is asked for, and what was seen of it.

    Attributes:
        value: The value; for the `.grad` of a leaf that leaf.
        seen: `.grad` of a leaf after the last backward; the gradient that arrived, of
            any other value.
        state: How that is.
        is_own_nonfinite: Whether the value itself has a NaN or an Inf.
    """

    value: Value
    seen: Observation | None
    state: State
    is_own_nonfinite: bool

    @property
    def is_leaf(self) -> bool:
        """Whether it is a leaf, whose `.grad` torch keeps."""
        return self.value.kind is ValueKind.PARAMETER


def read_subject(trace: Trace, value: Value) -> Subject:
    """Return what there is to explain about a value."""
    if value.kind is ValueKind.GRADIENT and value.owner is not None:
        value = trace.graph.values[value.owner]
    seen = _gradient_of(trace, value)
    own = trace.value_of(value.id)
    return Subject(value, seen, _state_of(seen), _has_nonfinite(own))


def _gradient_of(trace: Trace, value: Value) -> Observation | None:
    if value.kind is ValueKind.PARAMETER:
        for version in reversed(_versions(trace.graph, value)):
            after = trace.accumulations(version, Role.AFTER)
            if after:
                return after[-1]
    return trace.gradient_of(value.id)


def _versions(graph: Graph, value: Value) -> list[int]:
    found = [value.id]
    for later in graph.values[value.id + 1 :]:
        if later.previous in found:
            found.append(later.id)
    return found


def _state_of(seen: Observation | None) -> State:
    if seen is None:
        return State.MISSING
    if seen.stats is None:
        return State.UNREAD
    if not seen.stats.is_finite:
        return State.NONFINITE
    return State.ZERO if is_zero(seen) else State.USUAL


def _has_nonfinite(seen: Observation | None) -> bool:
    return seen is not None and seen.stats is not None and not seen.stats.is_finite


def all_names(graph: Graph) -> set[str]:
    """Return all names that can be asked for: of parameters that no op read too."""
    held = {p.name for run in graph.optimizers for p in run.parameters if p.name}
    return {*graph.names, *(p.name for p in graph.parameters), *held}


def unknown_name(trace: Trace, name: str) -> UnknownNameError:
    """Return the error for a name that nothing has, with the nearest ones."""
    near = nearest_names(name, all_names(trace.graph))
    hint = (
        f"Nearest names: {', '.join(near)}."
        if near
        else "The step has no names to ask."
    )
    return UnknownNameError(f"Nothing is named {name!r} in step {trace.step}. {hint}")
