"""Pictures made of characters, for terminals, logs and `print`."""

from graphscope.render.text.boxes import draw_boxes
from graphscope.render.text.picture import Span, SpanKind, TextPicture
from graphscope.render.text.rail import draw_rail
from graphscope.render.text.whole import View, to_text

__all__ = [
    "Span",
    "SpanKind",
    "TextPicture",
    "View",
    "draw_boxes",
    "draw_rail",
    "to_text",
]
