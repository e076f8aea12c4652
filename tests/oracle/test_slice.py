"""A fixed slice of PyTorch's own operator samples, bare and under capture.

`make oracle` runs all of them. Importing the databases changes flags and classes of
torch's, so each part runs in a process of its own.
"""

import pytest

from tests.oracle.databases import DATABASES, DTYPES
from tests.oracle.parts import Outcome, Part, run_parts
from tests.oracle.tally import Tally

ALL = tuple(DTYPES)
SLICE = {
    "operators": Part(("op",), ("float32",), 0, 40, limit=3),
    "more operators": Part(("op",), ("float32",), 9, 40, limit=3),
    "operators in other floats": Part(
        ("op",), ("float64", "complex64", "bfloat16"), 1, 90, limit=2
    ),
    "operators in integers": Part(("op",), ("int64", "bool"), 3, 60, limit=2),
    "in-place variants": Part(("inplace",), ALL, 0, 45, limit=2),
    "modules": Part(("module",), ALL, 0, 15, limit=2),
    "optimizers and functions": Part(("optimizer", "custom"), ALL, 0, 4, limit=1),
}


def test_the_slice_has_every_database_and_every_dtype() -> None:
    assert {db for part in SLICE.values() for db in part.databases} == set(DATABASES)
    assert {name for part in SLICE.values() for name in part.dtypes} == set(DTYPES)


@pytest.mark.parametrize("name", SLICE)
def test_torchs_own_samples_run_identically_and_are_recorded_whole(name: str) -> None:
    tally = Tally()

    def note(outcome: Outcome) -> None:
        if outcome.verdict is None:
            tally.fail(outcome.item, outcome.crash)
        else:
            tally.add(outcome.item, outcome.verdict)

    run_parts([SLICE[name]], 1, note)

    assert tally.failures == {}
    assert tally.total.samples > 20
    assert tally.total.compared > tally.total.samples
