"""The box view at moments of the logistic step."""

from graphscope.diagram.options import DiagramOptions
from graphscope.tui.box_view import draw_step, picture_boxes
from graphscope.tui.lines import Tone
from graphscope.tui.moment import Moment
from graphscope.tui.outline import build_outline
from tests.samples import logistic_trace

LAST = 11


def box_tones(event: int, text: str) -> set[Tone]:
    """Return the tones in which `text` is drawn in the box view at an event."""
    trace = logistic_trace()
    outline = build_outline(trace.graph)
    drawing = draw_step(trace, outline, DiagramOptions())
    picture = picture_boxes(drawing, Moment(trace, event), outline, None)
    lines = [picture.line_at(y) for y in range(picture.height)]
    return {p.tone for line in lines for p in line.pieces if text in p.text}


def test_boxes_and_gradients_of_the_future_are_dim_and_then_not() -> None:
    assert box_tones(0, "z = u + b") == {Tone.FUTURE}
    assert box_tones(1, "z = u + b") == {Tone.PLAIN}
    assert box_tones(5, "∂ −1.1496") == {Tone.FUTURE, Tone.GRADIENT}
    assert box_tones(6, "∂ −1.1496") == {Tone.GRADIENT}


def test_an_arrow_into_a_box_of_the_future_is_dim() -> None:
    assert Tone.FUTURE in box_tones(LAST - 1, "┈")
    assert Tone.FUTURE not in box_tones(LAST, "┈")
