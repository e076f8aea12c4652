"""What a debugger may ask about the event at which training is.

A condition is worked out in the process that trains, about an event that happens, and
in the terminal UI, about an event of a recording. Both are an `Arrival`, so that one
language, one set of breakpoints and one test serve both.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Protocol

from graphscope.model.graph import EventKind, Phase
from graphscope.model.observation import Observation
from graphscope.model.site import Site


class Aspect(StrEnum):
    """Which numbers of a value are meant."""

    VALUE = "value"  # of the tensor itself
    GRAD = "grad"  # what flowed back to it; of a leaf its `.grad` after accumulation
    ARRIVED = "arrived"  # what flowed back to it, before accumulation


class Arrival(Protocol):
    """One event, as a debugger sees it.

    Only what has happened by then can be asked for: of a node that is about to run
    (`is_before`) there is the gradient that reached it, not yet what it sends on.
    """

    @property
    def kind(self) -> EventKind:
        """What happens."""

    @property
    def is_before(self) -> bool:
        """Whether it is an autograd node that has not run yet."""

    @property
    def step(self) -> int:
        """0-based number of the step."""

    @property
    def pass_index(self) -> int:
        """0-based pass in the step."""

    @property
    def index(self) -> int:
        """0-based event in the step."""

    @property
    def phase(self) -> Phase:
        """Which of the five numbered steps it belongs to, as far as is known by now."""

    @property
    def op(self) -> str:
        """The operator's plain name (`mul`), or the optimizer's class; else empty.

        Of a node the operator whose forward made it.
        """

    @property
    def node(self) -> str:
        """The autograd node's name (`MulBackward0`), empty for other events."""

    @property
    def scope(self) -> str:
        """Module path: `encoder.layers.3.attn`; empty outside of modules."""

    @property
    def names(self) -> tuple[str, ...]:
        """The user's names of the values that it is about.

        Those that an op made, those whose gradient reaches a node or a leaf, the
        parameters that an update changed.
        """

    @property
    def site(self) -> Site | None:
        """The user's line; of a node that of the op whose forward made it."""

    def numbers(self) -> Iterable[Observation | None]:
        """What was seen during the event; None is a gradient that is None."""

    @property
    def is_finite(self) -> bool:
        """Whether those numbers are known to be neither NaN nor Inf.

        Known without reading them; False where that is not known.
        """

    def own(self, aspect: Aspect) -> Observation | None:
        """Return the event's own numbers: what a bare `value` or `grad` means.

        The value is an op's first result, or that of the leaf or of the node's first
        output. The gradient is what reached the node, or the leaf's `.grad`.
        """

    def named(self, name: str, aspect: Aspect) -> Observation | None:
        """Return the latest numbers of the value that the user calls `name`.

        None when the value has none of them yet in this step.

        Raises:
            UnknownNameError: Nothing in the step so far has the name.
        """

    def loss(self) -> float | None:
        """Return the scalar that the user's loss is, None when it is not known yet.

        It is what backward started from last, before that the value named `loss`.
        """

    def without_gradient(self) -> Iterable[str]:
        """Name the parameters that backward should have reached and has not.

        Answered at the event that updates them, else empty.
        """

    def known_names(self) -> Collection[str]:
        """All names that `named` takes."""
