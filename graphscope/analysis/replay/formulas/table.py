"""The formula of an op, found by the name that it was recorded under."""

from typing import Final

from graphscope.analysis.replay.formula import Formula, Table
from graphscope.analysis.replay.formulas.activations import ACTIVATIONS
from graphscope.analysis.replay.formulas.algebra import ALGEBRA
from graphscope.analysis.replay.formulas.arithmetic import ARITHMETIC
from graphscope.analysis.replay.formulas.convolution import CONVOLUTION
from graphscope.analysis.replay.formulas.indexing import INDEXING, INDEXING_VIEWS
from graphscope.analysis.replay.formulas.losses import LOSSES
from graphscope.analysis.replay.formulas.margins import MARGINS
from graphscope.analysis.replay.formulas.normalisation import NORMALISATION
from graphscope.analysis.replay.formulas.ordering import ORDERING
from graphscope.analysis.replay.formulas.pieces import PIECES
from graphscope.analysis.replay.formulas.pooling import POOLING
from graphscope.analysis.replay.formulas.randomness import RANDOMNESS
from graphscope.analysis.replay.formulas.recurrent import RECURRENT
from graphscope.analysis.replay.formulas.reductions import REDUCTIONS
from graphscope.analysis.replay.formulas.shapes import SHAPES, VIEWS
from graphscope.model.graph import Op

FORMULAS: Final[Table] = {
    **ARITHMETIC,
    **PIECES,
    **ACTIVATIONS,
    **RANDOMNESS,
    **REDUCTIONS,
    **ORDERING,
    **SHAPES,
    **INDEXING,
    **ALGEBRA,
    **LOSSES,
    **MARGINS,
    **NORMALISATION,
    **CONVOLUTION,
    **POOLING,
    **RECURRENT,
}
VIEW_NAMES: Final = frozenset({*VIEWS, *INDEXING_VIEWS, "to", "float", "double"})
_TORCH: Final = "torch."
_FAMILIES: Final = ("special_", "linalg_")
AUGMENTED: Final = frozenset({"iand", "ior", "ixor"})
"""In-place operators without a method of their own: `mask &= other`."""


def is_of_torch(op: Op) -> bool:
    """Whether torch itself defines the operator, and not the user's program."""
    return op.target.startswith(_TORCH)


def base_name(op: Op) -> str:
    """Return the name without what marks an in-place variant or a namespace.

    >>> from graphscope.model.graph import Op, OpKind
    >>> names = ("add_", "iand", "special_expit", "_threshold")
    >>> [base_name(Op(0, n, "torch.x", OpKind.COMPUTE, (), ())) for n in names]
    ['add', 'and', 'expit', '_threshold']
    """
    name = op.name.rstrip("_")
    if name in AUGMENTED:
        return name[1:]
    for family in _FAMILIES:
        if name.startswith(family) and name not in FORMULAS:
            return name.removeprefix(family)
    return name


def find_formula(op: Op) -> Formula | None:
    """Return the formula of an op, None where there is none."""
    return FORMULAS.get(base_name(op)) if is_of_torch(op) else None
