"""What is known of an operator: its parameters, its formula, and where it has kinks."""

from collections.abc import Callable
from dataclasses import dataclass

from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

Result = Array | tuple[Array, ...]
Compute = Callable[[Given], Result]
Branch = Callable[[Given], Array]


@dataclass(frozen=True, slots=True)
class Formula:
    """An operator.

    Attributes:
        signature: Its parameters; see `binding.read_signature`.
        compute: The formula.
        branch: Which of its pieces each element is on, for an operator that is put
            together of several: the derivative is another one on another piece.
        kink: What to say when the piece changes: `has a kink at 0`.
        operand: The parameter whose element is on the kink, where there is one.
    """

    signature: str
    compute: Compute
    branch: Branch | None = None
    kink: str = ""
    operand: str = "input"


Table = dict[str, Formula]


def elementwise(function: Callable[[Array], Array]) -> Formula:
    """Return the formula of a function of one tensor, element by element."""
    return Formula("input", lambda given: function(given.array("input")))


def pairwise(function: Callable[[Array, Array], Array]) -> Formula:
    """Return the formula of a function of two broadcast tensors or numbers."""
    return Formula(
        "input~ other~",
        lambda given: function(given.array("input"), given.array("other")),
    )
