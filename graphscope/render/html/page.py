"""One self-contained page: nothing is loaded, and nothing that it shows can act."""

import base64
import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from graphscope.diagram.build import build_diagram, title_step
from graphscope.diagram.model import Diagram
from graphscope.diagram.options import DiagramOptions
from graphscope.diagram.palette import BACKGROUND, HIGHLIGHT
from graphscope.model.trace import Trace
from graphscope.render.html.elements import add, write
from graphscope.render.html.paths import PagePath, find_paths
from graphscope.render.html.picture import draw_picture
from graphscope.render.html.sections import (
    add_chain_rules,
    add_facts,
    add_findings,
    add_numbers,
)
from graphscope.render.thinning import thin_out
from graphscope.version import __version__

_FOLDER: Final = Path(__file__).parent

_SMALLEST: Final = 0.55
"""A wide picture is made smaller to fit, but no further than this: then it scrolls."""


def to_html(trace: Trace, options: DiagramOptions, *, engine: str = "auto") -> str:
    """Return a step as a page: picture, chain rules, findings, numbers.

    Args:
        trace: The step.
        options: What to draw; with a path it is marked, and its chain rule is open.
        engine: Who lays the picture out: `auto`, `dot`, `wasm` or `builtin`.

    Raises:
        NotRecordedError: No gradient flowed along the path that was asked for.
        ExportError: The engine that was asked for is missing or failed.
    """
    diagram = thin_out(build_diagram(trace, options))
    paths = find_paths(trace, options, diagram)
    picture = draw_picture(diagram, paths, engine=engine)
    root = ET.Element("html", {"lang": "en"})
    script = _read("page.js")
    style = page_style(picture)
    title = title_step(trace, replace(options, path=None))  # another one can be chosen
    _add_head(root, title, style, script)
    body = add(root, "body")
    header = add(body, "header")
    add(header, "h1", title)
    add_facts(header, trace)
    main = add(body, "main")
    _add_picture(main, picture)
    add_chain_rules(add(main, "section", "", {"class": "chains"}), paths)
    add_findings(add(main, "section", "", {"class": "findings"}), trace, diagram)
    add_numbers(add(main, "section", "", {"class": "numbers"}), trace)
    add(add(body, "footer"), "p", f"graphscope {__version__}")
    data = {"type": "application/json", "id": "paths"}
    ET.SubElement(body, "script", data).text = _page_data(diagram, paths)
    ET.SubElement(body, "script").text = script
    return write(root)


def page_style(picture: ET.Element) -> str:
    """Return the stylesheet for a page with this picture."""
    width = float(picture.get("width", "0"))
    return (
        f":root{{--path:{HIGHLIGHT.stroke};--paper:{BACKGROUND};"
        f"--picture:{width:.0f}px;--smallest:{width * _SMALLEST:.0f}px}}\n"
        f"{_read('page.css')}"
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _add_head(root: ET.Element, title: str, style: str, script: str) -> None:
    head = add(root, "head")
    add(head, "meta", "", {"charset": "utf-8"})
    add(
        head,
        "meta",
        "",
        {
            "http-equiv": "Content-Security-Policy",
            # Only our own script and style, known by their hashes; no network at all.
            "content": "default-src 'none'; img-src data:; base-uri 'none'; "
            f"form-action 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
        },
    )
    size = "width=device-width, initial-scale=1"
    add(head, "meta", "", {"name": "viewport", "content": size})
    add(head, "meta", "", {"name": "color-scheme", "content": "light dark"})
    add(head, "link", "", {"rel": "icon", "href": "data:,"})
    add(head, "title", title or "graphscope")
    ET.SubElement(head, "style").text = style


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _add_picture(main: ET.Element, picture: ET.Element) -> None:
    section = add(main, "section", "", {"class": "picture"})
    add(section, "h2", "Picture", {"id": "picture"})
    frame = {"class": "scrolls paper", "tabindex": "0", "role": "region"}
    add(section, "div", "", frame | {"aria-labelledby": "picture"}).append(picture)


def _page_data(diagram: Diagram, paths: Sequence[PagePath]) -> str:
    """Return what the script reads; it can hold no end of a script element."""
    places = {box.id: number for number, box in enumerate(diagram.boxes)}
    data = {
        "arrows": [[places[a.source], places[a.target]] for a in diagram.arrows],
        "paths": [
            {"leaf": path.leaf, "boxes": path.boxes, "arrows": path.arrows}
            for path in paths
        ],
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
