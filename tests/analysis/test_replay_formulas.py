"""Every formula, through a real trace, against torch.autograd."""

import warnings
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import pytest
import torch

from graphscope.analysis.replay import machine
from graphscope.analysis.replay.difference import finite_difference
from graphscope.analysis.replay.formula import Formula, Result
from graphscope.analysis.replay.formulas.randomness import RANDOMNESS
from graphscope.analysis.replay.formulas.table import (
    FORMULAS,
    base_name,
    find_formula,
)
from graphscope.analysis.replay.plan import make_plan
from graphscope.model.graph import Op
from tests.analysis.differences import check, leaf_of, trace_of
from tests.analysis.replay_cases import FAMILIES, Case

_COARSE: Final = {"half", "bfloat16"}  # rounded on the way, whatever the leaf is
_DEVICES: Final = {"cpu", "cuda"}  # nothing is recorded where nothing moves
CASES: Final = [
    pytest.param(case, name in _COARSE, id=f"{family}: {name}")
    for family, cases in FAMILIES.items()
    for name, case in cases.items()
]


def leaf(dtype: torch.dtype) -> Any:
    """Return numbers of both signs, none of them near a kink or a tie."""
    rows = [[0.71, -0.33, 1.27], [-0.82, 0.45, -1.61]]
    return torch.tensor(rows, dtype=dtype, requires_grad=True)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's advice on some operators
@pytest.mark.parametrize(("case", "is_coarse"), CASES)
def test_a_difference_agrees_with_autograd_in_float64(
    case: Case, *, is_coarse: bool
) -> None:
    checked = check(case, leaf(torch.float64))
    assert checked.autograd.any()
    # The difference is about 1e-10; casts to float32 inside of a case round to 1e-7.
    assert checked.distance < (1e-2 if is_coarse else 2e-7)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("case", "is_coarse"), CASES)
def test_a_difference_agrees_with_autograd_in_float32(
    case: Case, *, is_coarse: bool
) -> None:
    checked = check(case, leaf(torch.float32))
    assert checked.distance < (1e-2 if is_coarse else 2e-5)
    # The error that it claims covers the distance, and is not beyond all bounds.
    error = checked.difference.error
    assert error is not None
    scale = max(float(abs(checked.autograd).max()), 1e-3)
    assert checked.distance * scale <= 4 * error + 1e-6 * scale
    assert error < (0.1 if is_coarse else 1e-3) * scale


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("case", "is_coarse"), CASES)
def test_a_formula_that_is_a_thousandth_wrong_does_not_go_unnoticed(
    case: Case, *, is_coarse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = leaf(torch.float32)
    trace = trace_of(partial(case, x))
    ends = leaf_of(trace, x), trace.graph.roots[-1]
    plan = make_plan(trace.graph, ends[:1], ends[1], as_autograd=True)
    last = base_name(plan.steps[-1].op)

    def find_wrong_formula(op: Op) -> Formula | None:
        formula = find_formula(op)
        if formula is None or base_name(op) != last:
            return formula
        return replace(formula, compute=lambda g: scaled(formula.compute(g)))

    def scaled(found: Result) -> Result:
        factor = 1.1 if is_coarse else 1.001
        if isinstance(found, tuple):
            return tuple(one * factor for one in found)
        return np.asarray(found * factor)

    monkeypatch.setattr(machine, "find_formula", find_wrong_formula)
    seed = np.ones(trace.graph.values[ends[1]].shape)
    assert "could not be reproduced" in finite_difference(trace, *ends, seed).reason


def test_every_formula_has_a_case() -> None:
    seen = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cases in FAMILIES.values():
            for case in cases.values():
                trace = trace_of(partial(case, leaf(torch.float32)))
                seen |= {base_name(op) for op in trace.graph.ops}
    assert set(FORMULAS) - set(RANDOMNESS) - _DEVICES - seen == set()
