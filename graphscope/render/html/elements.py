"""HTML as a tree of elements, so that no text of the user's can break out of it."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from graphscope.render.escape import clean_text


def add(
    parent: ET.Element,
    tag: str,
    text: str = "",
    attributes: Mapping[str, str] | None = None,
) -> ET.Element:
    """Append an element with text, which is cleaned, and return it."""
    found = {name: clean_text(value) for name, value in (attributes or {}).items()}
    element = ET.SubElement(parent, tag, found)
    element.text = clean_text(text)
    return element


def add_lines(
    parent: ET.Element, tag: str, lines: tuple[str, ...], attributes: Mapping[str, str]
) -> ET.Element:
    """Append an element that keeps line breaks (`pre`), and return it."""
    element = add(parent, tag, "", attributes)
    element.text = "\n".join(clean_text(line) for line in lines)
    return element


def add_prose(
    parent: ET.Element,
    tag: str,
    text: str,
    attributes: Mapping[str, str] | None = None,
) -> ET.Element:
    """Append sentences in which code stands between backticks, and return them."""
    parts = clean_text(text).split("`")
    if len(parts) % 2 == 0:  # one backtick has no partner
        return add(parent, tag, text, attributes)
    element = add(parent, tag, parts[0], attributes)
    for code, following in zip(parts[1::2], parts[2::2], strict=True):
        add(element, "code", code).tail = following
    return element


def write(root: ET.Element) -> str:
    """Return the document; browsers read it as HTML, not as XML."""
    return f"<!doctype html>\n{ET.tostring(root, encoding='unicode', method='html')}\n"
