"""The wheel is complete: it runs, with its demos, far from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from graphscope.lectures.catalog import TOPICS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    pip("install", f"--target={target}", str(wheel))
    return target


def pip(command: str, *arguments: str) -> None:
    flags = ("--no-deps", "--quiet", "--disable-pip-version-check")
    subprocess.run(
        [sys.executable, "-m", "pip", command, *flags, *arguments], check=True
    )


def run_installed(installed: Path, folder: Path, *arguments: str) -> str:
    """Run `python -m graphscope` with nothing but the wheel on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "graphscope", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout != "") == (0, True), done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_its_demos_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("/METADATA"))
        head = archive.read(metadata).decode().splitlines()[:3]
    folders = {name.split("/")[0] for name in names}

    assert head[1:] == ["Name: graphscope-torch", "Version: 0.1.0"]
    assert folders == {"graphscope", "graphscope_torch-0.1.0.dist-info"}
    assert {
        "graphscope/py.typed",
        "graphscope/render/typeface/DejaVuSansMono.ttf",
        "graphscope/render/typeface/DejaVuSansMono-Bold.ttf",
        "graphscope/render/typeface/LICENSE-DejaVu.txt",
        "graphscope/render/html/page.css",
        "graphscope/render/html/page.js",
        "graphscope/tui/app.tcss",
        "graphscope/tui/live/live.tcss",
        "graphscope/__main__.py",
        *(f"graphscope/demos/{topic}.py" for topic in TOPICS),
        *(f"graphscope/demos/data/readings/{topic}.toml" for topic in TOPICS),
        "graphscope/demos/data/house_prices.csv",
        "graphscope/demos/data/lectures.json",
        "graphscope/lectures/page/gallery.css",
        "graphscope/lectures/page/gallery.html",
        "graphscope/lectures/page/gallery.js",
        "graphscope_torch-0.1.0.dist-info/licenses/LICENSE",
    } <= set(names)


def test_an_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import graphscope; print(graphscope.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(installed / "graphscope" / "__init__.py")


def test_an_installed_wheel_lists_its_demos(installed: Path, tmp_path: Path) -> None:
    listed = run_installed(installed, tmp_path, "demo", "--list")

    headings = [line for line in listed.splitlines() if line and line[0] != " "]
    assert tuple(heading.partition(" ")[0] for heading in headings) == TOPICS


def test_an_installed_wheel_runs_a_demo(installed: Path, tmp_path: Path) -> None:
    shown = run_installed(installed, tmp_path, "demo", "d4-autograd-z14", "--no-ui")

    assert "z = 14.0" in shown
    assert sorted(path.name for path in (tmp_path / "graphscope-demo").iterdir()) == [
        "d4-autograd-z14.gscope",
        "d4-autograd-z14.operations.svg",
        "d4-autograd-z14.variables.svg",
    ]
