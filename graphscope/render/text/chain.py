"""A chain rule as lines of text, in the lecture's order and the user's names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Part:
    """Some text of a line; `event` is that of the factor that it is about."""

    text: str
    event: int | None = None


ChainLine = tuple[Part, ...]


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
    lines = chain_parts(trace, rule, width=width, until=until)
    return ["".join(part.text for part in line).rstrip() for line in lines]


def chain_parts(
    trace: Trace, rule: ChainRule, *, width: int = 100, until: int | None = None
) -> list[ChainLine]:
    """Write a chain rule as `chain_lines` does, and say what belongs to which factor.

    Columns are as wide as the numbers that come: nothing moves while backward fills
    them in.
    """
    lines = _Writer(trace, rule, width, until).lines()
    return [tuple(replace(p, text=clean(p.text)) for p in line) for line in lines]


@dataclass(frozen=True)
class _Writer:
    """Writes one rule; everything but the arguments is derived."""

    trace: Trace
    rule: ChainRule
    width: int
    until: int | None

    def lines(self) -> Iterator[ChainLine]:
        rule = self.rule
        if rule.kind is Kind.NORMS:
            yield from self._norms()
        elif rule.count == 1:
            yield from self._single()
        else:
            yield from self._sum()
        if rule.kind is Kind.NORMS or rule.count > 1:
            yield from map(_plain, self._checks())
        yield from self._matrices()
        if self.until is None:
            yield from map(_plain, find_remarks(self.trace, rule))
            yield from map(_plain, rule.notes)

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

    def _single(self) -> Iterator[ChainLine]:
        """Write the only path, with the checks behind it where there is room."""
        *lines, last = self._product(self.rule.paths[0], f"{self._whole} = ")
        checks = list(self._checks())
        behind = "".join(f"{_GAP}{check}" for check in checks)
        if len(checks) == 1 and _width_of(last) + cell_width(behind) <= self.width:
            yield from [*lines, (*last, Part(behind))]
        else:
            yield from [*lines, last, *map(_plain, checks)]

    def _product(self, path: Path, head: str) -> Iterator[ChainLine]:
        """Write names over numbers, with the result behind, wrapped to the width."""
        cells = self._cells(path)
        margin = cell_width(head)
        front = f"{' ' * max(margin - 2, 0)}= "
        rows = _wrap([cell.width for cell in cells], self.width - margin)
        numbers: ChainLine = ()
        for index, (start, stop) in enumerate(rows):
            more = _TIMES.rstrip() if stop < len(cells) else ""
            part = cells[start:stop]
            yield _join(head, [(c.name, c) for c in part], more)
            numbers = _join(front, [(c.number, c) for c in part], more)
            if more:
                yield numbers
            if index == 0:
                head, front = " " * margin, " " * margin
        result = f"=  {self._result(path)}"
        room = self.width - _width_of(numbers) - 2
        if len(rows) == 1 and cell_width(result) <= room:
            yield (*numbers, Part(f"  {result}"))
        else:
            yield numbers
            yield _plain(f"{' ' * max(margin - 2, 0)}{result}")

    def _cells(self, path: Path) -> list["_Cell"]:
        """Write each factor, in as many cells as its number will need."""
        names = name_factors(self._symbols, self.rule, path)
        found = []
        for name, factor in zip(names, path.factors, strict=True):
            text = factor_text(self.trace, factor)
            number = text if self._is_known(factor) else UNKNOWN
            width = max(cell_width(name), cell_width(text))
            found.append(_Cell(name, number, width, factor.event))
        seed = self._seed_text()
        if seed:
            found.append(_Cell("v", seed, cell_width(seed), None))
        return found

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

    def _sum(self) -> Iterator[ChainLine]:
        rule = self.rule
        hidden = rule.count - len(rule.paths)
        which = f", the {len(rule.paths)} strongest:" if hidden else ":"
        yield _plain(f"{self._whole} is the sum over {rule.count:,} paths{which}")
        for number, path in enumerate(rule.paths, 1):
            yield from self._product(path, f"{number:>3}  ")
        if hidden:
            rest = number_text(rule.rest) if self._is_over else UNKNOWN
            yield _plain(f"  …  {hidden:,} more paths together: {rest}")
        yield _plain(f"{self._whole} = {self._terms()}")

    def _terms(self) -> str:
        total = number_text(self.rule.total) if self._is_over else UNKNOWN
        if self.rule.count > _SHOWN_TERMS or not self._is_over:
            return total
        return sum_text((number_text(p.product) for p in self.rule.paths), total)

    def _matrices(self) -> Iterator[ChainLine]:
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
                    yield (Part(head + row, factor.event),)
                    head = " " * cell_width(head)

    # --- norms

    def _norms(self) -> Iterator[ChainLine]:
        rule = self.rule
        yield _plain(
            f"{self._whole}, too large for matrices: sizes of gradients (l2 norms)"
        )
        for number, path in enumerate(rule.paths, 1):
            if rule.count > 1:
                share = f"{path.strength:.1%}" if self._is_over else UNKNOWN
                yield _plain(f"{number:>3}  {share} of the gradient came this way")
            yield from self._norm_rows(path)
        if rule.count > len(rule.paths):
            yield _plain(f"  …  {rule.count - len(rule.paths):,} more paths")

    def _norm_rows(self, path: Path) -> Iterator[ChainLine]:
        """Write for each edge what was sent along it, and what arrived at its end."""
        names = name_factors(self._symbols, self.rule, path)
        nodes = [self.trace.graph.grad_nodes[f.node].name for f in path.factors]
        sizes = [_size_text(factor) for factor in path.factors]
        columns = [names, nodes, sizes]
        needed = sum(max(map(cell_width, column)) + 3 for column in columns)
        if needed > self.width:  # the names say more than the nodes of autograd
            columns = [names, sizes]
        widths = [max(map(cell_width, column)) for column in columns]
        for *words, size, factor in zip(*columns, path.factors, strict=True):
            known = size if self._is_known(factor) else UNKNOWN
            cells = [pad(word, n) for word, n in zip(words, widths[:-1], strict=True)]
            yield (Part("   " + "   ".join([*cells, known]), factor.event),)

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
        return f"{name}: none, {check.reason}" if check.reason else f"{name}: …"
    if check.value is None or is_sized:
        number = f"l2 {format_number(check.norm or 0.0)}"
    else:
        number = number_text(check.value)
    if check.is_close is None or check.error is None:
        return f"{name}: {number}" + (f", {check.reason}" if check.reason else "")
    sign = "✓" if check.is_close else "✗"
    text = f"{name}: {number} {sign} (off by {error_text(check.error)})"
    return f"{text}, {check.reason}" if check.reason else text


@dataclass(frozen=True, slots=True)
class _Cell:
    """One factor of a product, in a column of its own."""

    name: str
    number: str
    width: int
    event: int | None


def _plain(text: str) -> ChainLine:
    return (Part(text),)


def _width_of(line: ChainLine) -> int:
    return sum(cell_width(part.text) for part in line)


def _join(head: str, texts: Sequence[tuple[str, _Cell]], more: str) -> ChainLine:
    """Put factors beside each other, each in the middle of its column."""
    parts = [Part(head)]
    for index, (text, cell) in enumerate(texts):
        parts += [Part(_TIMES)] if index else []
        parts.append(Part(_center(text, cell.width), cell.event))
    return (*parts, Part(more))


def _size_text(factor: Factor) -> str:
    """Write what a node sent along an edge, and what arrived at its end."""
    if factor.sent is None:
        return UNKNOWN
    share = f"{factor.share:.0%} of what came" if factor.share < 1 else ""
    arrived = "" if factor.arrived is None else format_number(factor.arrived)
    sent = f"sent {format_number(factor.sent)}"
    there = f"gradient there {arrived}" if arrived else ""
    return "   ".join(part for part in (sent, share, there) if part)


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
