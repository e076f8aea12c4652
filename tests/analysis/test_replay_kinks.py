"""Kinks: where they are named, and where they do not matter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

from tests.analysis.differences import check, reason

Program = Callable[[Any], Any]


def scaled_relu(x: Any) -> Any:
    z = x * 2
    return F.relu(z)


@pytest.mark.parametrize(
    ("program", "numbers", "kink"),
    [
        (F.relu, (0.5, 0.0), "relu has a kink at 0, and x[1] is 0"),
        (scaled_relu, (0.0,), "relu has a kink at 0, and z is 0"),
        (F.leaky_relu, (0.0,), "leaky_relu has a kink at 0, and x is 0"),
        (lambda x: F.elu(x, 0.5), (0.0,), "elu has a kink at 0, and x is 0"),
        (F.selu, (0.0, 1.0), "selu has a kink at 0, and x[0] is 0"),
        (lambda x: x.abs(), (1.0, 0.0), "abs has a kink at 0, and x[1] is 0"),
        (lambda x: x.sign() * x + x, (0.0,), "sign jumps at 0, and x is 0"),
        (
            lambda x: x.clamp(0, 2),
            (1.0, 2.0),
            "clamp has a kink at its bound, and x[1] is 2",
        ),
        (
            F.hardtanh,
            (-1.0,),
            "hardtanh has a kink at its bound, and x is −1",
        ),
        (
            F.relu6,
            (6.0,),
            "relu6 has a kink at its bound, and x is 6",
        ),
        (lambda x: x.round() * x, (0.5, 2.0), "round jumps, and x[0] is 0.5"),
        (lambda x: x.floor() * x, (3.0,), "floor jumps, and x is 3"),
        (
            lambda x: x.max(),
            (1.0, 0.0, 1.0),
            "max has a kink where its largest elements are equal, and x[0] is 1",
        ),
        (
            lambda x: x.amin(0),
            (1.0, 1.0),
            "amin has a kink where its smallest elements are equal, and x[0] is 1",
        ),
        (
            lambda x: torch.maximum(x, x * x),
            (1.0, 2.0),
            "maximum has a kink where both are equal, and x[0] is 1",
        ),
        (
            lambda x: torch.where(x > 1, x, 0.0),
            (1.0, 2.0),
            "gt changes its result, and x[0] is 1",
        ),
        (
            lambda x: F.l1_loss(x, x.detach()),
            (3.0,),
            "l1_loss has a kink where both are equal, and x is 3",
        ),
        (lambda x: x.norm(), (0.0, 0.0), "norm has a kink at 0, and x is there"),
        (
            lambda x: F.max_pool1d(x[None, None], 2),
            (1.0, 1.0, 0.0, 2.0),
            (
                "max_pool1d has a kink where the largest elements of a window are "
                "equal, and x[None, None] is there"
            ),
        ),
        (
            lambda x: F.hinge_embedding_loss(x, -torch.ones(2)),
            (1.0, 0.0),
            "hinge_embedding_loss has a kink at its margin, and x[0] is 1",
        ),
        (
            lambda x: x[x.argmax()] * x,
            (1.0, 1.0),
            "argmax changes its result, and x[0] is 1",
        ),
        (
            lambda x: x.sqrt(),
            (0.0, 2.0),
            "sqrt has no finite value on one side, and x[0] is 0",
        ),
    ],
)
def test_a_kink_is_named_with_the_number_that_is_on_it(
    program: Program, numbers: tuple[float, ...], kink: str
) -> None:
    assert reason(program, *numbers) == f"{kink} at model.py:N"


@pytest.mark.parametrize(
    ("program", "numbers"),
    [
        # The element on the kink is not looked at.
        (lambda x: F.relu(x) * torch.tensor([1.0, 0.0]), (0.5, 0.0)),
        # It does not move.
        (lambda x: F.relu(x * 0) + x, (0.5, 1.0)),
        # It arrives there with the slope 0, so that both sides are alike.
        (lambda x: F.relu(x * x), (0.0, 1.0)),
        (lambda x: F.relu(x) ** 2, (0.0, 1.0)),
        # Both pieces join smoothly.
        (lambda x: F.smooth_l1_loss(x, torch.zeros(2)), (1.0, 2.0)),
        (lambda x: F.huber_loss(x, x.detach() * 0), (1.0, 2.0)),
        (F.elu, (0.0, 2.0)),
        # The tie is not for the largest.
        (lambda x: x.max(), (1.0, 2.0, 1.0)),
        (lambda x: torch.maximum(x, x), (1.0, 2.0)),
        # Near a kink, but not on it.
        (F.relu, (1e-6, 1.0)),
    ],
)
def test_a_kink_that_does_not_matter_is_no_reason(
    program: Program, numbers: tuple[float, ...]
) -> None:
    x = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    assert check(program, x).distance < 1e-6


def test_a_kink_of_an_operator_without_a_known_one_is_seen_in_the_numbers() -> None:
    # The spread of two equal numbers grows to both sides, like |x|.
    found = reason(lambda x: x.std() * 2 + 1, 1.0, 1.0)
    assert "is not smooth enough there: differences of several widths disagree" in found
