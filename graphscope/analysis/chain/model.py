"""What a chain rule is made of: factors, paths, and the two checks of their sum."""

from dataclasses import dataclass
from enum import StrEnum

from graphscope.model.observation import Array


class Kind(StrEnum):
    """How much of the factors is known."""

    JACOBIANS = "jacobians"  # every factor is a number or a matrix, and is multiplied
    NORMS = "norms"  # tensors too large for matrices: sizes of gradients instead


@dataclass(frozen=True, slots=True)
class Factor:
    """One autograd node on a path: the derivative of what it made by what it read.

    Attributes:
        node: Id of the grad node.
        position: Which of the node's edges the path takes.
        source: Id of the value nearer to the leaf; None inside of an op, where the edge
            leads to another node of the same op.
        target: Id of the value nearer to the root, None likewise.
        inner: Name of the node that the edge leads to, where `source` is None.
        event: Index of the event in which the node ran: from then on it is known.
        jacobian: Of shape `[*target, *source]`; None where only norms are known.
        sent: l2 norm of what the node sent along the edge, None when nothing was.
        arrived: l2 norm of the gradient at the source, from all sides together.
        share: `sent` as a part of all that was sent to the same place, 0 to 1.
    """

    node: int
    position: int
    source: int | None
    target: int | None
    inner: str
    event: int
    jacobian: Array | None = None
    sent: float | None = None
    arrived: float | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the leaf to the root.

    Attributes:
        factors: From the leaf to the root, the order in which lectures write them.
        products: For each factor the product of it and all factors to its right,
            times the seed: the gradient at its source along this path alone, of the
            source's shape. Empty for norms.
        strength: By what paths are ranked: the largest magnitude in the path's product
            for Jacobians, the part of the gradient that came this way for norms.
    """

    factors: tuple[Factor, ...]
    products: tuple[Array, ...] = ()
    strength: float = 0.0

    @property
    def product(self) -> Array | None:
        """What this path contributes to the gradient of the leaf, of its shape."""
        return self.products[0] if self.products else None


@dataclass(frozen=True, slots=True)
class Check:
    """An independent number for the same gradient.

    Attributes:
        value: Of the leaf's shape; None when there is none, then `reason` says why.
        norm: l2 norm of it, known also where the elements are not.
        error: Largest distance from the sum of the paths (of norms: from the gradient's
            norm); None when it cannot be said.
        is_close: Whether the distance is what rounding explains; None likewise.
        reason: Why there is no number, or why it differs; empty when all is well.
    """

    value: Array | None = None
    norm: float | None = None
    error: float | None = None
    is_close: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChainRule:
    """The gradient of `root` by `leaf`, taken apart.

    Attributes:
        leaf: Id of the value that it is the derivative by.
        root: Id of the value that it is the derivative of.
        kind: Whether factors are multiplied or only sized up.
        paths: The strongest first when some are left out, else in the order of the
            graph.
        count: How many paths there are.
        seed: What backward started with, of the root's shape: 1 for a scalar loss.
        total: Sum over all paths, of the leaf's shape; None for norms.
        rest: Sum over the paths that are left out, None when none is.
        autograd: The gradient as autograd computed it.
        finite_difference: The same from the recorded forward alone.
        notes: Sentences: what else there is to know.
    """

    leaf: int
    root: int
    kind: Kind
    paths: tuple[Path, ...]
    count: int
    seed: Array | None
    total: Array | None
    rest: Array | None
    autograd: Check
    finite_difference: Check
    notes: tuple[str, ...] = ()
