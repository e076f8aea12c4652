"""All of the lectures' examples run under a trace and give torch's numbers."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.lectures.catalog import TOPICS, Example, Topic
from graphscope.lectures.comparing import Comparison
from graphscope.lectures.running import Run, trace_example
from graphscope.lectures.shelf import open_shelf

SHELF = open_shelf()
WITH_ORACLE = [e for e in SHELF.examples if e.id in SHELF.oracles]
OTHERS = [e for e in SHELF.examples if e.id not in SHELF.oracles]
FINDINGS = {
    "d4-boston-forward": ["zero-feature"],  # of the rows shown none is at the river
    "41-abs-sqrt-neg": ["inf"],  # it shows the slope of the root at 0
    "41-linreg-4samples": ["swapped-arguments"],  # loss_fn(y, y_pred), as printed
    "d4-house-csv-header-nan": ["nan-input"],
    "d4-softmax-label-range": ["labels-out-of-range"],
    "ee-multiclass-scores": ["argmax-on-column"],
    "ee-double-softmax": ["softmax-twice", "softmax-twice"],
    "x-softmax-layer": ["softmax-twice"],
    "ee-mlp-relu-out": ["dead-relu"],
    "35-retain-graph": ["second-backward"],
    "41-scalar-only-error": ["not-scalar"],
    "x-detach-wall": ["none-grad"],
    "35-saturation": ["saturated-sigmoid"],
    "x-exploding-lr": ["learning-rate-too-large"],
    "x-swapped-loss": ["swapped-arguments"],
    "x-missing-zero-grad": ["missing-zero-grad"],
}
"""What is found in an example, which is about just that; in all others nothing is."""


def test_every_example_of_the_lectures_is_there_once() -> None:
    ids = [example.id for example in SHELF.examples]

    assert len(ids) == len(set(ids))
    assert len(SHELF.oracles) == 143
    assert set(SHELF.oracles) <= set(ids)
    assert tuple(topic.name for topic in SHELF.topics) == TOPICS


@pytest.mark.parametrize("example", WITH_ORACLE, ids=lambda example: example.id)
def test_what_was_recorded_is_what_torch_gives(example: Example) -> None:
    run = trace_example(example)

    wrong = [c for c in SHELF.compare(example, run) if not c.agrees]

    assert wrong == []
    check_prints(example, run)
    check_findings(example, run)


@pytest.mark.parametrize("example", OTHERS, ids=lambda example: example.id)
def test_an_example_beyond_the_lectures_runs(example: Example) -> None:
    run = trace_example(example)

    assert len(run.steps) > 0
    assert run.error == "" or example.topic == "traps"
    check_prints(example, run)
    check_findings(example, run)


def check_prints(example: Example, run: Run) -> None:
    """An example prints something, or ends with the error that it is about."""
    assert run.printed.strip() or run.error, example.id


def check_findings(example: Example, run: Run) -> None:
    """Exactly what an example is about is found in it."""
    kinds = [finding.kind for finding in run.steps.findings]

    assert kinds == FINDINGS.get(example.id, [])


def test_all_examples_in_which_something_is_to_be_found_exist() -> None:
    assert set(FINDINGS) <= {example.id for example in SHELF.examples}


def numbers_in(found: object) -> bool:
    """Whether a result is a number with a fraction, or holds one."""
    if isinstance(found, list):
        return any(numbers_in(item) for item in found)
    return isinstance(found, float) and not float(found).is_integer()


def test_numbers_are_read_off_the_recording_not_handed_back() -> None:
    readings = SHELF.readings
    handed_back = [
        (name, key)
        for name, oracle in SHELF.oracles.items()
        for key, expected in oracle.torch.items()
        if key not in readings.get(name, {}) and numbers_in(expected)
    ]

    assert handed_back == []


def test_no_reading_is_left_over() -> None:
    for name, readings in SHELF.readings.items():
        assert set(readings) <= set(SHELF.oracles[name].torch), name


@pytest.mark.parametrize("topic", SHELF.topics, ids=lambda topic: topic.name)
def test_a_script_is_plain_pytorch(topic: Topic) -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(topic.path.read_text("utf-8")))
        for name in imported_by(node)
    }

    assert imported <= {
        *("torch", "numpy", "sklearn", "math", "warnings", "pathlib", "io"),
        *("collections", "csv"),
    }


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("example", SHELF.examples, ids=lambda example: example.id)
def test_an_example_has_a_title_and_says_what_to_look_at(example: Example) -> None:
    assert example.title.endswith(".")
    first = example.title.split()[0]
    assert first[0].isupper() or not first.isalpha(), first  # or a name of the code
    assert 10 < len(example.look_at) < 300
    assert "\n" not in example.title + example.look_at
    assert example.code.strip()


@pytest.mark.parametrize("topic", SHELF.topics, ids=lambda topic: topic.name)
def test_a_script_runs_by_itself(topic: Topic, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(topic.path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    for example in topic.examples:
        assert example.id in done.stdout, example.id


def test_a_comparison_says_where_a_number_is_from() -> None:
    example = SHELF.find("d4-autograd-z14")

    found = SHELF.compare(example, trace_example(example))

    assert found[:2] == (
        Comparison("z", 14.0, True, 14.0, 14, agrees=True, is_as_printed=True),
        Comparison("dz_dx", 12.0, True, 12.0, 12, agrees=True, is_as_printed=True),
    )
