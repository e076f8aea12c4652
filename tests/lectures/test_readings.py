"""Readings look up what was recorded, and nothing else can be evaluated."""

from typing import Any

import numpy as np
import pytest
import torch

import graphscope as gs
from graphscope.lectures.comparing import is_close
from graphscope.lectures.readings import ReadingError, evaluate_reading
from graphscope.lectures.running import Run


@pytest.fixture(scope="module")
def run() -> Run:
    with gs.trace() as t:
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for k in range(3):
            for _ in range(2):
                total = (w * (k + 1)).sum()
                total.backward()
            optimizer.step()
            optimizer.zero_grad()
    return Run(t.steps, {"text": "handed back"}, "", "IndexError: too far: 3")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("w @ 0", [1.0, 2.0]),
        ("w.grad @ 0", [2.0, 2.0]),  # two backwards of 1
        ("w.grad", [6.0, 6.0]),  # the last step: two backwards of 3
        ("w.arrived @ 1", [[2.0, 2.0], [2.0, 2.0]]),
        ("w.grad_after @ 0", [[1.0, 1.0], [2.0, 2.0]]),
        ("total @ (0, 1)", [3.0, 5.2]),  # 2 · (0.8 + 1.8)
        ("len(total @ every(1))", 3),
        ("w[0] @ 0", 1.0),
        ("(w - w.updated) @ 0", [0.2, 0.2]),
        ("w.shape", [2]),
        ("w.dtype", "torch.float32"),
        ("w.grad_fn", None),
        ("total.grad_fn", "SumBackward0"),
        ("[w.requires_grad, w.is_leaf]", [True, True]),
        ("-w[1] @ 0", -2.0),
        ("(w > 0) @ 0", True),
        ("(w.grad == w) @ 0", False),
        ("isnan(w)", False),
        ("steps", 3),
        ("error_type", "IndexError"),
        ("error_message", "too far: 3"),
        ("returned['text']", "handed back"),
        ("round(total @ 1, 1)", 5.2),
    ],
)
def test_a_reading_is_what_was_recorded(
    run: Run, expression: str, expected: Any
) -> None:
    found = evaluate_reading(expression, run)

    assert is_close(found, expected, 1e-6, 0.0), found


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "w.__class__",
        "w.trace",
        "(lambda: 1)()",
        "[x for x in w]",
        "open('file')",
        "w if w else w",
        "w ** 2",
        "missing",
        "w.grad @ 99",
        "w +",
    ],
)
def test_anything_else_is_refused(run: Run, expression: str) -> None:
    with pytest.raises(ReadingError, match=r"cannot be read|is no reading"):
        evaluate_reading(expression, run)


@pytest.mark.parametrize(
    ("found", "expected", "is_it"),
    [
        (1.0, 1, True),
        (True, 1, False),
        (1, True, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 0.0, False),
        ([1.0, 2.0], [1.0], False),
        ([[1.0]], [[1.00005]], True),
        (None, 0.0, False),
        ("1", 1, False),
        (np.float64(2.0), 2, True),
    ],
)
def test_results_agree_within_the_tolerance_and_types_do_not_mix(
    found: Any, expected: Any, *, is_it: bool
) -> None:
    assert is_close(found, expected, 1e-4, 0.0) is is_it
