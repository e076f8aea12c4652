"""Events that a test makes up: what a debugger asks, answered from fields."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from graphscope.debugger.arrival import Aspect
from graphscope.errors import UnknownNameError
from graphscope.model.graph import EventKind, Phase
from graphscope.model.observation import Observation
from graphscope.model.site import Site


def seen(*numbers: float) -> Observation:
    """Return an observation of a vector."""
    return Observation(data=np.array(numbers, dtype=np.float32))


@dataclass(frozen=True)
class MadeUp:
    """An event with what a test wants it to be."""

    kind: EventKind = EventKind.OP
    is_before: bool = False
    step: int = 0
    pass_index: int = 0
    index: int = 0
    phase: Phase = Phase.FORWARD
    op: str = ""
    node: str = ""
    scope: str = ""
    names: tuple[str, ...] = ()
    site: Site | None = None
    seen: dict[Aspect, Observation | None] = field(default_factory=dict)
    values: dict[str, dict[Aspect, Observation | None]] = field(default_factory=dict)
    loss_number: float | None = None
    missing: tuple[str, ...] = ()
    is_finite: bool = False

    def numbers(self) -> Iterable[Observation | None]:
        return list(self.seen.values())

    def own(self, aspect: Aspect) -> Observation | None:
        return self.seen.get(aspect)

    def named(self, name: str, aspect: Aspect) -> Observation | None:
        if name not in self.values:
            raise UnknownNameError(f"No value is named {name!r}.")
        return self.values[name].get(aspect)

    def loss(self) -> float | None:
        return self.loss_number

    def without_gradient(self) -> Iterable[str]:
        return self.missing

    def known_names(self) -> Collection[str]:
        return list(self.values)
