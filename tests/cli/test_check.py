"""`graphscope check`: what it prints, and the exit code that CI reads."""

import json
import runpy
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope.analysis.findings.kinds import KINDS, kind_lines
from graphscope.model.trace import Trace
from graphscope.storage.writer import RecordingWriter
from tests.cli.conftest import Run
from tests.samples import logistic_traces

SCRIPT = """\
import torch
import torch.nn.functional as F

x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
w = torch.tensor([[0.5, -0.5], [-0.5, 0.5]], requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(2):
    p = F.softmax(x @ w.T, dim=1)
    loss = F.cross_entropy(p, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.fixture(scope="module")
def suspicious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps, in both of which softmax is applied twice."""
    folder = tmp_path_factory.mktemp("suspicious")
    (folder / "train.py").write_text(SCRIPT)
    with gs.record(folder / "twice.gscope"):
        runpy.run_path(str(folder / "train.py"))
    return folder / "twice.gscope"


def twice(path: Path) -> list[str]:
    """Return what stderr says of the two steps."""
    return [f"{path}: 1 finding in 2 steps."]


def save(path: Path, traces: list[Trace], **options: Any) -> None:
    writer = RecordingWriter(path, environment={}, **options)
    for trace in traces:
        writer.add(trace)
    writer.close()


def damage(path: Path, *steps: int) -> None:
    """Lose the numbers of some steps."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for step in steps:
            connection.execute(
                "UPDATE step SET body = zeroblob(length(body)) WHERE id = ?", (step,)
            )


def test_a_recording_in_order_prints_nothing_and_exits_with_0(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("check", recording.name)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "run.gscope: nothing found in 5 steps.\n"


def test_a_finding_is_printed_with_its_step_kind_and_line_and_exits_with_3(
    graphscope: Run, suspicious: Path
) -> None:
    done = graphscope("check", str(suspicious))

    assert done.returncode == 3
    assert (
        done.stdout
        == """\
step 0: softmax-twice: softmax is applied twice (train.py:9)
  `p` is the result of softmax (train.py:8): probabilities. `F.cross_entropy(p, y)` \
(train.py:9) takes scores and applies softmax itself, so
  it acts twice. The loss is 0.4885; −log of the probability of the right class is \
0.3133. So it is in all 2 steps.
  → Leave out `F.softmax(x @ w.T, dim=1)` (train.py:8): give the loss the scores, \
`x @ w.T`, and use softmax only to read off probabilities.
"""
    )
    assert done.stderr.splitlines() == twice(suspicious)


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ("softmax-twice", 3),
        ("softmax_twice", 3),
        ("nan,Softmax-Twice", 3),
        ("nan-input, softmax", 3),
        ("nan,dead_relu", 0),
    ],
)
def test_fail_on_chooses_what_the_exit_code_is_about_and_all_is_printed(
    graphscope: Run, suspicious: Path, kinds: str, code: int
) -> None:
    done = graphscope("check", str(suspicious), "--fail-on", kinds)

    assert done.returncode == code
    assert "softmax-twice" in done.stdout


@pytest.mark.parametrize("kinds", ["quite-wrong", "", "nan,,dead-relu"])
def test_fail_on_of_no_kind_is_wrong_usage_that_lists_the_kinds(
    graphscope: Run, suspicious: Path, kinds: str
) -> None:
    done = graphscope("check", str(suspicious), "--fail-on", kinds)

    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no kind" in done.stderr
    assert [kind for kind in KINDS if kind not in done.stderr] == []


def test_fail_on_with_a_slip_of_the_pen_names_the_nearest_kinds_alone(
    graphscope: Run, suspicious: Path
) -> None:
    done = graphscope("check", str(suspicious), "--fail-on", "none_gard")

    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no kind 'none_gard'. Nearest: none-grad" in done.stderr
    assert "dead-relu" not in done.stderr


def test_json_is_one_strict_document_with_the_findings_attributes(
    graphscope: Run, suspicious: Path
) -> None:
    done = graphscope("check", str(suspicious), "--format", "json")

    def refuse(text: str) -> None:
        raise ValueError(text)

    document = json.loads(done.stdout, parse_constant=refuse)
    (found,) = document.pop("findings")
    assert done.returncode == 3
    assert document == {
        "format": "graphscope.findings",
        "version": 1,
        "recording": str(suspicious),
        "steps": 2,
        "notes": [],
    }
    assert found["kind"] == "softmax-twice"
    assert found["step"] == 0
    assert found["site"]["file"].endswith("train.py")
    assert {"title", "explanation", "remedy", "numbers", "paths"} <= set(found)
    assert done.stderr.splitlines() == twice(suspicious)


def test_json_without_findings_is_a_document_too(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("check", recording.name, "--format", "json")

    assert (done.returncode, json.loads(done.stdout)["findings"]) == (0, [])


def test_several_recordings_are_checked_one_after_the_other(
    graphscope: Run, recording: Path, suspicious: Path
) -> None:
    done = graphscope("check", recording.name, str(suspicious), "--format", "json")

    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3
    assert [d["recording"] for d in documents] == ["run.gscope", str(suspicious)]
    assert [len(d["findings"]) for d in documents] == [0, 1]


def test_one_that_cannot_be_read_keeps_no_other_from_being_checked(
    graphscope: Run, suspicious: Path
) -> None:
    done = graphscope("check", "no.gscope", str(suspicious))

    missing, *others = done.stderr.splitlines()
    assert done.returncode == 1
    assert missing.startswith("graphscope: ")
    assert "no.gscope" in missing
    assert "softmax-twice" in done.stdout
    assert others == twice(suspicious)


def test_a_recording_without_steps_is_an_error(graphscope: Run, tmp_path: Path) -> None:
    save(tmp_path / "empty.gscope", [])

    done = graphscope("check", "empty.gscope")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: empty.gscope has no steps: nothing ran in torch while it was "
        "made. Record a script that computes something.\n"
    )


def test_damaged_steps_are_left_out_and_named(graphscope: Run, recording: Path) -> None:
    damage(recording, 1, 3)

    done = graphscope("check", recording.name)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "run.gscope: nothing found in 3 steps. 2 steps cannot be read and are not "
        "looked at: 1 and 3.\n"
    )


def test_what_is_wrong_beside_a_damaged_step_is_found(
    graphscope: Run, suspicious: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.gscope"
    copy.write_bytes(suspicious.read_bytes())
    damage(copy, 0)

    done = graphscope("check", "copy.gscope", "--format", "json")

    (found,) = json.loads(done.stdout)["findings"]
    assert (done.returncode, found["kind"], found["step"]) == (3, "softmax-twice", 1)
    assert done.stderr == (
        "copy.gscope: 1 finding in 1 step. 1 step cannot be read and is not looked "
        "at: 0.\n"
    )


def test_a_recording_of_which_nothing_can_be_read_is_an_error(
    graphscope: Run, recording: Path
) -> None:
    damage(recording, *range(5))

    done = graphscope("check", recording.name)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: None of the 5 steps in run.gscope can be read: the file is "
        "damaged. Record it again.\n"
    )


def test_thinned_steps_are_told_of(graphscope: Run, tmp_path: Path) -> None:
    save(tmp_path / "thin.gscope", logistic_traces(400), max_bytes=100_000)

    done = graphscope("check", "thin.gscope")

    said = done.stderr
    assert (done.returncode, done.stdout) == (0, "")
    assert said.startswith("thin.gscope: nothing found in ")
    assert said.endswith(
        "steps were thinned to keep to the disk budget: what shows only there cannot "
        "be found.\n"
    )


def test_a_recording_that_is_being_written_is_checked_as_far_as_it_got(
    graphscope: Run, tmp_path: Path
) -> None:
    writer = RecordingWriter(tmp_path / "open.gscope", environment={})
    try:
        early = graphscope("check", "open.gscope")
        writer.show(logistic_traces(1)[0])
        done = graphscope("check", "open.gscope")
    finally:
        writer.close()

    assert (early.returncode, early.stdout) == (1, "")
    assert early.stderr == (
        "graphscope: open.gscope has no steps yet: it is still being recorded. Ask "
        "again later.\n"
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "open.gscope: nothing found in 1 step. It is still being recorded: later "
        "steps are not looked at.\n"
    )


def test_the_kinds_are_listed(graphscope: Run) -> None:
    done = graphscope("check", "--list")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == kind_lines()
