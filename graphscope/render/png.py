"""Turns SVG into PNG, with the font that travels with the package."""

import xml.etree.ElementTree as ET
from math import ceil
from typing import Final

from graphscope.errors import ExportError
from graphscope.render.failure import tell
from graphscope.render.fonts import BOLD_FILE, FAMILY, REGULAR_FILE, is_shipped

SCALE: Final = 2.0
"""Two pixels for each unit of the SVG: sharp on slides and dense screens."""

MAX_SIDE_PX: Final = 8192
"""Rasterising a very large picture would take all memory of the machine."""


def to_png(svg: str, *, scale: float = SCALE, max_side_px: int = MAX_SIDE_PX) -> bytes:
    """Return `svg`, as `to_svg` writes it, as a PNG.

    A picture with a side above `max_side_px` is made smaller, and one line on stderr
    says so.

    Raises:
        ExportError: The picture was not drawn.
    """
    import resvg_py

    root = ET.fromstring(svg)  # noqa: S314 - our own text
    side = max(float(root.attrib["width"]), float(root.attrib["height"]))
    if side * scale > max_side_px:
        tell(
            f"the PNG would be {ceil(side * scale)} pixels long; it is scaled down to "
            f"{max_side_px}. Export .svg or .pdf to keep every detail."
        )
        scale = max_side_px / side
    # Fonts of the machine only help out for what the shipped one lacks (CJK, emoji):
    # a picture without such characters looks the same everywhere.
    is_complete = is_shipped("".join(svg.split()))
    try:
        image = resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=scale,
            dpi=96,
            font_files=[str(REGULAR_FILE), str(BOLD_FILE)],
            font_family=FAMILY,
            monospace_family=FAMILY,
            skip_system_fonts=is_complete,
        )
    except (ValueError, RuntimeError) as error:
        raise ExportError(
            f"The PNG was not drawn: {error}. Export .svg instead."
        ) from error
    return bytes(image)
