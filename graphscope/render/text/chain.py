"""A chain rule as lines of text, in the lecture's order and the user's names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.analysis.chain.model import ChainRule, Check, Factor, Kind, Path
from graphscope.analysis.chain.remarks import find_remarks
from graphscope.diagram.labels import derivative
from graphscope.model.numbers import format_number
from graphscope.model.trace import Trace
from graphscope.render.text.cells import cell_width, clean, pad
from graphscope.render.text.notation import (
    UNKNOWN,
    error_text,
    factor_text,
    matrix_lines,
    matrix_of,
    name_factors,
    name_values,
    number_text,
    sum_text,
)

_TIMES: Final = " · "
_GAP: Final = "      "
_SHOWN_TERMS: Final = 4


def chain_lines(
    trace: Trace, rule: ChainRule, *, width: int = 100, until: int | None = None
) -> list[str]:
    """Write a chain rule.

    Args:
        trace: The step that it is about.
        rule: The chain rule.
        width: Cells in a line; longer products are wrapped between factors.
        until: Only what is known after this event; later factors are `?`. None for
            the whole step.
    """
    lines = _Writer(trace, rule, width, until).lines()
    return [clean(line).rstrip() for line in lines]


@dataclass(frozen=True)
class _Writer:
    """Writes one rule; everything but the arguments is derived."""

    trace: Trace
    rule: ChainRule
    width: int
    until: int | None

    def lines(self) -> Iterator[str]:
        rule = self.rule
        if rule.kind is Kind.NORMS:
            yield from self._norms()
        elif rule.count == 1:
            yield from self._single()
        else:
            yield from self._sum()
        if rule.kind is Kind.NORMS or rule.count > 1:
            yield from self._checks()
        yield from self._matrices()
        if self.until is None:
            yield from find_remarks(self.trace, rule)
            yield from rule.notes

    @cached_property
    def _symbols(self) -> dict[int, str]:
        return name_values(self.trace, self.rule)

    @property
    def _whole(self) -> str:
        return derivative(self._symbols[self.rule.root], self._symbols[self.rule.leaf])

    def _is_known(self, factor: Factor) -> bool:
        return self.until is None or factor.event <= self.until

    @property
    def _is_over(self) -> bool:
        factors = (factor for path in self.rule.paths for factor in path.factors)
        return all(self._is_known(factor) for factor in factors)

    # --- products

    def _single(self) -> Iterator[str]:
        """Write the only path, with the checks behind it where there is room."""
        *lines, last = self._product(self.rule.paths[0], f"{self._whole} = ")
        checks = list(self._checks())
        whole = _GAP.join([last, *checks])
        if len(checks) == 1 and cell_width(whole) <= self.width:
            yield from [*lines, whole]
        else:
            yield from [*lines, last, *checks]

    def _product(self, path: Path, head: str) -> Iterator[str]:
        """Write names over numbers, with the result behind, wrapped to the width."""
        names = name_factors(self._symbols, self.rule, path)
        texts = [self._text_of(factor) for factor in path.factors]
        seed = self._seed_text()
        if seed:
            names.append("v")
            texts.append(seed)
        cells = [max(map(cell_width, pair)) for pair in zip(names, texts, strict=True)]
        margin = cell_width(head)
        front = f"{' ' * max(margin - 2, 0)}= "
        rows = _wrap(cells, self.width - margin)
        numbers = ""
        for index, (start, stop) in enumerate(rows):
            more = _TIMES.rstrip() if stop < len(cells) else ""
            part = list(zip(names, texts, cells, strict=True))[start:stop]
            yield head + _TIMES.join(_center(n, w) for n, _, w in part) + more
            numbers = front + _TIMES.join(_center(t, w) for _, t, w in part) + more
            if more:
                yield numbers
            if index == 0:
                head, front = " " * margin, " " * margin
        result = f"=  {self._result(path)}"
        if len(rows) == 1 and cell_width(numbers + result) + 2 <= self.width:
            yield f"{numbers}  {result}"
        else:
            yield numbers
            yield f"{' ' * max(margin - 2, 0)}{result}"

    def _text_of(self, factor: Factor) -> str:
        return factor_text(self.trace, factor) if self._is_known(factor) else UNKNOWN

    def _seed_text(self) -> str:
        seed = self.rule.seed
        if seed is None or (seed.size == 1 and seed.reshape(()).item() == 1):
            return ""
        return number_text(seed)

    def _result(self, path: Path) -> str:
        """Write the product, or what is known of it so far."""
        known = [self._is_known(factor) for factor in path.factors]
        if all(known):
            return number_text(path.product)
        if not any(known):
            return UNKNOWN
        first = known.index(True)
        factor = path.factors[first]
        below = factor.inner if factor.source is None else self._symbols[factor.source]
        name = derivative(self._symbols[self.rule.root], below)
        return f"{UNKNOWN}   so far {name} = {number_text(path.products[first])}"

    def _sum(self) -> Iterator[str]:
        rule = self.rule
        hidden = rule.count - len(rule.paths)
        which = f", the {len(rule.paths)} strongest:" if hidden else ":"
        yield f"{self._whole} is the sum over {rule.count:,} paths{which}"
        for number, path in enumerate(rule.paths, 1):
            yield from self._product(path, f"{number:>3}  ")
        if hidden:
            rest = number_text(rule.rest) if self._is_over else UNKNOWN
            yield f"  …  {hidden:,} more paths together: {rest}"
        yield f"{self._whole} = {self._terms()}"

    def _terms(self) -> str:
        total = number_text(self.rule.total) if self._is_over else UNKNOWN
        if self.rule.count > _SHOWN_TERMS or not self._is_over:
            return total
        return sum_text((number_text(p.product) for p in self.rule.paths), total)

    def _matrices(self) -> Iterator[str]:
        """Write out the small matrices that stand in the products by size only."""
        written: set[tuple[int, int]] = set()
        for path in self.rule.paths if self.rule.kind is Kind.JACOBIANS else ():
            names = name_factors(self._symbols, self.rule, path)
            for name, factor in zip(names, path.factors, strict=True):
                matrix = matrix_of(self.trace, factor)
                key = (factor.node, factor.position)
                if matrix is None or key in written or not self._is_known(factor):
                    continue
                written.add(key)
                head = f"{name} = "
                for row in matrix_lines(matrix):
                    yield head + row
                    head = " " * cell_width(head)

    # --- norms

    def _norms(self) -> Iterator[str]:
        rule = self.rule
        yield f"{self._whole}, too large for matrices: sizes of gradients (l2 norms)"
        for number, path in enumerate(rule.paths, 1):
            if rule.count > 1:
                yield f"{number:>3}  {path.strength:.1%} of the gradient came this way"
            yield from self._norm_rows(path)
        if rule.count > len(rule.paths):
            yield f"  …  {rule.count - len(rule.paths):,} more paths"

    def _norm_rows(self, path: Path) -> Iterator[str]:
        """Write for each edge what was sent along it, and what arrived at its end."""
        names = name_factors(self._symbols, self.rule, path)
        nodes = [self.trace.graph.grad_nodes[f.node].name for f in path.factors]
        widths = [max(map(cell_width, column)) for column in (names, nodes)]
        for name, node, factor in zip(names, nodes, path.factors, strict=True):
            head = f"   {pad(name, widths[0])}   {pad(node, widths[1])}   "
            if not self._is_known(factor) or factor.sent is None:
                yield f"{head}{UNKNOWN}"
                continue
            share = f"{factor.share:.0%} of what came" if factor.share < 1 else ""
            arrived = "" if factor.arrived is None else format_number(factor.arrived)
            sent = f"sent {format_number(factor.sent)}"
            there = f"gradient there {arrived}" if arrived else ""
            yield f"{head}{'   '.join(part for part in (sent, share, there) if part)}"

    # --- checks

    def _checks(self) -> Iterator[str]:
        if not self._is_over:
            return
        is_sized = self.rule.kind is Kind.NORMS
        texts = [
            _check_text("autograd", self.rule.autograd, is_sized=is_sized),
            _check_text(
                "finite difference", self.rule.finite_difference, is_sized=is_sized
            ),
        ]
        line = "   ".join(texts)
        yield from [line] if cell_width(line) <= self.width else texts


def _check_text(name: str, check: Check, *, is_sized: bool) -> str:
    """Write a check: its number, whether it agrees, and by how much it is off."""
    if check.value is None and check.norm is None:
        return f"{name}: none, {check.reason}"
    if check.value is None or is_sized:
        number = f"l2 {format_number(check.norm or 0.0)}"
    else:
        number = number_text(check.value)
    if check.is_close is None or check.error is None:
        return f"{name}: {number}"
    sign = "✓" if check.is_close else "✗"
    text = f"{name}: {number} {sign} (off by {error_text(check.error)})"
    return f"{text}, {check.reason}" if check.reason else text


def _wrap(cells: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Return the first and one past the last factor of each line."""
    rows: list[tuple[int, int]] = []
    start, used = 0, 0
    for index, width in enumerate(cells):
        extra = width + (len(_TIMES) if index > start else 0)
        if index > start and used + extra > room:
            rows.append((start, index))
            start, used, extra = index, 0, width
        used += extra
    rows.append((start, len(cells)))
    return rows


def _center(text: str, width: int) -> str:
    left = (width - cell_width(text)) // 2
    return pad(" " * left + text, width)
