import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from graphscope.diagram.model import Diagram, Style
from graphscope.errors import ExportError
from graphscope.render.dot import to_layout_dot
from graphscope.render.engines import arrange
from graphscope.render.failure import EngineError
from graphscope.render.geometry import Geometry, Rect
from graphscope.render.graphviz_json import read_geometry
from graphscope.render.wasm import run_wasm
from tests.render.pictures import chain, product


@pytest.fixture
def path_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with one empty folder on it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install_dot(folder: Path, script: str) -> None:
    dot = folder / "dot"
    dot.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    dot.chmod(0o755)


def overlap(one: Rect, other: Rect) -> bool:
    beside = one.right <= other.x or other.right <= one.x
    return not (beside or one.bottom <= other.y or other.bottom <= one.y)


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_every_engine_finds_room_for_every_box(engine: str) -> None:
    geometry = arrange(product(), engine=engine)
    assert geometry.engine == engine
    assert [round(box.width) for box in geometry.boxes] == [64, 89, 89, 90, 81]
    for index, box in enumerate(geometry.boxes):
        assert min(box.x, box.y) > -0.01
        assert box.right < geometry.width + 0.01
        assert box.bottom < geometry.height + 0.01
        assert not any(overlap(box, other) for other in geometry.boxes[:index])


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_arrows_run_from_the_source_down_to_the_target(engine: str) -> None:
    diagram = product()
    geometry = arrange(diagram, engine=engine)
    places = dict(zip((box.id for box in diagram.boxes), geometry.boxes, strict=True))
    for arrow, route in zip(diagram.arrows, geometry.routes, strict=True):
        assert route is not None
        (_, start_y), (_, end_y) = route.points[0], route.points[-1]
        assert places[arrow.source].y < start_y < end_y < places[arrow.target].bottom
        assert (route.label is not None) == bool(arrow.label or arrow.reason)


def test_the_wasm_build_frames_nested_scopes() -> None:
    geometry = arrange(product(), engine="wasm")
    outer, inner = geometry.scopes
    assert [outer.label, inner.label] == ["net", "layer"]
    assert overlap(outer.rect, inner.rect)
    assert overlap(inner.rect, geometry.boxes[1])
    assert not overlap(outer.rect, geometry.boxes[0])


def test_without_dot_the_wasm_build_draws_and_nothing_is_said(
    path_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(path_folder.iterdir()) == []
    assert arrange(product()).engine == "wasm"
    assert capsys.readouterr() == ("", "")


def test_an_installed_dot_comes_first(path_folder: Path) -> None:
    layout = run_wasm(to_layout_dot(product()), output="json0", timeout_s=60)
    (path_folder / "layout.json").write_text(layout, encoding="utf-8")
    script = f'[ "$*" = "-Tjson0" ] && /bin/cat "{path_folder}/layout.json"'
    install_dot(path_folder, script)
    assert arrange(product()).engine == "dot"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'no layout engine' >&2; exit 3", "exit code 3: no layout engine"),
        ("kill -SEGV $$", "signal 11"),
        ("exec /bin/sleep 600", "took more than 0.5 s"),
        ("/bin/sleep 600", "took more than 0.5 s"),
        ("echo garbage", "its output is not a layout of this diagram"),
        ("echo '{}'", "its output is not a layout of this diagram"),
        (
            """printf '{"bb": "0,0,nan,1", "objects": []}'""",
            "its output is not a layout of this diagram",
        ),
        ("printf '\\377\\376'", "its output is not a layout of this diagram"),
        ("exit 0", "its output is not a layout of this diagram"),
    ],
)
def test_a_broken_dot_is_named_in_one_line_and_the_wasm_build_draws(
    path_folder: Path, capsys: pytest.CaptureFixture[str], script: str, reason: str
) -> None:
    run_wasm("digraph {}", output="json0", timeout_s=60)  # compiled before the clock
    install_dot(path_folder, script)
    assert arrange(product(), timeout_s=0.5).engine == "wasm"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"graphscope: Graphviz 'dot' failed ({reason}); "
        "using the WebAssembly build of Graphviz.\n"
    )


def test_a_dot_that_is_no_program_is_named_too(
    path_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path_folder / "dot").write_bytes(b"\x7fELF nonsense")
    (path_folder / "dot").chmod(0o755)
    assert arrange(product()).engine == "wasm"
    assert capsys.readouterr().err == (
        "graphscope: Graphviz 'dot' failed (did not start: Exec format error); "
        "using the WebAssembly build of Graphviz.\n"
    )


def test_when_every_graphviz_fails_the_own_layout_draws(
    path_folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: object, **_options: object) -> str:
        raise EngineError("no memory")

    monkeypatch.setattr("graphscope.render.engines.run_wasm", fail)
    install_dot(path_folder, "exit 1")
    assert arrange(product()).engine == "builtin"
    assert capsys.readouterr().err == (
        "graphscope: Graphviz 'dot' failed (exit code 1); "
        "using the WebAssembly build of Graphviz.\n"
        "graphscope: the WebAssembly build of Graphviz failed (no memory); "
        "using the built-in layout.\n"
    )


def test_an_engine_that_was_asked_for_is_not_replaced(path_folder: Path) -> None:
    with pytest.raises(ExportError) as caught:
        arrange(product(), engine="dot")
    assert str(caught.value) == (
        "The picture was not drawn: Graphviz 'dot' failed (it is not on PATH). "
        "Use engine 'auto' to let another engine take over."
    )
    install_dot(path_folder, "exit 1")
    with pytest.raises(ExportError, match=r"failed \(exit code 1\)"):
        arrange(product(), engine="dot")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ExportError) as caught:
        arrange(product(), engine="neato")
    assert str(caught.value) == (
        "There is no engine 'neato' for pictures. "
        "Choose one of auto, dot, wasm, builtin."
    )


def test_the_wasm_build_is_ended_when_its_time_is_up() -> None:
    run_wasm("digraph {}", output="json0", timeout_s=60)  # compiled before the clock
    nodes = range(160)
    dense = ";".join(f"{i}->{j}" for i in nodes for j in nodes if i < j)
    threads = threading.active_count()
    start = time.monotonic()
    with pytest.raises(EngineError, match=r"^took more than 0\.3 s$"):
        run_wasm(f"digraph {{{dense}}}", output="json0", timeout_s=0.3)
    assert time.monotonic() - start < 60  # dense graphs of this size take minutes
    assert threading.active_count() == threads
    assert arrange(product(), engine="wasm").engine == "wasm"


def test_the_wasm_build_reports_a_syntax_error_in_one_line() -> None:
    with pytest.raises(EngineError, match=r"^Failed to parse DOT source$"):
        run_wasm("digraph {", output="json0", timeout_s=60)


def test_the_wasm_build_works_without_a_folder_for_its_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from graphscope.render import wasm

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/no")
    wasm._load_module.cache_clear()
    try:
        assert run_wasm("digraph {}", output="json0", timeout_s=60).startswith("{")
    finally:
        wasm._load_module.cache_clear()


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_an_empty_diagram_is_a_picture_too(engine: str) -> None:
    geometry = arrange(Diagram("", Style.OPERATIONS, (), ()), engine=engine)
    assert (geometry.boxes, geometry.routes) == ((), ())


@pytest.mark.parametrize("engine", ["wasm", "builtin"])
def test_the_same_diagram_is_laid_out_the_same(engine: str) -> None:
    assert arrange(chain(30), engine=engine) == arrange(chain(30), engine=engine)


def test_a_layout_of_another_diagram_is_no_layout_of_this_one() -> None:
    text = run_wasm(to_layout_dot(chain(3)), output="json0", timeout_s=60)
    assert isinstance(read_geometry(text, chain(3), "wasm"), Geometry)
    with pytest.raises(EngineError):
        read_geometry(text, chain(4), "wasm")


def test_a_script_that_drew_a_picture_ends_in_silence() -> None:
    code = (
        "import pytest\n"  # keeps more alive at the end than a small script does
        "from graphscope.render.wasm import run_wasm\n"
        "print(run_wasm('digraph {}', output='json0', timeout_s=60)[:1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("{\n", "")
