from dataclasses import replace

import numpy as np
import pytest

from graphscope.diagram.build import build_diagram
from graphscope.diagram.gradients import is_same, join_numbers, sum_seen
from graphscope.diagram.options import DiagramOptions
from graphscope.model.graph import Role
from graphscope.model.observation import Observation, Stats
from graphscope.model.trace import Trace
from tests.diagram import cases
from tests.diagram.sketch import Sketch, texts_of

SUMMARY = Observation(summary=Stats(300, 0.0, 1.0, 0.5, 0.25, 9.0, 0, 2, 0))


def seen(*numbers: float) -> Observation:
    return Observation(np.array(numbers))


@pytest.mark.parametrize(
    ("observed", "text"),
    [
        ([seen(3.0)], "3"),
        ([None], "None"),
        ([seen(0.0)], "0"),
        ([seen(3.0), None, seen(3.0)], "3, None, 3"),
        ([seen(1.0, 1.0), seen(2.0, 2.0)], "1, 2 (each of 2)"),
        ([seen(1.0, 2.0), seen(2.0, 2.0)], "[1, 2], [2, 2]"),
        ([seen(float(n)) for n in range(7)], "0, 1, …, 6 (7 times)"),
        ([SUMMARY], "μ 0.5 σ 0.25 2 NaN"),
        ([Observation()], "not read"),
    ],
)
def test_gradients_of_several_passes_stand_in_a_row(
    observed: list[Observation | None], text: str
) -> None:
    assert join_numbers(observed, ", ") == text


def with_numbers(trace: Trace, role: Role, number: float | None) -> Trace:
    """Replace whatever was observed in a role."""
    new = None if number is None else Observation(np.array(number))
    pairs = zip(trace.graph.slots, trace.observations, strict=True)
    observed = tuple(new if slot.role is role else old for slot, old in pairs)
    return replace(trace, observations=observed)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "parameter w | 3 | ∂ None | .grad 6"),
        (0.0, "parameter w | 3 | ∂ 0 | .grad 6"),
        (float("nan"), "parameter w | 3 | ∂ NaN | .grad 6 | ▲ nan"),
        (6.0, "parameter w | 3 | ∂ 6"),
    ],
)
def test_none_zero_and_nan_are_different_gradients(
    number: float | None, text: str
) -> None:
    trace = with_numbers(cases.shared_weight(), Role.ARRIVED, number)
    assert texts_of(build_diagram(trace))[0] == text


def test_a_grad_left_over_from_the_step_before_is_seen_to_grow() -> None:
    s = Sketch()
    w = s.parameter("w", 3.0)
    s.stored[w] = 4.0
    s.backward(s.op("mul", [w, w], 9.0, [3.0, 3.0], named="l"))
    # 4 was there, 3 + 3 arrived
    assert (
        texts_of(build_diagram(s.trace()))[0] == "parameter w | 3 | ∂ 6 | .grad 4 → 10"
    )


def test_observations_are_compared_and_added_only_when_whole() -> None:
    nan = float("nan")
    assert is_same(seen(nan), seen(nan))
    assert not is_same(seen(1.0), None)
    assert is_same(SUMMARY, replace(SUMMARY))
    total = sum_seen([seen(1.0, 2.0), seen(3.0, 4.0)])
    assert total is not None
    assert total.data is not None
    assert total.data.tolist() == [4.0, 6.0]
    assert sum_seen([seen(1.0), SUMMARY]) is None
    assert sum_seen([seen(1.0), seen(1.0, 2.0)]) is None


def test_a_value_of_another_pass_shows_the_gradient_that_reached_it() -> None:
    s = Sketch()
    w = s.parameter("w", 3.0)
    h = s.op("mul", [w, w], 9.0, [3.0, 3.0], named="h")
    s.next_pass()
    s.backward(s.op("sum", [h], 9.0, [1.0], named="l"))
    diagram = build_diagram(s.trace(), DiagramOptions(pass_index=1))
    assert texts_of(diagram) == [
        "value h | 9 | ∂ 1",
        "operation sum | l = sum(h) | 9 | ∂ 1",
        "root l | 9 | ∂ 1",
    ]
