"""`demo` without a terminal prints the lectures' numbers and writes the pictures."""

from pathlib import Path

from tests.cli.conftest import Run


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of the table by name, of two of the same name the first."""
    table = text.partition("\nname ")[2].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in reversed(table) if line}


def test_the_list_has_a_title_for_each_demo(graphscope: Run) -> None:
    done = graphscope("demo", "--list")

    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
accumulate           Three backwards without zeroing: gradients add up in .grad.
linear_regression    Linear regression on house prices: the five steps of one \
training iteration.
logistic_chain_rule  Logistic regression: the chain rule from the loss to the \
weight, then training.
quadratic            The first autograd graph: z = 3x² + 2.
"""
    )


def test_demo_alone_is_the_logistic_example(process: Run, tmp_path: Path) -> None:
    done = process("demo")

    assert done.returncode == 0, done.stderr
    assert "logistic_chain_rule · step 0 (0 to " in done.stdout
    for factor in ("∂L/∂a = −1.1496", "∂a/∂z = 0.1132", "∂z/∂u = 1", "∂u/∂w_1 = 3.7"):
        assert factor in done.stdout
    table = rows(done.stdout)
    assert table["z"][2:4] == ["1.9", "−0.1301"]
    assert table["a"][2:4] == ["0.8699", "−1.1496"]
    assert table["l"][2:4] == ["0.1394", "1"]
    assert table["w_1"][3] == "−0.4814"
    assert table["b"][3] == "−0.1301"
    assert sorted(path.name for path in (tmp_path / "graphscope-demo").iterdir()) == [
        "logistic_chain_rule.gscope",
        "logistic_chain_rule.operations.svg",
        "logistic_chain_rule.variables.svg",
    ]


def test_linear_regression_shows_the_lectures_first_step(
    process: Run, tmp_path: Path
) -> None:
    done = process("demo", "linear_regression", "--out", "kept")

    assert done.returncode == 0, done.stderr
    assert "· loss 128.55\n" in done.stdout
    table = rows(done.stdout)
    assert table["y_hat"][2] == "−2.238"
    assert table["w"][2:4] == ["−0.34", "−151.929"]
    assert table["b"][2:4] == ["0.04", "−22.676"]
    assert "1.1793" in done.stdout
    assert "0.2668" in done.stdout
    assert len(list((tmp_path / "kept").glob("linear_regression.*"))) == 3
    last = process("show", "kept/linear_regression.gscope", "--step", "100")
    assert "linear_regression.gscope · step 100 (0 to " in last.stdout
    assert "1.2493" in last.stdout


def test_the_accumulating_demo_is_one_step_of_three_passes(process: Run) -> None:
    done = process("demo", "accumulate", "--no-ui")

    assert done.returncode == 0, done.stderr
    assert "accumulate · step 0 (0 to 0) · " in done.stdout
    [row] = [line for line in done.stdout.splitlines() if line.startswith("weights ")]
    assert row.split("  ")[-3:] == [
        "3, 3, 3 (each of 4)",
        "3 → 6 → 9 (each of 4)",
        "10",
    ]
