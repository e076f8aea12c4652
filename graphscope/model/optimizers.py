"""What an optimizer was given to train, also what it did not touch in a step.

Separate from the events: an update's event names only the parameters that it changed,
and a parameter that no optimizer holds is missing from all of them.
"""

from dataclasses import dataclass

from graphscope.model.site import Site


@dataclass(frozen=True, slots=True)
class HeldParameter:
    """A parameter that an optimizer holds.

    Attributes:
        name: What it is called; empty when that is not known.
        value: Id of its value in the step, as the update found it; None for one that
            nothing in the step used.
        shape: Sizes of the axes.
        dtype: torch's name without the module.
        requires_grad: False for one that was frozen when the update ran.
        times: How often the optimizer holds it; more than once is a mistake.
    """

    name: str
    value: int | None
    shape: tuple[int, ...]
    dtype: str = "float32"
    requires_grad: bool = True
    times: int = 1


@dataclass(frozen=True, slots=True)
class OptimizerRun:
    """One update by an optimizer.

    Attributes:
        event: Index of its UPDATE event.
        class_name: Its class.
        parameters: Everything that it holds, in its order, each once.
        made_by: The user's line that made the optimizer, None when that was not seen.
    """

    event: int
    class_name: str
    parameters: tuple[HeldParameter, ...] = ()
    made_by: Site | None = None
