"""Something suspicious in a step, in words: what it is, the evidence, the remedy."""

from dataclasses import dataclass

from graphscope.model.site import Site


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or very probably not what was meant.

    Attributes:
        kind: Stable short name for programs: `softmax-twice`.
        title: One line without a full stop: what is wrong.
        explanation: Complete sentences with the evidence: the user's names, numbers.
        remedy: One sentence: what to do.
        step: Index of the step in which it shows.
        site: The user's line, None when it is not known.
        values: Ids of the values concerned in that step's graph, the main one first.
        ops: Ids of the ops concerned in that step's graph.
    """

    kind: str
    title: str
    explanation: str
    remedy: str
    step: int
    site: Site | None = None
    values: tuple[int, ...] = ()
    ops: tuple[int, ...] = ()
