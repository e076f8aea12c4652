"""An expression: parsed once, worked out at every event."""

from collections.abc import Collection
from dataclasses import dataclass, field

from graphscope.debugger.arrival import Arrival
from graphscope.debugger.expressions.compile import compile_text
from graphscope.debugger.expressions.filters import FILTERS
from graphscope.debugger.expressions.mistakes import (
    Mistake,
    nearest,
    nearest_of,
    quoted,
)
from graphscope.debugger.expressions.numbers import NUMBERS, Answer
from graphscope.debugger.expressions.references import Reader, Reference
from graphscope.debugger.expressions.words import ASPECTS, FIELDS


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of the language; see the package for what that has.

    Threads: any, at the same time.

    Attributes:
        text: As the user wrote it.
        references: What it refers to, in the order of the text.
    """

    text: str
    references: tuple[Reference, ...]
    _read: Reader = field(compare=False, repr=False)

    @property
    def names(self) -> frozenset[str]:
        """The user's names that it mentions."""
        return frozenset(r.name for r in self.references if r.name)

    @property
    def is_of_event(self) -> bool:
        """Whether it asks for something of the event itself, such as `value.max`."""
        return any(reference.is_of_event for reference in self.references)

    def evaluate(self, arrival: Arrival) -> Answer:
        """Return what it comes to at an event; None where a number is not there."""
        return self._read(arrival)

    def holds(self, arrival: Arrival) -> bool:
        """Whether it is true at an event; a number is true unless it is 0."""
        return bool(self._read(arrival))


def read_expression(text: str) -> Expression:
    """Parse `text`, a part of a longer one.

    Raises:
        Mistake: It is no expression.
    """
    read, references = compile_text(text)
    return Expression(text, references, read)


def parse_expression(text: str) -> Expression:
    """Parse `text`.

    Raises:
        DebuggerError: It is no expression: with a caret under the mistake.
    """
    try:
        return read_expression(text)
    except Mistake as mistake:
        raise mistake.in_text(text) from None


def find_unknown(expression: Expression, known: Collection[str]) -> Mistake | None:
    """Return the first mistake among the user's names, None when all are known."""
    for reference in expression.references:
        name = reference.name
        if name and name not in known:
            return _unknown(reference, known)
    return None


def _unknown(reference: Reference, known: Collection[str]) -> Mistake:
    stem, _, last = reference.name.rpartition(".")
    if stem in known and not reference.is_quoted:
        near = nearest_of(last, (*NUMBERS, *ASPECTS))
        where = reference.position + len(stem) + 1
        return Mistake(f"There is no number {quoted(last)} of a tensor.{near}", where)
    near = nearest(reference.name, (*known, *FILTERS, *FIELDS), 3)
    return Mistake(
        f"No value is named {quoted(reference.name)}.{near}", reference.position
    )


def check_names(expression: Expression, known: Collection[str]) -> None:
    """Refuse an expression that mentions a name which no value has.

    Args:
        expression: What to check.
        known: All names of a step.

    Raises:
        DebuggerError: With a caret under the name, and the nearest names.
    """
    mistake = find_unknown(expression, known)
    if mistake is not None:
        raise mistake.in_text(expression.text)
