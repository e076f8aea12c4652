"""The gallery is one page with every example, and a real browser shows it."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from graphscope.lectures.gallery import write_gallery
from graphscope.lectures.shelf import Shelf, open_shelf

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; .ci/run installs it"
)


class Outline(HTMLParser):
    """What of a page the tests look at."""

    def __init__(self) -> None:
        super().__init__()
        self.articles: list[str] = []
        self.pictures = 0
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "article":
            self.articles.append(given["id"] or "")
        if tag == "figure":
            self.pictures += 1
        self.ids += [name for name in [given.get("id")] if name]
        self.addresses += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "action", "xlink:href")
        ]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return open_shelf()


@pytest.fixture(scope="module")
def page(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery") / "out"
    return write_gallery(shelf, shelf.topics, folder)


def outline_of(page: Path) -> Outline:
    outline = Outline()
    outline.feed(page.read_text("utf-8"))
    outline.close()
    return outline


def test_every_example_has_its_article_with_a_picture(page: Path, shelf: Shelf) -> None:
    outline = outline_of(page)

    assert page.name == "index.html"
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    assert outline.articles == [example.id for example in shelf.examples]
    assert outline.pictures == len(shelf.examples)
    assert len(outline.ids) == len(set(outline.ids))


def test_the_page_needs_nothing_from_elsewhere(page: Path) -> None:
    addresses = outline_of(page).addresses

    assert [a for a in addresses if not a.startswith(("#", "data:"))] == []


def test_numbers_stand_beside_those_of_the_lecture(page: Path) -> None:
    text = " ".join("".join(outline_of(page).text).split())

    assert "The slide cuts digits off instead of rounding" in text
    assert "∂L/∂w₁ = ∂u/∂w₁ · ∂z/∂u · ∂a/∂z · ∂L/∂a" in text
    assert "The learning rate 0.01 is too large: the loss explodes" in text
    assert "✗ torch gives" not in text  # nothing differs from torch


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    profile = page.parent.parent / "profile"
    return subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-quic", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update"),
            *("--enable-logging=stderr", "--v=0", f"--user-data-dir={profile}"),
            *("--hide-scrollbars", "--virtual-time-budget=5000"),
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=180,
        check=False,
    )


@needs_chromium
def test_a_browser_shows_it_without_a_complaint(page: Path) -> None:
    picture = page.parent.parent / "page.png"

    done = browse(page, f"--screenshot={picture}", "--window-size=1200,2000")

    assert done.returncode == 0, done.stderr
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    assert picture.stat().st_size > 50_000  # a blank page takes a tenth of it


@needs_chromium
def test_the_script_of_the_page_runs(page: Path) -> None:
    done = browse(page, "--dump-dom")

    assert done.returncode == 0, done.stderr
    field = done.stdout.partition('<input id="search"')[2].partition(">")[0]
    assert field
    assert "hidden" not in field  # the script has shown it
