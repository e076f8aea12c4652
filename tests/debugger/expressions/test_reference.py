"""Expressions made up at random, against a plain working out of the same tree."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, strategies as st

from graphscope.debugger.arrival import Aspect
from graphscope.debugger.expressions import parse_expression
from tests.debugger.arrivals import MadeUp, seen

Answer = float | bool | None

EVENT = MadeUp(
    step=12,
    pass_index=2,
    loss_number=0.5,
    seen={Aspect.GRAD: seen(3.0, -4.0), Aspect.VALUE: seen(math.inf)},
    values={"w": {Aspect.VALUE: seen(0.0), Aspect.GRAD: seen(math.nan)}},
)
LEAVES: dict[str, Answer] = {
    "step": 12,
    "pass": 2,
    "loss": 0.5,
    "grad.l2": 5.0,
    "grad": 5.0,
    "grad.min": -4.0,
    "value": math.inf,
    "arrived.max": None,
    "w": 0.0,
    "'w'.value": 0.0,
    "v": None,
    "w.grad": math.nan,
    "has_nan": False,
    "has_inf": True,
    "w.zeros": 1,
    "0": 0,
    "1": 1,
    "2.5": 2.5,
    "1e3": 1000.0,
    "inf": math.inf,
    "True": True,
    "40": 40,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": math.pow,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Sample:
    """A text, and what it comes to."""

    text: str
    answer: Answer


def compute(sign: str, left: Answer, right: Answer) -> Answer:
    if left is None or right is None:
        return None
    try:
        found: float = ARITHMETIC[sign](left, right)
        is_too_large = abs(found) > 1.7976931348623157e308
    except (ArithmeticError, ValueError):
        return None
    is_finite = all(abs(x) < math.inf for x in (left, right))
    return None if is_too_large and is_finite else found


def compare(sign: str, left: Answer, right: Answer) -> bool:
    return left is not None and right is not None and COMPARISONS[sign](left, right)


def arithmetic(parts: tuple[Sample, str, Sample]) -> Sample:
    left, sign, right = parts
    text = f"({left.text}) {sign} ({right.text})"
    return Sample(text, compute(sign, left.answer, right.answer))


def comparison(parts: tuple[Sample, str, Sample, str, Sample]) -> Sample:
    left, sign, middle, other, right = parts
    text = f"({left.text}){sign}({middle.text}) {other} ({right.text})"
    first = compare(sign, left.answer, middle.answer)
    return Sample(text, first and compare(other, middle.answer, right.answer))


def boolean(parts: tuple[Sample, str, Sample]) -> Sample:
    left, word, right = parts
    truths = bool(left.answer), bool(right.answer)
    answer = all(truths) if word == "and" else any(truths)
    return Sample(f"({left.text}) {word} not not ({right.text})", answer)


def negative(part: Sample) -> Sample:
    return Sample(f"-({part.text})", None if part.answer is None else -part.answer)


def largest(parts: list[Sample]) -> Sample:
    answers = [part.answer for part in parts]
    known = [answer for answer in answers if answer is not None]
    text = f"max({', '.join(part.text for part in parts)})"
    return Sample(text, max(known) if len(known) == len(answers) else None)


LEAF = st.sampled_from([Sample(text, answer) for text, answer in LEAVES.items()])
SAMPLES = st.recursive(
    LEAF,
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(sorted(ARITHMETIC)), part).map(arithmetic),
        st.tuples(
            part,
            st.sampled_from(sorted(COMPARISONS)),
            part,
            st.sampled_from(sorted(COMPARISONS)),
            part,
        ).map(comparison),
        st.tuples(part, st.sampled_from(["and", "or"]), part).map(boolean),
        part.map(negative),
        st.lists(part, min_size=2, max_size=3).map(largest),
    ),
    max_leaves=8,
)


@given(SAMPLES.filter(lambda sample: len(sample.text) <= 300))
def test_an_expression_comes_to_what_its_parts_come_to(sample: Sample) -> None:
    found = parse_expression(sample.text).evaluate(EVENT)
    if isinstance(sample.answer, float) and math.isnan(sample.answer):
        assert isinstance(found, float)
        assert math.isnan(found)
    else:
        assert found == sample.answer
        assert isinstance(found, bool) is isinstance(sample.answer, bool)
