"""The slots that hold a NaN or an Inf are found by the bytes of a step."""

from pathlib import Path

import numpy as np
import pytest
import torch

import graphscope as gs
from graphscope.model.graph import Role, Slot
from graphscope.model.observation import Observation, Stats, summarize
from graphscope.model.packed import (
    PackedNumbers,
    SlotTable,
    is_finite,
    nonfinite_slots,
)

HALF = np.array([1.0, np.inf], np.float16)
LONG = np.zeros(5000, np.float32)


def test_a_list_of_observations_is_looked_at_one_by_one() -> None:
    seen = [
        None,
        Observation(),
        Observation(np.array([1.0, 2.0])),
        Observation(np.array([1.0, np.nan])),
        Observation(np.array([1, 2])),
        Observation(summary=summarize(np.array([1.0, -np.inf]))),
        Observation(summary=Stats(3, 0, 1, 0.5, 0.1, 1, 1, 0, 0)),
    ]
    assert nonfinite_slots(seen) == (3, 5)


@pytest.mark.parametrize("whole", [0, 2, 256, 10_000])
def test_bytes_say_the_same_as_the_observations(whole: int, tmp_path: Path) -> None:
    path = tmp_path / "run.gscope"
    with gs.record(path, whole=whole):
        for bad in (1.0, float("nan"), float("inf"), 2.0):
            w = torch.tensor([bad, 1.0, 2.0], requires_grad=True)
            half = (w * 2).half()
            many = torch.full((5000,), bad)
            index = torch.arange(3)
            loss = (half.float() * w)[index].sum() + many.sum()
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                w -= 0.1
    steps = [step.trace for step in gs.load(path)]
    assert len(steps) == 4
    found = [nonfinite_slots(trace.observations) for trace in steps]
    one_by_one = [
        tuple(i for i, seen in enumerate(t.observations) if not is_finite(seen))
        for t in steps
    ]
    assert found == one_by_one
    assert (found[0], found[3]) == ((), ())
    assert min(len(found[1]), len(found[2])) > 3


def test_bytes_need_not_begin_where_their_dtype_is_aligned() -> None:
    slots = [Slot(0, Role.VALUE, 0, shape=(3,), dtype="uint8"), _slot("float16", 2)]
    slots += [_slot("float64", 1), _slot("float32", 5000)]
    bodies = [np.zeros(3, np.uint8).tobytes(), HALF.tobytes()]
    bodies += [np.array([np.nan]).tobytes(), LONG.tobytes()]
    body = b"#" + b"".join(bodies)
    table = SlotTable(slots)
    packed = PackedNumbers(table, bytes([2, 2, 2, 2]), body, start=1)
    assert packed.nonfinite == (1, 2)
    assert packed.nonfinite is packed.nonfinite


def _slot(dtype: str, size: int) -> Slot:
    return Slot(0, Role.VALUE, 0, shape=(size,), dtype=dtype)
