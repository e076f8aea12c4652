"""What a cause is, and the place that one is given for."""

from dataclasses import dataclass
from enum import Enum

from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.reading import data_of
from graphscope.analysis.evidence.wording import amount, name_call, name_value, where
from graphscope.model.graph import Graph, Op
from graphscope.model.observation import Array, Stats
from graphscope.model.trace import Trace


class Weight(Enum):
    """What a gradient of 0 in one step says of the steps to come."""

    ALWAYS = "the derivative is 0 whatever the numbers are"
    THESE_NUMBERS = "it is 0 for the numbers of this step"
    MEANT = "the user has written the 0, or there is nothing left to learn"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an operator sends 0 back.

    Attributes:
        short: Why no gradient passes, in a few words without numbers, to be put behind
            the op: `is flat between its jumps`.
        text: Complete sentences.
        remedy: One sentence: what to do.
        weight: What it says of other steps.
        numbers: The evidence.
        factor: For products: id of the value that is 0.
    """

    short: str
    text: str
    remedy: str
    weight: Weight = Weight.THESE_NUMBERS
    numbers: tuple[tuple[str, float], ...] = ()
    factor: int | None = None


@dataclass(frozen=True)
class Stop:
    """An op that something arrives at, and that sends 0 on.

    Attributes:
        facts: What is known of the graph.
        trace: The step.
        op: The op.
        source: Id of the argument whose gradient is 0.
    """

    facts: Facts
    trace: Trace
    op: Op
    source: int

    @property
    def call(self) -> str:
        """The call as the user wrote it, or its module, with its line."""
        return name_op(self.trace, self.op)

    @property
    def name(self) -> str:
        """The argument, as the user calls it."""
        return name_value(self.trace, self.source)

    @property
    def before(self) -> Stats | None:
        """Statistics of the argument."""
        seen = self.trace.value_of(self.source)
        return None if seen is None else seen.stats

    @property
    def numbers(self) -> Array | None:
        """The argument itself, None when it was not kept whole."""
        return data_of(self.trace, self.source)

    @property
    def dtype(self) -> str:
        """The argument's dtype."""
        return self.trace.graph.values[self.source].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The argument's shape."""
        return self.trace.graph.values[self.source].shape

    @property
    def graph(self) -> Graph:
        """The graph of the step."""
        return self.trace.graph


def name_op(trace: Trace, op: Op) -> str:
    """Name a call with its line: by the user's expression, or by the module it is in.

    `net(x)` is the expression of whatever ran last in `net`, and says nothing of it.
    """
    text = "" if op.site is None else op.site.expression
    names = (plain_name(op), op.scope.rpartition(".")[2])
    is_meant = not op.scope or any(name and name in text for name in names)
    if is_meant and trace.has_own_expression(op):
        return name_call(trace, op)
    inside = f" in `{op.scope}`" if op.scope else ""
    return f"{plain_name(op)}{inside}{where(op.site)}"


def text_of(op: Op, name: str, position: int) -> str:
    """Return the text of an argument by its keyword, or by its position.

    The position counts the arguments without a keyword, from 0.
    """
    plain = [a.text for a in op.arguments if not a.name]
    for argument in op.arguments:
        if argument.name == name:
            return argument.text
    return plain[position] if position < len(plain) else ""


def number_in(text: str) -> float | None:
    """Return the number that a text is, None of any other text.

    >>> number_in("-1.5"), number_in("lo")
    (-1.5, None)
    """
    try:
        return float(text)
    except ValueError:
        return None


def span(stats: Stats | None) -> str:
    """Write between which numbers a tensor lies, behind its name.

    >>> import numpy as np
    >>> from graphscope.model.observation import summarize
    >>> span(summarize(np.array([-2.0, 3.5]))), span(summarize(np.array([7.0])))
    ('goes from −2 to 3.5', 'is 7')
    """
    if stats is None:
        return "is of unknown size"
    if stats.minimum == stats.maximum:
        everywhere = " everywhere" * (stats.numel > 1)
        return f"is {amount(stats.minimum)}{everywhere}"
    return f"goes from {amount(stats.minimum)} to {amount(stats.maximum)}"
