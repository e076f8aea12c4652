"""A chain rule as lines of text, in the lecture's order and the user's names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.chain.model import ChainRule, Check, Factor, Kind, Path
from graphscope.analysis.chain.remarks import find_remarks
from graphscope.diagram.labels import derivative, root_name, shorten, title_of
from graphscope.diagram.variables import local_text
from graphscope.model.numbers import format_array, format_number
from graphscope.model.observation import Array
from graphscope.model.trace import Trace
from graphscope.render.text.cells import cell_width, clean, pad

_SYMBOL: Final = 24
_INDEX: Final = re.compile(r"_(\d+)(?=$|\W)")
_LOWERED: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_TIMES: Final = " · "
_SHOWN: Final = 4
_UNKNOWN: Final = "?"
_INDENT: Final = "   "


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
    writer = _Writer(trace, rule, width, until)
    lines = list(writer.lines())
    return [clean(line).rstrip() for line in lines]


def symbol_of(trace: Trace, value: int) -> str:
    """Write a value as a lecture does: `w_1` is `w₁`.

    >>> _lower("w_1"), _lower("layers.0.weight"), _lower("x_12 * w_1")
    ('w₁', 'layers.0.weight', 'x₁₂ * w₁')
    """
    return _lower(shorten(title_of(trace, value), _SYMBOL))


def _lower(text: str) -> str:
    return _INDEX.sub(lambda found: found[1].translate(_LOWERED), text)


def number_text(data: Array | None) -> str:
    """Write a gradient: a number, a few of them, or its size.

    >>> import numpy as np
    >>> number_text(np.array([-0.4814])), number_text(np.full((4,), 0.25))
    ('−0.4814', '0.25 (each of 4)')
    """
    if data is None:
        return _UNKNOWN
    if data.size == 1:
        return format_number(data.reshape(()).item())
    flat = data.ravel()
    if data.size > 1 and bool((flat == flat[0]).all()):
        return f"{format_number(flat[0].item())} (each of {data.size})"
    if data.size <= _SHOWN:
        return format_array(data)
    shape = "×".join(map(str, data.shape))
    return f"{shape}, l2 {format_number(float((abs(data) ** 2).sum() ** 0.5))}"


@dataclass(frozen=True)
class _Writer:
    """Writes one rule; everything but the arguments is derived."""

    trace: Trace
    rule: ChainRule
    width: int
    until: int | None

    def lines(self) -> Iterator[str]:
        if self.rule.kind is Kind.NORMS:
            yield from self._norms()
        elif self.rule.count == 1:
            yield from self._product(self.rule.paths[0], f"{self._whole} = ")
        else:
            yield from self._sum()
        yield from self._checks()
        if self.until is None:
            yield from find_remarks(self.trace, self.rule)
            yield from self.rule.notes

    @property
    def _whole(self) -> str:
        return derivative(self._above, self._symbol(self.rule.leaf))

    @property
    def _above(self) -> str:
        return _lower(root_name(self.trace, [self.rule.root]))

    def _symbol(self, value: int) -> str:
        is_root = value == self.rule.root
        return self._above if is_root else symbol_of(self.trace, value)

    def _is_known(self, factor: Factor) -> bool:
        return self.until is None or factor.event <= self.until

    # --- products

    def _names(self, path: Path) -> list[str]:
        """Write each factor as ∂above/∂below."""
        names = []
        above = self._above
        for factor in reversed(path.factors):
            inner = factor.inner
            below = inner if factor.source is None else self._symbol(factor.source)
            names.append(derivative(above, below))
            above = below
        return names[::-1]

    def _factor_text(self, factor: Factor) -> str:
        if not self._is_known(factor) or factor.jacobian is None:
            return _UNKNOWN
        node = self.trace.graph.grad_nodes[factor.node]
        target = factor.target
        if target is not None:
            shape = self.trace.graph.values[target].shape
        else:
            shape = self._inner_shape(node.id, factor)
        return _jacobian_text(factor.jacobian, shape)

    def _inner_shape(self, node: int, factor: Factor) -> tuple[int, ...]:
        """Return the shape of a node's output that Python never saw."""
        start, stop = self.trace.graph.events[factor.event].slots
        for slot in self.trace.graph.slots[start:stop]:
            if slot.grad_node == node and slot.role.value == "grad_output":
                return slot.shape
        return ()

    def _product(self, path: Path, head: str) -> Iterator[str]:
        """Write names over numbers, with the result behind, wrapped to the width."""
        names, texts = self._names(path), [self._factor_text(f) for f in path.factors]
        seed = self._seed_text()
        if seed:
            names.append("v")
            texts.append(seed)
        cells = [
            max(cell_width(a), cell_width(b)) for a, b in zip(names, texts, strict=True)
        ]
        margin = cell_width(head)
        rows = _wrap(cells, self.width - margin)
        for index, (start, stop) in enumerate(rows):
            front = head if index == 0 else " " * margin
            end = _TIMES.rstrip() if stop < len(cells) else ""
            columns = list(zip(names, texts, cells, strict=True))[start:stop]
            yield front + _TIMES.join(_center(n, w) for n, _, w in columns) + end
            equals = " " * max(margin - 2, 0) + "= " if index == 0 else " " * margin
            yield equals + _TIMES.join(_center(t, w) for _, t, w in columns) + end
        yield f"{' ' * max(margin - 2, 0)}= {self._result(path)}"

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
            return f"{_UNKNOWN}  (backward has not begun)"
        first = known.index(True)
        factor = path.factors[first]
        below = factor.inner if factor.source is None else self._symbol(factor.source)
        so_far = number_text(path.products[first])
        return f"{_UNKNOWN}  (so far {derivative(self._above, below)} = {so_far})"

    def _sum(self) -> Iterator[str]:
        rule = self.rule
        hidden = rule.count - len(rule.paths)
        which = f", the {len(rule.paths)} strongest" if hidden else ""
        yield f"{self._whole} = sum over {rule.count:,} paths{which}"
        for number, path in enumerate(rule.paths, 1):
            yield from self._product(path, f"{number:>3}  ")
        if hidden:
            rest = number_text(rule.rest) if self._is_over else _UNKNOWN
            yield f"  …  {hidden:,} more paths together: {rest}"
        yield f"sum  {self._terms()}"

    @property
    def _is_over(self) -> bool:
        factors = (factor for path in self.rule.paths for factor in path.factors)
        return all(self._is_known(factor) for factor in factors)

    def _terms(self) -> str:
        total = number_text(self.rule.total) if self._is_over else _UNKNOWN
        paths = self.rule.paths
        if self.rule.count > _SHOWN or not self._is_over:
            return total
        texts = [number_text(path.product) for path in paths]
        return f"{' + '.join(_bracketed(text) for text in texts)} = {total}"

    # --- norms

    def _norms(self) -> Iterator[str]:
        rule = self.rule
        yield f"{self._whole}: {self._why_norms()}"
        for number, path in enumerate(rule.paths, 1):
            if rule.count > 1:
                yield f"{number:>3}  {path.strength:.1%} of the gradient came this way"
            yield from self._norm_rows(path)
        if rule.count > len(rule.paths):
            yield f"  …  {rule.count - len(rule.paths):,} more paths"

    def _why_norms(self) -> str:
        return "the tensors are too large for matrices; sizes (l2 norms) instead"

    def _norm_rows(self, path: Path) -> Iterator[str]:
        names = self._names(path)
        room = max(map(cell_width, names), default=0)
        for name, factor in zip(names, path.factors, strict=True):
            node = self.trace.graph.grad_nodes[factor.node].name
            if not self._is_known(factor) or factor.sent is None:
                yield f"{_INDENT}{pad(name, room)}  {node}: {_UNKNOWN}"
                continue
            part = f", {factor.share:.0%} of all" if factor.share < 1 else ""
            sent = f"sent {format_number(factor.sent)}{part}"
            yield f"{_INDENT}{pad(name, room)}  {node}: {sent}"

    # --- checks

    def _checks(self) -> Iterator[str]:
        if not self._is_over:
            return
        rule = self.rule
        texts = [
            _check_text("autograd", rule.autograd),
            _check_text("finite difference", rule.finite_difference),
        ]
        line = _INDENT.join(texts)
        if cell_width(line) <= self.width:
            yield line
        else:
            yield from texts


def _check_text(name: str, check: Check) -> str:
    """Write a check: its number, whether it agrees, and by how much it is off."""
    if check.value is None and check.norm is None:
        return f"{name}: none, {check.reason}"
    if check.value is None:
        number = f"l2 {format_number(check.norm or 0.0)}"
    else:
        number = number_text(check.value)
    if check.is_close is None or check.error is None:
        return f"{name}: {number}"
    sign = "✓" if check.is_close else "✗"
    text = f"{name}: {number} {sign} (off by {format_error(check.error)})"
    return f"{text}: {check.reason}" if check.reason else text


def format_error(error: float) -> str:
    """Write a distance with one digit.

    >>> format_error(0.0), format_error(3.21e-08)
    ('0', '3e−08')
    """
    return "0" if error == 0 else f"{error:.0e}".replace("-", "−")


def _jacobian_text(jacobian: Array, shape: tuple[int, ...]) -> str:
    """Write a local derivative; of an average its equal parts."""
    flat = jacobian.ravel()
    if jacobian.size > 1 and bool((flat == flat[0]).all()):
        return f"{format_number(flat[0].item())} (each of {jacobian.size})"
    return local_text(jacobian, shape)


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


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text
