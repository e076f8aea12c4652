"""`graphscope why`: verdict, explanation, chain rule, and the script of a NaN."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import graphscope as gs
from tests.cli.conftest import Run

SCRIPT = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 2)
        self.fc2 = nn.Linear(2, 1)

    def forward(self, x):
        h = self.fc1(x).detach()
        return self.fc2(h)

torch.manual_seed(0)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.tensor([[1.0, 2.0]])
for step in range(3):
    loss = model(x).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

w = torch.tensor([0.0, 4.0], requires_grad=True)
mask = torch.tensor([0.0, 1.0])
z = (w.sqrt() * mask).sum()
z.backward()
"""


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps in which half of a network is cut off, and one with a NaN."""
    folder = tmp_path_factory.mktemp("why")
    (folder / "train.py").write_text(SCRIPT)
    with gs.record(folder / "run.gscope"):
        runpy.run_path(str(folder / "train.py"))
    return folder / "run.gscope"


def test_an_ordinary_gradient_shows_its_verdict_and_below_it_the_chain_rule(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("why", recording.name, "w_1.grad", "--step", "0")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[:2] == [
        "`w_1.grad` is −0.4814 in step 0, and nothing about it is suspicious.",
        "",
    ]
    assert lines[2].split() == (
        "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z · ∂L/∂a".split()  # noqa: SIM905 - a formula
    )
    assert "−0.4814" in lines[3]


def test_a_missing_gradient_shows_where_it_is_cut(
    graphscope: Run, run_file: Path
) -> None:
    done = graphscope("why", str(run_file), "fc1.weight.grad")

    first, empty, title, *others = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert first.startswith("`fc1.weight.grad` is None in step ")
    assert empty == ""
    assert title.startswith("`fc1.weight`")
    assert "train.py:11" in title
    assert any("← " in line and "detach" in line for line in others)
    assert "∂" not in done.stdout


def test_without_a_step_it_is_the_first_with_a_finding_about_the_name(
    graphscope: Run, run_file: Path
) -> None:
    found = graphscope("why", str(run_file), "fc1.weight")
    usual = graphscope("why", str(run_file), "fc2.weight")
    asked = graphscope("why", str(run_file), "fc1.weight", "--step", "2")

    assert found.stdout.startswith("`fc1.weight.grad` is None in step 0.\n")
    assert usual.stdout.split(" in step ")[1].startswith("2, ")
    assert asked.stdout.startswith("`fc1.weight.grad` is None in step 2.\n")


def test_a_name_of_another_step_is_found_there(graphscope: Run, run_file: Path) -> None:
    done = graphscope("why", str(run_file), "mask")

    assert done.stdout.startswith("No gradient reached `mask` in step 3.\n")


def test_an_unknown_name_is_an_error_with_the_nearest_ones(
    graphscope: Run, run_file: Path
) -> None:
    done = graphscope("why", str(run_file), "fc3.weight", "--step", "0")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "graphscope: Nothing is named 'fc3.weight' in step 0. Nearest names: "
        "fc2.weight, fc1.weight, fc2.bias.\n"
    )


def test_the_derivative_of_something_else_is_the_chain_rule_alone(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("why", recording.name, "w_1", "--of", "z", "--step", "0")
    none = graphscope("why", recording.name, "z", "--of", "w_1", "--step", "0")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("∂z/∂w₁ = ")
    assert (none.returncode, none.stdout) == (1, "")


def test_json_is_one_document_with_the_answer(graphscope: Run, run_file: Path) -> None:
    done = graphscope("why", str(run_file), "fc1.weight.grad", "--format", "json")

    document = json.loads(done.stdout)
    (found, *_) = document["findings"]
    assert done.returncode == 0
    assert {key: document[key] for key in ("format", "version", "recording")} == {
        "format": "graphscope.answer",
        "version": 1,
        "recording": str(run_file),
    }
    assert document["question"] == "fc1.weight.grad"
    assert document["verdict"] == "`fc1.weight.grad` is None in step 0."
    assert document["is_suspicious"] is True
    assert (found["kind"], found["site"]["line"]) == ("none-grad", 11)


def test_a_script_shows_the_nan_again(graphscope: Run, run_file: Path) -> None:
    done = graphscope("why", str(run_file), "w", "--repro", "out.py")
    again = graphscope("why", str(run_file), "w.grad", "--repro", "out.py")

    ran = subprocess.run(
        [sys.executable, "out.py"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, again.returncode) == (0, 0)
    assert done.stderr == "Wrote out.py. See it again: python out.py\n"
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "nan" in ran.stdout


def test_a_script_replaces_no_file_of_the_users(
    graphscope: Run, run_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("precious = True\n")

    done = graphscope("why", str(run_file), "w", "--repro", "train.py")

    assert done.returncode == 1
    assert done.stderr == (
        "graphscope: train.py exists already and was not written by graphscope: it "
        "was not overwritten. Choose another name.\n"
    )
    assert (tmp_path / "train.py").read_text() == "precious = True\n"


def test_without_a_nan_there_is_no_script(
    graphscope: Run, run_file: Path, tmp_path: Path
) -> None:
    done = graphscope("why", str(run_file), "fc2.weight", "--repro", "out.py")

    assert done.returncode == 1
    assert done.stderr == (
        "graphscope: There is nothing to reproduce: no NaN and no Inf explains "
        "'fc2.weight'. Ask about a value that is not finite; `graphscope check` names "
        "them.\n"
    )
    assert not (tmp_path / "out.py").exists()
