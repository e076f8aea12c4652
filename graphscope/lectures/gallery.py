"""All examples on one HTML page, which needs no network and no other file."""

from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from graphscope.lectures.article import Shown, write_article
from graphscope.lectures.catalog import Example, Topic
from graphscope.lectures.running import trace_example
from graphscope.lectures.shelf import Shelf
from graphscope.render.atomic import replace_file

PAGE: Final = "index.html"

_PARTS: Final = files("graphscope.lectures") / "page"


def write_gallery(
    shelf: Shelf,
    topics: Sequence[Topic],
    folder: Path,
    *,
    report: Callable[[str], None] = lambda _: None,
) -> Path:
    """Run the examples of some topics and write the page about them.

    Args:
        shelf: What is known of the examples.
        topics: The topics to show, in order.
        folder: Where `index.html` goes; it is made when it is missing.
        report: Hears which topic is being run.

    Returns:
        The path of the page.

    Raises:
        GraphscopeError: An example could not run; nothing was written.
        ExportError: The page could not be written; an older one is as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)  # fails before anything is run
    sections: list[str] = []
    for topic in topics:
        report(f"Running {len(topic.examples)} examples of {topic.name}")
        articles = [write_article(_show(shelf, example)) for example in topic.examples]
        sections.append(_section(topic, articles))
    page = folder / PAGE
    replace_file(page, _fill(topics, sections).encode())
    return page


def _show(shelf: Shelf, example: Example) -> Shown:
    run = trace_example(example)
    comparisons = shelf.compare(example, run)
    oracle = shelf.oracles.get(example.id)
    return Shown(example, run, oracle, comparisons, run.steps.findings)


def _fill(topics: Sequence[Topic], sections: Sequence[str]) -> str:
    links = "".join(
        f'<a href="#{topic.name}">{topic.name.replace("_", " ")}</a>'
        for topic in topics
    )
    return Template(_part("gallery.html")).substitute(
        style=_style(),
        count=sum(len(topic.examples) for topic in topics),
        links=links,
        sections="".join(sections),
        script=_part("gallery.js"),
    )


def _part(name: str) -> str:
    return (_PARTS / name).read_text("utf-8")


def _style() -> str:
    """Return the page's own rules, and those of the code for light and dark paper."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="default").get_style_defs(".code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".code")
    media = f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    return f"{light}\n{media}\n{_part('gallery.css')}"


def _section(topic: Topic, articles: Sequence[str]) -> str:
    return (
        f'<section id="{topic.name}"><h2>{escape(topic.title)}</h2>\n'
        f"{''.join(articles)}</section>\n"
    )
