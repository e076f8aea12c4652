"""One program for each operator that a formula was written for.

Each takes a leaf of shape `[2, 3]`, none of whose elements is near a kink, and returns
what backward starts from. Arguments are literals, as a recording needs them.
"""

from typing import Final

from tests.analysis.replay_cases.elements import INDEXING, REDUCTIONS, SHAPES, WRITES
from tests.analysis.replay_cases.elementwise import ACTIVATIONS, ARITHMETIC, PIECES
from tests.analysis.replay_cases.inputs import Case as Case
from tests.analysis.replay_cases.models import ALGEBRA, LAYERS, LOSSES

FAMILIES: Final[dict[str, dict[str, Case]]] = {
    "arithmetic": ARITHMETIC,
    "pieces": PIECES,
    "activations": ACTIVATIONS,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "indexing": INDEXING,
    "writes": WRITES,
    "algebra": ALGEBRA,
    "losses": LOSSES,
    "layers": LAYERS,
}
