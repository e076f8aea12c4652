"""A fault of ours, wherever it happens, is counted and shown, and never felt."""

import os
import subprocess
import sys

import pytest

from tests.capture.planting import find_harm, run_with_fault, train

STRIDE = 331  # `python -m tests.capture.planting` tries every place


@pytest.mark.parametrize("fault", [RuntimeError, MemoryError])
def test_a_fault_at_the_ith_thing_that_we_do_harms_nothing(
    fault: type[Exception],
) -> None:
    bare = train()
    *_, calls = run_with_fault(0)
    assert calls > 1000
    harmed = {at: find_harm(at, bare, fault) for at in range(1, calls + 1, STRIDE)}
    assert {at: harm for at, harm in harmed.items() if harm} == {}


def test_nor_does_one_where_nothing_is_compiled() -> None:
    command = [sys.executable, "-m", "tests.capture.planting", "--stride", str(STRIDE)]
    done = subprocess.run(
        command,
        env={**os.environ, "GRAPHSCOPE_KERNEL": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith(": 0 harmed\n"), done.stdout + done.stderr


def test_without_a_fault_nothing_is_counted() -> None:
    result, recorder, traces, _ = run_with_fault(0)
    assert recorder.faults == {}
    assert len(traces) == 5  # four steps, and what comes after the loop
    assert all(a.equal(b) for a, b in zip(result, train(), strict=True))
