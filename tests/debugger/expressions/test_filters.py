"""The ready-made filters."""

from math import inf, nan

import pytest

from graphscope.debugger.arrival import Aspect
from graphscope.debugger.expressions import parse_expression
from graphscope.debugger.expressions.filters import FILTERS
from graphscope.model.graph import EventKind
from graphscope.model.observation import Observation
from tests.debugger.arrivals import MadeUp, seen

NODE, LEAF, CAPTURE = EventKind.GRAD, EventKind.ACCUMULATE, EventKind.CAPTURE


def true_filters(event: MadeUp) -> set[str]:
    return {name for name in FILTERS if parse_expression(name).holds(event)}


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        ((1.0, 2.0), set()),
        ((1000.0,), set()),  # at the threshold, not above it
        ((1000.5,), {"exploding"}),
        ((inf, 1.0), {"exploding", "has_inf"}),
        ((nan,), {"has_nan"}),
        ((1e-8, 0.0), {"vanishing"}),
        ((1e-6,), set()),
        ((0.0, 0.0), {"zero_grad"}),
        ((), set()),
    ],
)
def test_a_gradient_that_reaches_a_node(
    gradient: tuple[float, ...], expected: set[str]
) -> None:
    event = MadeUp(kind=NODE, seen={Aspect.GRAD: seen(*gradient)})
    assert true_filters(event) == expected


@pytest.mark.parametrize("kind", [EventKind.OP, EventKind.ZERO, EventKind.UPDATE])
def test_only_a_gradient_can_explode_or_vanish(kind: EventKind) -> None:
    for numbers in ((1e9,), (1e-9,), (0.0,)):
        event = MadeUp(
            kind=kind, seen={Aspect.VALUE: seen(*numbers), Aspect.GRAD: seen(*numbers)}
        )
        assert true_filters(event) == set()


def test_a_value_can_be_nan_or_infinite() -> None:
    event = MadeUp(seen={Aspect.VALUE: seen(1.0, nan, -inf)})
    assert true_filters(event) == {"has_nan", "has_inf"}


def test_at_a_leaf_what_arrives_counts_and_a_sum_that_explodes() -> None:
    event = MadeUp(
        kind=LEAF, seen={Aspect.ARRIVED: seen(0.0), Aspect.GRAD: seen(2000.0)}
    )
    assert true_filters(event) == {"zero_grad", "exploding"}
    event = MadeUp(kind=LEAF, seen={Aspect.ARRIVED: seen(3.0), Aspect.GRAD: seen(0.0)})
    assert true_filters(event) == set()


def test_a_captured_gradient_is_one_too() -> None:
    event = MadeUp(kind=CAPTURE, seen={Aspect.ARRIVED: seen(1e-9)})
    assert true_filters(event) == {"vanishing"}


def test_a_gradient_that_is_none_is_no_zero() -> None:
    event = MadeUp(kind=NODE, seen={Aspect.GRAD: None})
    assert true_filters(event) == set()


def test_a_tensor_that_could_not_be_read_passes_all_filters() -> None:
    event = MadeUp(kind=NODE, seen={Aspect.GRAD: Observation()})
    assert true_filters(event) == set()


def test_a_parameter_without_gradient_is_found_where_it_is_updated() -> None:
    assert true_filters(MadeUp(kind=EventKind.UPDATE, missing=("w",))) == {"none_grad"}


def test_filters_join_like_everything_else() -> None:
    event = MadeUp(kind=NODE, step=3, seen={Aspect.GRAD: seen(nan)})
    assert parse_expression("not has_nan or exploding").holds(event) is False
    assert parse_expression("(has_nan or exploding) and step == 3").holds(event)
    assert parse_expression("has_nan + has_inf").evaluate(event) == 1


def test_numbers_that_are_known_to_be_finite_are_not_looked_at() -> None:
    event = MadeUp(seen={Aspect.VALUE: seen(nan, inf)}, is_finite=True)
    assert true_filters(event) == set()
