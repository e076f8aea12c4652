"""The place of a birth: the op, its operands with their numbers, and the bad number.

What a mechanism is judged by. Everything here reads what was recorded; where only
statistics were kept, it says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.reading import count_nans
from graphscope.analysis.evidence.wording import amount, code_of, count, name_value
from graphscope.analysis.replay.binding import bind_arguments, straighten_arguments
from graphscope.analysis.replay.formulas.table import find_formula
from graphscope.analysis.replay.given import Ref
from graphscope.analysis.why.nonfinite.flow import Birth, Flow
from graphscope.model.graph import GradNode, Op, ValueKind
from graphscope.model.observation import Array, Observation, Stats
from graphscope.model.trace import Trace

_LARGEST: Final = {
    "float64": float(np.finfo(np.float64).max),
    "float32": float(np.finfo(np.float32).max),
    "float16": 65_504.0,
    "bfloat16": 3.3895313892515355e38,
}


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand of an op.

    Attributes:
        text: How a sentence calls it.
        code: How the user's code does; None where it has no words for it.
        seen: Its numbers.
        value: Its id, None for a literal.
        dtype: Its dtype, empty for a literal.
    """

    text: str
    code: str | None
    seen: Observation | None
    value: int | None = None
    dtype: str = ""

    @property
    def data(self) -> Array | None:
        """Its numbers, None where they were not kept whole."""
        return None if self.seen is None else self.seen.data

    @property
    def stats(self) -> Stats | None:
        """Its statistics."""
        return None if self.seen is None else self.seen.stats


@dataclass(frozen=True, slots=True)
class Condition:
    """What an operand has to be for something to happen.

    Attributes:
        words: In words: `0`, `negative`.
        holds: Which of its numbers are so.
        may_hold: Whether some number is so for certain, by the statistics.
        is_point: Whether it is one number: functions are infinite at a point, and NaN
            beyond it.
    """

    words: str
    holds: Callable[[Array], Array]
    may_hold: Callable[[Stats], bool]
    is_point: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """That a condition holds somewhere.

    Attributes:
        text: A clause: `p is 0 at [0, 1]`.
        operand: Of which operand.
        index: Its first place, None where that is not known.
        number: The number there, NaN where it is not known.
        unknown: What cannot be told.
    """

    text: str
    operand: Operand
    index: tuple[int, ...] | None = None
    number: float = float("nan")
    unknown: str = ""


ZERO: Final = Condition("0", lambda x: x == 0, lambda s: s.zeros > 0, is_point=True)
NEGATIVE: Final = Condition("negative", lambda x: x < 0, lambda s: s.minimum < 0)


def above(limit: float) -> Condition:
    """Return the condition of being larger than a number."""
    return Condition(
        f"above {amount(limit)}", lambda x: x > limit, lambda s: s.maximum > limit
    )


def below(limit: float) -> Condition:
    """Return the condition of being smaller than a number."""
    return Condition(
        f"below {amount(limit)}", lambda x: x < limit, lambda s: s.minimum < limit
    )


def equal_to(number: float) -> Condition:
    """Return the condition of being one number."""
    return Condition(
        amount(number),
        lambda x: x == number,
        lambda s: number in (s.minimum, s.maximum),
        is_point=True,
    )


@dataclass(frozen=True)
class Scene:
    """A birth and what was recorded around it."""

    facts: Facts
    trace: Trace
    flow: Flow
    birth: Birth

    @cached_property
    def op(self) -> Op | None:
        """The op of the birth."""
        return None if self.birth.op is None else self.trace.graph.ops[self.birth.op]

    @cached_property
    def node(self) -> GradNode | None:
        """The grad node of the birth."""
        node = self.birth.node
        return None if node is None else self.trace.graph.grad_nodes[node]

    @cached_property
    def name(self) -> str:
        """The operator's plain name."""
        return "" if self.op is None else plain_name(self.op).removeprefix("linalg_")

    @property
    def made(self) -> Observation | None:
        """The numbers that are not finite."""
        return self.trace.seen(self.birth.slot)

    @cached_property
    def dtype(self) -> str:
        """The dtype of the numbers that are not finite."""
        return self.trace.graph.slots[self.birth.slot].dtype

    @cached_property
    def is_nan(self) -> bool:
        """Whether NaN is among them."""
        return count_nans(self.made) > 0

    @cached_property
    def bad(self) -> Array | None:
        """Which of the numbers are NaN, or else Inf, where they were kept whole."""
        made = self.made
        if made is None or made.data is None:
            return None
        if self.is_nan:
            return np.asarray(np.isnan(made.data))
        return np.asarray(~np.isfinite(made.data))

    @cached_property
    def largest(self) -> float:
        """The largest number of the dtype."""
        return _LARGEST.get(self.dtype, float("inf"))

    @cached_property
    def bound(self) -> dict[str, Operand]:
        """The operands of the op by torch's names for them; by number without any."""
        if self.op is None:
            return {}
        values = self.trace.graph.values
        arguments = straighten_arguments(self.op, values)
        formula = find_formula(self.op)
        if formula is None:
            plain = enumerate(v for v in self.op.inputs)
            return {f"#{i}": self.operand_of(v) for i, v in plain}
        found = bind_arguments(arguments, formula.signature)
        return {
            name: operand
            for name, item in found.items()
            if (operand := self._operand(item)) is not None
        }

    def _operand(self, item: object) -> Operand | None:
        if isinstance(item, Ref):
            return self.operand_of(item.value)
        if isinstance(item, int | float) and not isinstance(item, bool):
            return Operand(f"{item}", f"{item}", Observation(np.asarray(item)))
        return None

    def operand_of(self, value: int) -> Operand:
        """Return a value as an operand; a number of the code is one without an id."""
        record = self.trace.graph.values[value]
        if record.kind is ValueKind.CONSTANT:
            text = record.name or "a number"
            return Operand(text, text, self.trace.value_of(value))
        return Operand(
            name_value(self.trace, value),
            code_of(self.trace, value),
            self.trace.value_of(value),
            value,
            record.dtype,
        )

    @property
    def first(self) -> Operand | None:
        """The first operand."""
        return next(iter(self.bound.values()), None)

    @cached_property
    def arriving(self) -> Observation | None:
        """The gradient that arrived at the grad node of the birth."""
        slots = self.trace.graph.slots
        found = None
        for index in self.facts.node_slots.get(self.birth.node or 0, ()):
            slot = slots[index]
            if slot.role == "grad_output" and slot.event <= self._event:
                found = self.trace.seen(index)
        return found if self.birth.node is not None else None

    @property
    def _event(self) -> int:
        return self.trace.graph.slots[self.birth.slot].event

    def prove(
        self, operand: Operand | None, condition: Condition, *, by_place: bool = True
    ) -> Proof | None:
        """Return where a condition holds of an operand, None where it does not.

        Args:
            operand: The operand.
            condition: The condition.
            by_place: Whether the bad number has to be at the same place.
        """
        if operand is None or operand.seen is None:
            return None
        if operand.data is not None:
            return self._prove_whole(operand, operand.data, condition, by_place)
        stats = operand.stats
        if stats is None or not condition.may_hold(stats):
            return None
        return _prove_by_statistics(operand, stats, condition)

    def _prove_whole(
        self,
        operand: Operand,
        data: Array,
        condition: Condition,
        by_place: bool,  # noqa: FBT001 - handed on
    ) -> Proof | None:
        with np.errstate(all="ignore"):
            mask = np.asarray(condition.holds(data))
        index = first_place(mask, self.bad if by_place else None, data.shape)
        if index is None:
            return None
        number = float(np.real(data[index]))
        is_telling = amount(number) == condition.words
        what = condition.words if is_telling else amount(number)
        if operand.value is None:
            text = ""
        else:
            place = f" at {list(index)}" if data.size > 1 else ""
            text = f"{operand.text} is {what}{place}"
        return Proof(text, operand, index, number)


def _prove_by_statistics(operand: Operand, stats: Stats, condition: Condition) -> Proof:
    if condition is ZERO:
        of = f"{stats.zeros:,} of the {count(stats.numel, 'number')} of {operand.text}"
        text = f"{of} {'is' if stats.zeros == 1 else 'are'} 0"
        number = 0.0
    else:
        is_low = condition.may_hold(replace(stats, maximum=float("-inf")))
        number = stats.minimum if is_low else stats.maximum
        end = "smallest" if is_low else "largest"
        text = f"the {end} number of {operand.text} is {amount(number)}"
    return Proof(
        text,
        operand,
        None,
        number,
        f"Cannot tell which numbers of {operand.text} these are because only "
        "statistics of it were recorded.",
    )


def first_place(
    mask: Array, bad: Array | None, shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the first place of an operand at which a condition holds.

    Args:
        mask: Where it holds.
        bad: Where the result is bad; only there it counts, if the shapes fit.
        shape: The shape of the operand.

    >>> first_place(np.array([True, True]), np.array([[False, True]]), (2,))
    (1,)
    """
    wanted = mask
    if bad is not None:
        try:
            spread = np.argwhere(np.broadcast_to(mask, bad.shape) & bad)
        except ValueError:
            spread = None
        if spread is not None:
            if not len(spread):
                return None
            full = [int(i) for i in spread[0]][len(bad.shape) - len(shape) :]
            return tuple(i if n > 1 else 0 for i, n in zip(full, shape, strict=True))
    found = np.argwhere(wanted)
    return tuple(int(i) for i in found[0]) if len(found) else None
