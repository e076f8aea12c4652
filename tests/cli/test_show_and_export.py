"""What `show` prints and `export` writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.model.trace import Trace
from graphscope.storage.writer import RecordingWriter
from tests.cli.conftest import ROOT, Run
from tests.diagram.sketch import Sketch

TABLE = """\
run.gscope · step 0 (0 to 4) · l 0.1394
1 forward (3 ops) → 2 loss (1 op) → 3 zero (to None) → 4 backward (4 nodes) → 5 update \
(SGD)

name  kind       type    value   gradient  .grad    updated  line
x_1   input      f32[1]  3.7     –         –        –        4
w_1   parameter  f32[1]  0.5     −0.4814   −0.4814  0.5481   12
u     result     f32[1]  1.85    −0.1301   –        –        12
b     parameter  f32[1]  0.05    −0.1301   −0.1301  0.063    13
z     result     f32[1]  1.9     −0.1301   –        –        13
a     result     f32[1]  0.8699  −1.1496   –        –        14
y     input      f32[1]  1       –         –        –        5
l     result     f32[]   0.1394  1         –        –        15
"""


def test_show_prints_the_picture_and_then_the_table(
    process: Run, recording: Path
) -> None:
    done = process("show", recording.name, "--step", "0")

    assert (done.returncode, done.stderr) == (0, "")
    title, empty, *_ = done.stdout.splitlines()
    assert (title, empty) == ("logistic.py · step 0 · operations", "")
    assert "│ z = u + b │" in done.stdout
    assert done.stdout.endswith(
        "\n\n● parameter  ○ input  □ operation  ◆ result  ↻ update  "
        "▼ a gradient comes back  ▽ none comes back  ┊ for the update"
        f"\n\n{TABLE}"
    )


def test_show_without_a_step_takes_the_last_complete_one(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("show", recording.name)

    assert done.stdout.startswith("logistic.py · step 4 · operations\n")
    assert "\nrun.gscope · step 4 (0 to 4) · l " in done.stdout


def test_show_draws_the_variables_style(graphscope: Run, recording: Path) -> None:
    done = graphscope("show", recording.name, "--step=0", "--style=variables")

    assert done.stdout.startswith("logistic.py · step 0 · variables\n")
    assert "∂a/∂z = 0.1132" in done.stdout


def test_show_draws_the_rail(graphscope: Run, recording: Path) -> None:
    boxes = graphscope("show", recording.name, "--view=boxes").stdout
    rail = graphscope("show", recording.name, "--view=rail").stdout

    assert "╭" in boxes.partition("run.gscope")[0]
    assert len(rail.splitlines()) < len(boxes.splitlines())
    assert "▼" not in rail


def test_boxes_that_are_wider_than_a_line_come_with_a_remedy(
    graphscope: Run, tmp_path: Path
) -> None:
    writer = RecordingWriter(tmp_path / "wide.gscope", environment={})
    writer.add(wide_trace())
    writer.close()

    done = graphscope("show", "wide.gscope", "--view=boxes")
    rail = graphscope("show", "wide.gscope")

    widest = max(len(line) for line in done.stdout.splitlines())
    assert (done.returncode, rail.stderr) == (0, "")
    assert done.stderr == (
        f"graphscope: The picture is {widest} columns wide, more than 140. Take "
        "--view rail or --depth 1, or draw it with `graphscope export`.\n"
    )


def wide_trace() -> Trace:
    sketch = Sketch()
    inputs = [sketch.input(f"a_name_of_some_length_{n}", n) for n in range(8)]
    sketch.op("stack", inputs, 1.0, named="all")
    return sketch.trace()


def test_a_reader_that_stops_early_is_no_error(recording: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)

    done = subprocess.run(
        [sys.executable, "-m", "graphscope", "show", recording.name],
        cwd=recording.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write_end)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_the_characters_still_gets_the_numbers(
    process: Run, recording: Path
) -> None:
    done = process("show", recording.name, "--step=0", PYTHONIOENCODING="ascii")

    assert (done.returncode, done.stderr) == (0, "")
    assert "x_1   input      f32[1]  3.7     ?" in done.stdout


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".svg", b"<"),
        (".png", b"\x89PNG"),
        (".pdf", b"%PDF"),
        (".html", b"<!doctype html>"),
        (".dot", b"digraph"),
        (".mmd", b"---\ntitle:"),
        (".graphml", b"<graphml"),
        (".json", b"{"),
        (".txt", b"logistic.py"),
    ],
)
def test_export_writes_the_format_of_the_suffix(
    graphscope: Run, recording: Path, suffix: str, start: bytes
) -> None:
    done = graphscope("export", recording.name, "-o", f"step{suffix}", "--step", "0")

    assert (done.returncode, done.stdout) == (0, f"step{suffix}\n"), done.stderr
    written = (recording.parent / f"step{suffix}").read_bytes()
    assert written.lstrip().startswith(start)


def test_export_draws_the_style_and_step_that_were_asked_for(
    graphscope: Run, recording: Path
) -> None:
    graphscope("export", recording.name, "-o", "s.dot", "--step=0", "--style=variables")

    assert "0.1132" in (recording.parent / "s.dot").read_text("utf-8")


def test_showing_a_recording_leaves_it_as_it_was(
    graphscope: Run, recording: Path
) -> None:
    before = recording.read_bytes()

    graphscope("show", recording.name)

    assert recording.read_bytes() == before
    assert [path.name for path in recording.parent.iterdir()] == [recording.name]


def test_show_marks_the_path_of_a_gradient_and_explains_the_mark(
    graphscope: Run, recording: Path
) -> None:
    options = ("--step=0", "--path", "w_1.grad", "--style=variables")
    done = graphscope("show", recording.name, *options)

    assert done.returncode == 0, done.stderr
    title, *_ = done.stdout.splitlines()
    assert title == "logistic.py · step 0 · path of ∂L/∂w_1 · variables"
    assert "┃ so far 1 · −1.1496 · 0.1132 · 1 · 3.7 = −0.4814 ┃" in done.stdout
    assert "┃ the path of the gradient" in done.stdout


def test_export_marks_the_path_between_two_names(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope(
        *("export", recording.name, "-o", "s.dot", "--step=0"),
        *("--path", "w_1", "--of", "z", "--style", "variables"),
    )

    assert done.returncode == 0, done.stderr
    source = (recording.parent / "s.dot").read_text("utf-8")
    assert "path of ∂z/∂w_1" in source
    assert source.count("penwidth=3") == 3 + 2  # w_1, u, z and what joins them


def test_a_path_without_a_gradient_is_one_message(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("export", recording.name, "-o", "s.svg", "--path", "x_1")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("graphscope: x_1 requires no gradient in step 4")
    assert not (recording.parent / "s.svg").exists()


def test_the_end_of_a_path_without_its_beginning_is_wrong_usage(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("show", recording.name, "--of", "z")

    assert done.returncode == 2
    assert "add --path with the name of a parameter" in done.stderr


def test_show_writes_the_chain_rule_of_the_path_that_it_marks(
    graphscope: Run, recording: Path
) -> None:
    done = graphscope("show", recording.name, "--step", "0", "--path", "w_1")

    assert done.returncode == 0, done.stderr
    assert "┃ ● w_1" in done.stdout
    assert "\n∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z  ·  ∂L/∂a\n" in done.stdout
