"""The picture inside of a page: the same SVG, which the page's stylesheet marks."""

import xml.etree.ElementTree as ET
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from graphscope.diagram.model import Diagram
from graphscope.render.escape import clean_text
from graphscope.render.html.paths import PagePath
from graphscope.render.svg import to_svg

_NAMESPACE: Final = "{http://www.w3.org/2000/svg}"
_MARKED: Final = "on-path"


def draw_picture(
    diagram: Diagram, paths: Collection[PagePath], *, engine: str
) -> ET.Element:
    """Return the picture as an element of HTML.

    Title and notes stand in the page, and a marked path is a matter of classes, so
    that the page can mark another one.
    """
    plain = replace(
        diagram,
        title="",
        notes=(),
        boxes=tuple(replace(box, is_highlighted=False) for box in diagram.boxes),
        arrows=tuple(replace(a, is_highlighted=False) for a in diagram.arrows),
    )
    root = ET.fromstring(to_svg(plain, engine=engine))  # noqa: S314 - our own text
    for element in root.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
    root.remove(root[0])  # its title would be a tooltip over everything
    del root.attrib["aria-labelledby"]
    root.set("role", "group")  # it holds boxes that can be chosen
    root.set("aria-label", clean_text(diagram.title or "graphscope"))
    _describe_boxes(root, diagram)
    for path in paths:
        if path.is_chosen:
            _mark(root, path)
    return root


def _describe_boxes(root: ET.Element, diagram: Diagram) -> None:
    """Let every box say its text as one thing, and arrows stay silent."""
    for box, group in zip(diagram.boxes, _find(root, "box"), strict=True):
        lines = (clean_text(line.text) for line in box.lines)
        group.set("role", "img")
        group.set("aria-label", ", ".join([clean_text(box.title), *lines]))
    for kind in ("arrows", "labels", "scopes"):
        for group in _find(root, kind):
            group.set("aria-hidden", "true")


def _mark(root: ET.Element, path: PagePath) -> None:
    root.set("class", "has-path")
    for number, group in enumerate(_find(root, "box")):
        if number in path.boxes:
            _add_class(group)
    for group in (*_find(root, "arrow"), *_find(root, "label")):
        if int(group.get("data-arrow", "-1")) in path.arrows:
            _add_class(group)


def _find(root: ET.Element, kind: str) -> list[ET.Element]:
    return [g for g in root.iter("g") if kind in g.get("class", "").split()]


def _add_class(element: ET.Element) -> None:
    element.set("class", f"{element.get('class', '')} {_MARKED}".lstrip())
