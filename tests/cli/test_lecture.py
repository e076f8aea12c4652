"""`--lecture`: formulas of the slides on the command line, in every format."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run

FORMULA = "l = −[y·log a + (1 − y)·log(1 − a)]"


def test_show_draws_the_formula_of_a_slide_and_names_its_autograd_node(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("show", recording.name, "--step=0", "--lecture", "--view=boxes")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("logistic.py · step 0 · lecture view · operations\n")
    assert f"│ {FORMULA} " in done.stdout
    assert "│ torch: BinaryCrossEntropyBackward0 " in done.stdout


def test_without_it_every_op_is_drawn(graphscope: Run, recording: Path) -> None:
    done = graphscope("show", recording.name, "--step=0", "--view=boxes")

    assert FORMULA not in done.stdout
    assert "lecture" not in done.stdout


def test_a_row_of_the_rail_has_the_formula_and_names_the_node_behind_the_columns(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("show", recording.name, "--step=0", "--lecture", "--view=rail")

    (row,) = [line for line in done.stdout.splitlines() if "·log a" in line]
    assert row.endswith("torch: BinaryCrossEntropyBackward0")


@pytest.mark.parametrize("suffix", ["svg", "dot", "mmd", "txt"])
def test_export_writes_it_in_every_format_of_a_picture(
    graphscope: Run, recording: Path, suffix: str
) -> None:
    out = recording.with_name(f"step.{suffix}")
    done = graphscope("export", recording.name, "--lecture", "-o", out.name)

    assert (done.returncode, done.stderr) == (0, "")
    text = out.read_text("utf-8")
    assert "lecture view" in text
    assert "y·log a" in text
