"""What a reason for a missing gradient is: its place in the tree, and its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from graphscope.analysis.why.missing.cuts import Cut
from graphscope.analysis.why.missing.uses import Unused
from graphscope.model.finding import PathStep
from graphscope.model.site import Site


class Kind(StrEnum):
    """The branches of the reason tree."""

    PRESENT = "present"  # there is a gradient
    ZEROED = "zeroed"  # there was one
    FROZEN = "frozen"
    NOT_ASKED = "not asked"  # data: nobody wanted one
    NO_BACKWARD = "no backward"
    ENDED = "ended"  # an exception came before the backward, or before it got there
    CAPTURED = "captured"  # autograd.grad has returned it
    LEFT_OUT = "left out"  # backward was asked for the gradients of others
    CUT = "cut"
    UNUSED = "unused"
    LATE = "late"  # used only after the backward
    UNREACHED = "unreached"
    NOT_LEAF = "not a leaf"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something has no gradient.

    Attributes:
        kind: The branch.
        title: What follows `w got no gradient: `.
        because: Complete sentences, which do not name whose gradient it is.
        remedy: One sentence.
        said: The reason in a list of counts: `never used`.
        site: The line to blame.
        values: Ids of values concerned.
        ops: Ids of ops concerned.
        nodes: Ids of nodes concerned.
        numbers: The evidence.
        paths: The ways to the loss.
        unknown: What cannot be told.
        cuts: The cuts, for a reason that is one.
        unused: Why nothing read it, for that reason.
    """

    kind: Kind
    title: str
    because: str
    remedy: str
    said: str
    site: Site | None = None
    values: tuple[int, ...] = ()
    ops: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    paths: tuple[tuple[PathStep, ...], ...] = ()
    unknown: tuple[str, ...] = ()
    cuts: Sequence[Cut] = ()
    unused: Unused | None = None

    @property
    def key(self) -> object:
        """What is the same for all that have no gradient for the same reason."""
        site = self.site
        place = None if site is None else (site.file, site.line)
        return self.kind, self.title, place
