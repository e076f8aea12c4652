"""Turns SVG into PDF in pure Python, with the font that travels with the package."""

import io
from typing import Final

from graphscope.errors import ExportError
from graphscope.render.escape import clean_text
from graphscope.render.fonts import BOLD_FILE, REGULAR_FILE

PDF_FAMILY: Final = "GraphscopeMono"
"""Family to write into an SVG for `to_pdf`: ours alone, so that no other font and no
font list of the machine can take its place."""


def to_pdf(svg: str, *, title: str) -> bytes:
    """Return `svg`, set in `PDF_FAMILY`, as a PDF of one page.

    The same picture gives the same bytes.

    Raises:
        ExportError: The picture was not drawn.
    """
    from reportlab.graphics import renderPDF
    from reportlab.pdfgen.canvas import Canvas
    from svglib.svglib import svg2rlg

    _register_fonts()
    drawing = svg2rlg(io.BytesIO(svg.encode()))
    if drawing is None:
        raise ExportError("The PDF was not drawn. Export .svg instead.")
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(drawing.width, drawing.height), invariant=1)
    canvas.setTitle(clean_text(title))
    canvas.setCreator("graphscope")
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.save()
    return buffer.getvalue()


def _register_fonts() -> None:
    from svglib.fonts import register_font

    for weight, path in (("normal", REGULAR_FILE), ("bold", BOLD_FILE)):
        register_font(PDF_FAMILY, str(path), weight, "normal")
