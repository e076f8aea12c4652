"""Two steps in a row: how an update moved the parameters, and what that did.

Everything is asked of all updated parameters together, as one long vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from graphscope.analysis.evidence.reading import is_equal
from graphscope.analysis.evidence.updating import (
    UpdatedLeaf,
    learning_rate,
    updated_leaves,
)
from graphscope.model.graph import ValueKind
from graphscope.model.observation import Array, Observation
from graphscope.model.trace import Trace

_PLAIN: Final = 1e-2


@dataclass(frozen=True)
class Update:
    """One update and what the next step saw of it.

    Attributes:
        first: The step that ended with the update.
        second: The next step.
        rate: The learning rate, None when there was not exactly one.
        leaves: What both steps updated: before and after.
        moved: The change of the parameters; None where some were not kept whole.
        gradient: Their gradients before it, likewise.
        turned: Their gradients after it, likewise.
    """

    first: Trace
    second: Trace
    rate: float | None
    leaves: tuple[tuple[UpdatedLeaf, UpdatedLeaf], ...]
    moved: Array | None
    gradient: Array | None
    turned: Array | None

    @property
    def curvature(self) -> float | None:
        """How much the gradient changes along the way, for each unit of it.

        Only of plain gradient descent, which moves by −lr times the gradient.
        """
        moved, gradient, turned = self.moved, self.gradient, self.turned
        if moved is None or gradient is None or turned is None or self.rate is None:
            return None
        if not moved.any() or norm(moved + self.rate * gradient) > _PLAIN * norm(moved):
            return None
        return float((turned - gradient) @ moved / (moved @ moved))

    @property
    def turns_round(self) -> bool:
        """Whether the gradient points the other way after the update, and is larger."""
        if self.gradient is None or self.turned is None:
            return False
        turns = self.gradient @ self.turned < 0
        return bool(turns) and norm(self.turned) > norm(self.gradient)

    @property
    def goes_downhill(self) -> bool:
        """Whether the update went against the gradient, as far as that was kept."""
        total, is_known = 0.0, False
        for leaf, _ in self.leaves:
            moved, gradient = change_of(leaf), numbers_of(leaf.used)
            if moved is not None and gradient is not None:
                total += float(moved.ravel() @ gradient.ravel())
                is_known = True
        return is_known and total < 0

    @property
    def has_same_data(self) -> bool:
        """Whether both steps were computed from the very same numbers."""
        one, other = _data_of(self.first), _data_of(self.second)
        is_same = bool(one) and one.keys() == other.keys()
        return is_same and all(
            is_equal(seen, other[name]) for name, seen in one.items()
        )


def follow_update(first: Trace, second: Trace) -> Update | None:
    """Pair two steps; None when the second does not go on where the first ended."""
    if second.step != first.step + 1:
        return None
    before, after = updated_leaves(first), updated_leaves(second)
    leaves = tuple((before[name], after[name]) for name in before if name in after)
    if not leaves or not all(is_equal(a.after, b.before) for a, b in leaves):
        return None
    return Update(
        first=first,
        second=second,
        rate=learning_rate(first),
        leaves=leaves,
        moved=_join([change_of(a) for a, _ in leaves]),
        gradient=_join([numbers_of(a.used) for a, _ in leaves]),
        turned=_join([numbers_of(b.used) for _, b in leaves]),
    )


def numbers_of(seen: Observation | None) -> Array | None:
    """Return what was kept whole, in double precision."""
    return None if seen is None or seen.data is None else seen.data.astype(np.float64)


def change_of(leaf: UpdatedLeaf) -> Array | None:
    """Return how the step's update changed a leaf."""
    after, before = numbers_of(leaf.after), numbers_of(leaf.before)
    return None if after is None or before is None else after - before


def norm(vector: Array) -> float:
    """Return the length of a vector."""
    return float(np.linalg.norm(vector))


def _join(parts: Sequence[Array | None]) -> Array | None:
    known = [part.ravel() for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    joined = np.concatenate(known)
    return joined if np.isfinite(joined).all() else None


def _data_of(trace: Trace) -> dict[str, Observation | None]:
    return {
        value.name or f"#{value.id}": trace.value_of(value.id)
        for value in trace.graph.values
        if value.kind is ValueKind.INPUT and value.op is None
    }
