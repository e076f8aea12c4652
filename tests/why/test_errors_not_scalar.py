"""What is told of a backward from more than one number."""

import pytest
import torch

import graphscope as gs
from tests.why.programs import run_case


def test_it_names_the_shape_and_both_ways_out_as_the_lecture_does() -> None:
    found = run_case("notscalar_three_outputs").only("not-scalar")
    name = "notscalar_three_outputs.py"
    assert found.title == "backward starts from `c`, which has 3 numbers"
    assert found.explanation == (
        f"`c` ({name}:7) is f32[3]: 3 numbers. `c.backward()` ({name}:8) has to begin "
        "with one number, whose gradient by itself is 1; of several it does not know "
        "how much each of them counts."
    )
    assert found.remedy == (
        "Make one number of it: `c.mean().backward()` or `c.sum().backward()`; or say "
        "how much each number counts with a vector v of shape [3]: `c.backward(v)`."
    )
    assert dict(found.numbers) == {"numbers": 3}


def test_a_loss_without_reduction_is_said_to_be_one() -> None:
    found = run_case("notscalar_unreduced_loss").only("not-scalar")
    assert found.explanation.endswith(
        "`criterion(model(x), labels)` (notscalar_unreduced_loss.py:9) was asked for "
        "reduction='none', which keeps a loss for each element."
    )


def test_an_expression_without_a_name_is_written_out() -> None:
    found = run_case("notscalar_squared_error").only("not-scalar")
    assert "`(prediction - targets).pow(2).mean().backward()`" in found.remedy


def test_autograd_grad_takes_the_vector_by_another_name() -> None:
    found = run_case("notscalar_autograd_grad").only("not-scalar")
    assert found.remedy.endswith("a vector v of shape [5]: `grad_outputs=v`.")


def test_a_complex_number_has_no_direction_to_go_down() -> None:
    w = torch.ones((), requires_grad=True)
    tracing = gs.trace()

    def train() -> None:
        z = torch.complex(w, w)
        z.backward()

    with pytest.raises(RuntimeError, match="real scalar outputs"), tracing:
        train()
    (found,) = tracing.findings
    assert found.title == "backward starts from `z`, which is complex"
