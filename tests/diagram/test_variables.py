import numpy as np
import pytest

from graphscope.diagram.build import build_diagram
from graphscope.diagram.derivatives import local_text
from graphscope.diagram.model import Diagram, Style
from graphscope.diagram.options import DiagramOptions
from graphscope.model.trace import Trace
from tests.diagram import cases
from tests.diagram.sketch import arrows_of, texts_of
from tests.samples import logistic_trace


def draw(trace: Trace) -> Diagram:
    return build_diagram(trace, DiagramOptions(style=Style.VARIABLES))


def test_the_chain_rule_of_the_logistic_example_stands_on_the_arrows() -> None:
    diagram = draw(logistic_trace())
    assert texts_of(diagram) == [
        "input x_1 | 3.7",
        "parameter w_1 | 0.5 | ∂L/∂w_1 = −0.4814",
        "value u | = x_1 * w_1 | 1.85 | ∂L/∂u = −0.1301",
        "parameter b | 0.05 | ∂L/∂b = −0.1301",
        "value z | = u + b | 1.9 | ∂L/∂z = −0.1301",
        "value a | = torch.sigmoid(z) | 0.8699 | ∂L/∂a = −1.1496",
        "input y | 1",
        "root l | = F.binary_cross_entropy(a, y) | 0.1394 | ∂L/∂L = 1",
        (
            "update SGD | lr 0.1 | θ ← θ − 0.1 · L′ | w_1 ← 0.5 − 0.1 · (−0.4814) = "
            "0.5481 | b ← 0.05 − 0.1 · (−0.1301) = 0.063"
        ),
    ]
    assert arrows_of(diagram) == [
        "x_1 -> u data",
        "w_1 -> u flow ∂u/∂w_1 = 3.7",
        "u -> z flow ∂z/∂u = 1",
        "b -> z flow ∂z/∂b = 1",
        "z -> a flow ∂a/∂z = 0.1132",
        "a -> l flow ∂L/∂a = −1.1496",
        "y -> l data",
        "w_1 -> SGD update",
        "b -> SGD update",
    ]


def test_a_root_that_is_no_loss_keeps_the_name_of_the_user() -> None:
    diagram = draw(cases.quadratic())
    assert texts_of(diagram) == [
        "parameter x | 2 | ∂z/∂x = 12",
        "value y | = x ** 2 | 4 | ∂z/∂y = 3",
        "value 3 * y | 12 | ∂z/∂(3 * y) = 1",
        "root z | = 3 * y + 2 | 14 | ∂z/∂z = 1",
    ]
    assert arrows_of(diagram) == [
        "x -> y flow ∂y/∂x = 4",
        "y -> 3 * y flow ∂(3 * y)/∂y = 3",
        "3 * y -> z flow ∂z/∂(3 * y) = 1",
    ]


def test_the_local_derivatives_of_two_uses_add_up() -> None:
    diagram = draw(cases.shared_weight())
    # y = w · w: 3 + 3 = 2w = 6
    assert arrows_of(diagram) == ["w -> y flow ∂y/∂w = 6"]


def test_a_cut_has_its_reason_and_no_derivative() -> None:
    diagram = draw(cases.cut())
    assert arrows_of(diagram) == [
        "w -> target cut (no_grad)",
        "w -> .item() cut (.item())",
        "w -> loss flow ∂L/∂w = 7.5",
        "target -> loss data",
        "v -> unused flow",
    ]


def test_versions_and_manual_updates_are_boxes_of_their_own() -> None:
    assert texts_of(draw(cases.in_place()))[2] == (
        "value h (version 1) | = add_(h, 1) | 7 | ∂L/∂(h (version 1)) = 1"
    )
    assert texts_of(draw(cases.manual_update())) == [
        "parameter w | 2 | ∂L/∂w = 3",
        "root l | = w * 3 | 6 | ∂L/∂L = 1",
        "value w.grad | 3",
        "value 0.1 * w.grad | 0.3",
        "update w (version 1) | w -= 0.1 * w.grad | 2 → 1.7",
    ]


@pytest.mark.parametrize(
    ("jacobian", "output_shape", "text"),
    [
        (np.array(0.1132), (), "0.1132"),
        (np.array([[2.0]]), (1,), "2"),
        (np.diag([2.0, 3.0]), (2,), "diag [2, 3]"),
        (np.array([1.0, 1.0, 1.0]), (), "[1, 1, 1]"),
        (np.array([1.0, 2.0, 3.0]), (3,), "[1, 2, 3]"),
        (np.array([[1.0], [2.0], [3.0]]), (3,), "[1, 2, 3]"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), (2,), "2×2 matrix"),
        (np.eye(5), (5,), "5×5 matrix"),
        (np.zeros((0, 3)), (0,), "empty"),
        (np.zeros((2, 3)), (4,), "not read"),
    ],
)
def test_a_jacobian_is_written_as_short_as_it_can_be(
    jacobian: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    output_shape: tuple[int, ...],
    text: str,
) -> None:
    assert local_text(jacobian, output_shape) == text
