"""What the README shows is what happens."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.render.text.findings import finding_lines
from tests.why.programs import run_case

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")

TRAIN = """\
import sys
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(2, 1)

    def forward(self, x):
        return self.fc1(x)

model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(int(sys.argv[sys.argv.index("--epochs") + 1])):
    loss = (model(torch.ones(1, 2)) - 3).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands(program: str) -> list[list[str]]:
    lines = "".join(blocks("sh")).splitlines()
    split = (shlex.split(line, comments=True) for line in lines)
    return [words[1:] for words in split if words and words[0] == program]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_the_python_blocks_run_and_print_what_their_comments_say(
    tmp_path: Path,
) -> None:
    script = "\n".join(blocks("python"))
    promised = re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)
    (tmp_path / "tour.py").write_text(script, "utf-8")

    done = run(["tour.py"], tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(promised) == script.count("\nprint(")
    assert done.stdout.splitlines() == [
        *promised,
        "accumulate weights",
        "accumulate weights",
    ]
    assert (tmp_path / "z.svg").read_text("utf-8").lstrip().startswith("<")
    assert (tmp_path / "houses.gscope").stat().st_size > 0


def _less(line: list[str]) -> list[str]:
    """Of the gallery one topic: tests/lectures makes all of it."""
    return ["autograd"] if "--gallery" in line else []


def test_the_command_lines_run_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN, "utf-8")
    lines = commands("graphscope")

    codes = {
        " ".join(line): run(
            ["-m", "graphscope", *line, *_less(line)], tmp_path
        ).returncode
        for line in lines
    }

    # There is no terminal here, and what needs one says so.
    def needs_terminal(line: list[str]) -> bool:
        return line[0] == "view" or (line[0] == "run" and "--headless" not in line)

    assert codes == {" ".join(line): int(needs_terminal(line)) for line in lines}
    assert len(codes) == 17
    assert (tmp_path / "live.gscope").stat().st_size > 0
    assert (tmp_path / "step.svg").exists()
    assert (tmp_path / "out" / "index.html").exists()


def test_the_readmes_chain_rule_is_what_why_prints(tmp_path: Path) -> None:
    made = run(["-m", "graphscope", "demo", "--no-ui"], tmp_path)
    file = "graphscope-demo/logistic-chain-rule.gscope"

    asked = ["why", file, "w_1.grad", "--of", "l", "--step", "0"]
    done = run(["-m", "graphscope", *asked], tmp_path)

    assert (made.returncode, done.returncode) == (0, 0)
    assert blocks("text")[0] == done.stdout


def test_the_readmes_finding_is_what_check_prints() -> None:
    finding = run_case("none_detach").only("none-grad")

    lines = finding_lines(finding, width=88, head="step 0: none-grad: ")

    assert blocks("text")[1].splitlines() == lines


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_the_make_targets_of_the_readme_exist(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert f"make {target}" in README
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_local_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):]+)\)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []
    assert "LICENSE" in links
