"""Graphs of earlier steps that are still alive when a step is over, and who holds them.

Separate from `Graph`, which is stored once for all steps that ran the same code: what
is alive differs from step to step.
"""

from dataclasses import dataclass
from enum import StrEnum

from graphscope.model.site import Site


class Hold(StrEnum):
    """By what a graph of an earlier step is kept alive."""

    UNKNOWN = "unknown"  # nobody has looked: there are only few of them
    TENSORS = "tensors"  # its tensors are alive: variables or containers hold them
    GRAPH = "graph"  # its tensors are gone: only graphs of later steps lead to it
    OTHER = "other"  # neither was found


@dataclass(frozen=True, slots=True)
class Holder:
    """A variable or a container through which tensors of earlier steps are held.

    Attributes:
        name: How the user's code reaches it: `losses`, `self.history['loss']`. Empty
            when nothing that could be looked at leads to it.
        container: Class of the container: `list`, `dict`; empty for a variable or an
            attribute that holds a tensor itself.
        function: Where the name is valid: `train`, `<module>`.
        file: The file of that function.
        count: How many tensors of earlier steps it holds, of those that were looked
            for: the oldest ones.
        via: Class of what lies between, such as `tuple` in a list of tuples. It is
            `traceback` where the holder leads to exceptions: these hold the variables
            of the functions that they have left. Empty when nothing lies between.
    """

    name: str
    container: str = ""
    function: str = ""
    file: str = ""
    count: int = 1
    via: str = ""


@dataclass(frozen=True, slots=True)
class KeptGraph:
    """One value of earlier steps whose autograd graph is still alive in a later one.

    Attributes:
        name: The user's name of the value, empty when it has none.
        site: The expression that computed it.
        count: How many earlier steps' graphs are alive through values of this line.
        steps: The oldest of these steps, in order; at most 8.
        values: Id of the value in the graph of each of `steps`, -1 when not known.
        newest: The last of these steps.
        hold: By what they are kept alive.
        holders: The variables and containers that were found, at most 4.
    """

    name: str
    site: Site | None = None
    count: int = 1
    steps: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    newest: int = 0
    hold: Hold = Hold.UNKNOWN
    holders: tuple[Holder, ...] = ()
