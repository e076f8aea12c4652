"""The panel of a chain rule: its lines, with what is known at an event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from graphscope.analysis.chain import ChainRule
from graphscope.analysis.chain.model import Kind
from graphscope.diagram.highlight import Highlight
from graphscope.model.trace import Trace
from graphscope.render.text.chain import ChainLine, Part, chain_parts
from graphscope.render.text.notation import factor_text, name_factors, name_values
from graphscope.tui.lines import (
    ListPicture,
    Piece,
    ScreenLine,
    Tone,
    line,
    message_picture,
)
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Outline

_UNKNOWN: Final = "?"
_SIGNS: Final = {"✓": Tone.INPUT, "✗": Tone.ERROR}


@dataclass(frozen=True)
class ChainPicture(ListPicture):
    """The lines of a chain rule.

    Attributes:
        focus: The line to look at: of a factor that the current event fills in; once
            all are known, the sum.
    """

    focus: int | None = None


def events_of(rule: ChainRule) -> list[int]:
    """Return the events that fill in factors, from the root to the leaf."""
    factors = (factor for path in rule.paths for factor in path.factors)
    return sorted({factor.event for factor in factors})


def picture_rule(
    moment: Moment, rule: ChainRule, *, name: str, width: int
) -> ChainPicture:
    """Write a rule, which is called `name`, as far as backward has come."""
    events = events_of(rule)
    is_over = not events or moment.event >= events[-1]
    until = None if is_over else moment.event
    head = f"{name} = "
    parts = chain_parts(moment.trace, rule, width=width, until=until)
    found: list[ScreenLine] = []
    fresh: int | None = None
    total = 0
    for part in parts:
        if fresh is None and any(p.event == moment.event for p in part):
            fresh = len(found)
        found += _draw(part, moment.event, width)
        if part[0].event is None and part[0].text.startswith(head):
            total = len(found) - 1
    return ChainPicture(found, focus=total if is_over else fresh)


def count_lines(trace: Trace, rule: ChainRule, *, is_checked: bool, width: int) -> int:
    """Return how many lines a rule will have once all of it is known."""
    if not is_checked:  # the check to come is about as long
        rule = replace(rule, finite_difference=rule.autograd)
    return sum(
        len(_draw(part, 0, width)) for part in chain_parts(trace, rule, width=width)
    )


def _draw(parts: ChainLine, event: int, width: int) -> Sequence[ScreenLine]:
    if all(part.event is None for part in parts):
        return _draw_sentence("".join(part.text for part in parts).rstrip(), width)
    return (line(*(_draw_part(part, event) for part in parts)),)


def _draw_part(part: Part, event: int) -> Piece:
    if part.event is None:
        return Piece(part.text)
    if part.event == event:
        return Piece(part.text, Tone.FRESH)
    return Piece(part.text, Tone.LOCAL if part.event < event else Tone.FUTURE)


def _draw_sentence(text: str, width: int) -> Sequence[ScreenLine]:
    """Wrap what is too long; colour the signs of the checks."""
    lines = [text]
    if line(text).width > width:
        lines = [found.text for found in message_picture(text, width).lines]
    return [line(*_colour_signs(found)) for found in lines]


def _colour_signs(text: str) -> Iterator[Piece]:
    start = 0
    for at, char in enumerate(text):
        if char in _SIGNS:
            yield Piece(text[start:at])
            yield Piece(char, _SIGNS[char])
            start = at + 1
    yield Piece(text[start:])


@dataclass(frozen=True, slots=True)
class FactorText:
    """One factor in a few characters: `∂z/∂u = 1`, from its event on."""

    name: str
    number: str
    event: int

    def at(self, event: int) -> str:
        """Write it as it is known at an event.

        >>> FactorText("∂z/∂u", "1", event=7).at(6)
        '∂z/∂u = ?'
        """
        number = self.number if self.event <= event else _UNKNOWN
        return f"{self.name} = {number}"


@dataclass(frozen=True)
class PathMarks:
    """What the graph marks: nodes of the outline, and the factors in their rows.

    `ends` are the ids of the leaf and the root.
    """

    nodes: frozenset[int] = frozenset()
    factors: Mapping[int, tuple[FactorText, ...]] = field(default_factory=dict)
    ends: tuple[int, int] | None = None


NO_MARKS: Final = PathMarks()


def mark_path(
    trace: Trace, outline: Outline, rule: ChainRule, highlight: Highlight | None
) -> PathMarks:
    """Find the nodes that a rule goes through."""
    if highlight is None:
        return NO_MARKS
    ops = (outline.of_op.get(op) for op in highlight.ops)
    values = (outline.of_value.get(value) for value in highlight.values)
    factors = _factors_by_op(trace, rule)
    return PathMarks(
        frozenset(node for node in (*ops, *values) if node is not None),
        {outline.of_op[op]: texts for op, texts in factors.items()},
        (rule.leaf, rule.root),
    )


def _factors_by_op(trace: Trace, rule: ChainRule) -> dict[int, tuple[FactorText, ...]]:
    """Return the factors of each op on the paths, without repeats; none for norms."""
    found: dict[int, dict[tuple[int, int], FactorText]] = {}
    symbols = name_values(trace, rule)
    for path in rule.paths if rule.kind is Kind.JACOBIANS else ():
        names = name_factors(symbols, rule, path)
        for name, factor in zip(names, path.factors, strict=True):
            op = trace.graph.grad_nodes[factor.node].op
            if op is not None:
                text = FactorText(name, factor_text(trace, factor), factor.event)
                found.setdefault(op, {})[factor.node, factor.position] = text
    return {op: tuple(texts.values()) for op, texts in found.items()}
