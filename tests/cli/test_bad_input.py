"""One message on stderr, exit 1, nothing written: every kind of bad input."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run

FORCE = "Choose another name with -o, or overwrite it with --force."


def refuse(graphscope: Run, *arguments: str) -> str:
    """Return the one message of a command that must fail as expected."""
    done = graphscope(*arguments)

    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    [message] = done.stderr.splitlines()
    return message


def test_a_missing_script_is_named(process: Run) -> None:
    assert refuse(process, "record", "train.py") == (
        "graphscope: There is no file train.py. Nothing was recorded."
    )


def test_a_folder_is_not_a_script(graphscope: Run, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()

    assert refuse(graphscope, "record", "train") == (
        "graphscope: train is not a file. Give a Python script."
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"print('hello')\n"),
        ("picture.py", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("zeros.py", b"x = 1\n\x00"),
        ("shell", b"#!/bin/sh\necho hello\n"),
    ],
)
def test_a_file_that_is_not_python_is_refused(
    graphscope: Run, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)

    assert refuse(graphscope, "record", name) == (
        f"graphscope: {name} is not a Python script: it must be text, and either end "
        "in .py or start with a #! line for Python. Nothing was recorded."
    )


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (
            "run.svg",
            "A recording ends in .gscope, run.svg does not. Nothing was recorded.",
        ),
        (
            "no/where/run.gscope",
            "There is no folder no/where to write run.gscope into.",
        ),
        ("dir.gscope", "dir.gscope is a folder. Choose another name with -o."),
        (
            "old.gscope",
            f"old.gscope exists already; nothing was overwritten. {FORCE}",
        ),
    ],
)
def test_record_refuses_an_output_before_the_script_runs(
    graphscope: Run, tmp_path: Path, output: str, complaint: str
) -> None:
    (tmp_path / "train.py").write_text("open('it_ran', 'w').close()\n")
    (tmp_path / "dir.gscope").mkdir()
    (tmp_path / "old.gscope").write_bytes(b"precious")

    message = refuse(graphscope, "record", "train.py", "-o", output)

    assert message == f"graphscope: {complaint}"
    assert not (tmp_path / "it_ran").exists()
    assert (tmp_path / "old.gscope").read_bytes() == b"precious"


def test_an_unknown_example_lists_the_nearest_ids(graphscope: Run) -> None:
    assert refuse(graphscope, "demo", "logistic-chain") == (
        "graphscope: No example is called 'logistic-chain'. Nearest names: "
        "logistic-chain-rule, 35-logistic-grad, 41-chain-wx. "
        "All of them: graphscope demo --list."
    )


def test_an_unknown_topic_lists_the_topics(graphscope: Run) -> None:
    assert refuse(graphscope, "demo", "--list", "loss") == (
        "graphscope: No topic is called 'loss'. The topics are: tensors, "
        "broadcasting, autograd, losses, linear_regression, logistic_regression, "
        "softmax, mlp, training_loops, traps."
    )


def test_a_gallery_cannot_be_written_into_a_file(
    graphscope: Run, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_bytes(b"precious")

    message = refuse(graphscope, "demo", "broadcasting", "--gallery", "taken")

    assert message == "graphscope: taken: File exists."
    assert (tmp_path / "taken").read_bytes() == b"precious"


def test_a_demo_cannot_write_into_a_file(graphscope: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"precious")

    assert refuse(graphscope, "demo", "autograd-z14", "--out", "taken") == (
        "graphscope: taken: File exists."
    )
    assert (tmp_path / "taken").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "command", [("show",), ("export", "-o", "step.svg"), ("view",)]
)
def test_a_missing_recording_is_named(
    graphscope: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    message = refuse(graphscope, *command, "nowhere.gscope")

    assert "nowhere.gscope" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["5", "-1", "999999999999999999999"])
def test_a_step_out_of_range_says_which_there_are(
    graphscope: Run, recording: Path, step: str
) -> None:
    message = refuse(graphscope, "show", recording.name, f"--step={step}")

    assert message == (
        f"graphscope: There is no step {step}: the recording has steps 0 to 4. "
        "Choose one of them with --step."
    )


def test_an_unknown_suffix_writes_nothing(graphscope: Run, recording: Path) -> None:
    message = refuse(graphscope, "export", recording.name, "-o", "step.bmp")

    assert ".bmp" in message
    assert ".svg" in message
    assert [path.name for path in recording.parent.iterdir()] == [recording.name]


def test_a_picture_in_a_missing_folder_is_one_message(
    graphscope: Run, recording: Path
) -> None:
    message = refuse(graphscope, "export", recording.name, "-o", "no/step.dot")

    assert "no" in message
    assert [path.name for path in recording.parent.iterdir()] == [recording.name]


def test_a_file_that_is_no_recording_is_refused(
    graphscope: Run, tmp_path: Path
) -> None:
    (tmp_path / "run.gscope").write_bytes(b"not a database, at all\n" * 100)

    assert "run.gscope" in refuse(graphscope, "show", "run.gscope")


def test_view_without_a_terminal_points_to_show(process: Run, recording: Path) -> None:
    assert refuse(process, "view", recording.name) == (
        "graphscope: There is no terminal to open the recording in: stdin or stdout "
        "is not one. Print it instead: graphscope show run.gscope"
    )
