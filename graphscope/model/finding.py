"""Something suspicious in a step, in words: what it is, the evidence, the remedy."""

from dataclasses import dataclass

from graphscope.model.site import Site


@dataclass(frozen=True, slots=True)
class PathStep:
    """One station on the way of a gradient, as a finding shows it.

    Attributes:
        text: The value or call in the user's words: `h = encoder(x)`.
        site: The user's line, None when it is not known.
        value: Id of the value in the graph of the finding's step, if it is one.
        op: Id of the op that is passed here, if there is one.
        mark: Why the way ends or changes here: `cut by detach()`, `× 0`; else empty.
    """

    text: str
    site: Site | None = None
    value: int | None = None
    op: int | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or very probably not what was meant.

    Attributes:
        kind: Stable short name for programs: `none-grad`, `softmax-twice`.
        title: One line without a full stop: what is wrong.
        explanation: Complete sentences with the evidence: the user's names, numbers.
        remedy: One sentence: what to do; empty where nothing has to be done.
        step: Index of the step in which it shows.
        site: The user's line, None when it is not known.
        values: Ids of the values concerned in that step's graph, the main one first.
        ops: Ids of the ops concerned in that step's graph.
        nodes: Ids of the grad nodes concerned in that step's graph.
        numbers: The evidence as `(what, number)`: `("norm of w.grad", 0.25)`.
        paths: The ways of the gradient or of the numbers, each from its beginning on.
        unknown: What cannot be told, and why, as complete sentences: `Cannot tell
            which numbers were NaN because only statistics were recorded.`
    """

    kind: str
    title: str
    explanation: str
    remedy: str
    step: int
    site: Site | None = None
    values: tuple[int, ...] = ()
    ops: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    paths: tuple[tuple[PathStep, ...], ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        r"""Return what a user who prints a finding wants to read.

        >>> print(Finding("nan", "it is NaN", "0 / 0.", "Divide by more.", 3))
        step 3: nan: it is NaN
          0 / 0.
          → Divide by more.
        """
        place = "" if self.site is None else f" ({self.site.short})"
        remedy = (f"→ {self.remedy}",) if self.remedy else ()
        lines = (self.explanation, *self.unknown, *remedy)
        head = f"step {self.step}: {self.kind}: {self.title}{place}"
        return "\n  ".join((head, *lines))
