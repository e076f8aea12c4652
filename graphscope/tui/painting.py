"""Turns lines with tones into strips in the colours of the theme."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip
from textual.widget import Widget

from graphscope.tui.lines import Band, ScreenLine, Tone

COMPONENTS = frozenset(
    {
        *(f"tone--{tone.value}" for tone in Tone),
        *(f"band--{band.value}" for band in Band),
    }
)


class Painter:
    """Paints lines with the styles of one widget, and remembers the styles.

    `forget` must be called when the widget's styles change.
    """

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[tuple[Band, Tone], RichStyle] = {}
        self._bands: dict[Band, RichStyle] = {}

    def forget(self) -> None:
        """Ask the stylesheet again from now on."""
        self._styles.clear()
        self._bands.clear()

    def band(self, band: Band) -> RichStyle:
        """Return what lies behind text: the widget's own style, the band's on it."""
        style = self._bands.get(band)
        if style is None:
            style = self._widget.rich_style
            if band is not Band.NONE:
                style += self._widget.get_component_rich_style(f"band--{band.value}")
            self._bands[band] = style
        return style

    def _tone(self, tone: Tone) -> RichStyle:
        """Return a tone without background.

        Muted colours are defined against what lies behind them, so a partial style
        will not do: it would be plain white.
        """
        found = self._widget.get_component_rich_style(f"tone--{tone.value}")
        return RichStyle(
            color=found.color,
            bold=found.bold,
            dim=found.dim,
            underline=found.underline,
        )

    def paint(self, line: ScreenLine, left: int, width: int) -> Strip:
        """Return the cells `left` to `left + width` of a line."""
        strip = Strip(self._segments(line))
        return strip.crop_extend(left, left + width, self.band(line.band))

    def _segments(self, line: ScreenLine) -> Iterable[Segment]:
        for piece in line.pieces:
            band = line.band if piece.band is Band.NONE else piece.band
            yield Segment(piece.text, self._style(band, piece.tone))

    def _style(self, band: Band, tone: Tone) -> RichStyle:
        style = self._styles.get((band, tone))
        if style is None:
            own = self._tone(tone)
            if band is Band.SELECTED:  # its own colours: readable on any theme
                own = RichStyle(dim=own.dim, underline=own.underline)
            style = self._styles[band, tone] = self.band(band) + own
        return style


class Bar(Widget):
    """One line across the screen, drawn for the width that there is."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)

    def __init__(self, draw: Callable[[int], ScreenLine], *, bar_id: str) -> None:
        super().__init__(id=bar_id)
        self._draw = draw
        self._painter = Painter(self)

    def notify_style_update(self) -> None:
        """Forget the styles: the theme has changed."""
        super().notify_style_update()
        self._painter.forget()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        return self._painter.paint(self._draw(width), 0, width)
