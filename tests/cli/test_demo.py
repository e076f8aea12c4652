"""`demo` without a terminal prints picture and numbers, and writes the pictures."""

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def rows(text: str, heading: str = "name ") -> dict[str, list[str]]:
    """Return the rows of a table by name, of two of the same name the first."""
    table = text.partition(f"\n{heading}")[2].partition("\n\n")[0].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in reversed(table) if line}


def test_the_list_groups_all_examples_by_topic(graphscope: Run) -> None:
    done = graphscope("demo", "--list")

    assert (done.returncode, done.stderr) == (0, "")
    parts = done.stdout.rstrip().split("\n\n")
    assert len(parts) == 10
    assert parts[2].splitlines()[:2] == [
        "autograd · Autograd: graphs, leaves, gradients",
        f"  {'d4-autograd-z14':<27}  The first autograd graph, y = x² and z = 3y + 2.",
    ]
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_topic_can_be_listed_alone(graphscope: Run) -> None:
    done = graphscope("demo", "--list", "broadcasting")

    assert done.stdout.startswith("broadcasting · ")
    assert "autograd · " not in done.stdout


def test_demo_alone_is_the_logistic_example(process: Run, tmp_path: Path) -> None:
    done = process("demo")

    assert done.returncode == 0, done.stderr
    assert "logistic-chain-rule · step 0 (0 to 99) · l 0.1394\n" in done.stdout
    for factor in ("∂L/∂a = −1.1496", "∂a/∂z = 0.1132", "∂z/∂u = 1", "∂u/∂w_1 = 3.7"):
        assert factor in done.stdout
    assert (
        "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a\n"
        "       =  3.7   ·   1   · 0.1132 · −1.1496  =  −0.4814"
    ) in done.stdout
    table = rows(done.stdout)
    assert table["z"][2:4] == ["1.9", "−0.1301"]
    assert table["w_1"][3] == "−0.4814"
    assert sorted(path.name for path in (tmp_path / "graphscope-demo").iterdir()) == [
        "logistic-chain-rule.gscope",
        "logistic-chain-rule.operations.svg",
        "logistic-chain-rule.variables.svg",
    ]


def test_an_example_stands_beside_its_lecture(process: Run, tmp_path: Path) -> None:
    done = process("demo", "7e-logreg-theta", "--out", "kept", "--no-ui")

    assert done.returncode == 0, done.stderr
    table = rows(done.stdout, "result ")
    # The slide cuts digits off: 0.69635 is printed as 0.6963.
    assert done.stdout.count("✓ as torch; the lecture differs") == 4
    assert table["L"][:2] == ["0.65823", "0.65815"]
    assert "Why they differ: The slide cuts digits off instead of rounding" in (
        done.stdout
    )
    assert done.stdout.rstrip().splitlines()[-1].startswith("Look at: ")
    assert len(list((tmp_path / "kept").glob("7e-logreg-theta.*"))) == 3
    shown = process("show", "kept/7e-logreg-theta.gscope")
    assert "7e-logreg-theta.gscope · step 0 (0 to 0) · " in shown.stdout


def test_an_example_without_an_operation_has_nothing_to_draw(
    process: Run, tmp_path: Path
) -> None:
    done = process("demo", "35-skeleton", "--no-ui")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("35-skeleton · no torch operation ran")
    assert list((tmp_path / "graphscope-demo").glob("*.svg")) == []


def test_an_example_that_raises_says_so_and_ends_well(process: Run) -> None:
    done = process("demo", "41-scalar-only-error", "--no-ui")

    assert done.returncode == 0, done.stderr
    assert (
        "It ended with RuntimeError: grad can be implicitly created only for scalar "
        "outputs"
    ) in done.stdout


def test_a_trap_is_pointed_at_with_what_to_do(process: Run) -> None:
    done = process("demo", "x-softmax-layer", "--no-ui")

    assert done.returncode == 0, done.stderr
    assert "\ntrap: softmax is applied twice (traps.py:" in done.stdout
    assert "\n  → Leave out the layer `1` (Softmax)" in done.stdout


def test_the_accumulating_example_is_one_step_of_three_passes(process: Run) -> None:
    done = process("demo", "41-accumulate", "--no-ui")

    assert done.returncode == 0, done.stderr
    assert "41-accumulate · step 0 (0 to 0) · " in done.stdout
    [row] = [line for line in done.stdout.splitlines() if line.startswith("weights ")]
    assert row.split("  ")[-3:-1] == ["3, 3, 3 (each of 4)", "3 → 6 → 9 (each of 4)"]


def test_without_scikit_learn_the_message_names_the_extra(
    graphscope: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)

    done = graphscope("demo", "41-breast-cancer-data", "--no-ui")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "graphscope: The example 41-breast-cancer-data needs scikit-learn for its "
        "data. Install it with: pip install 'graphscope-torch[lectures]'"
    )
