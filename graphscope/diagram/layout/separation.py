"""How far apart two neighbours in a row must stand."""

from graphscope.diagram.layout.layers import Layers
from graphscope.diagram.layout.model import LayoutOptions


class Separation:
    """The least distance between the columns of two neighbours.

    In a mirrored drawing the first of the two is the right one.
    """

    def __init__(
        self, layers: Layers, options: LayoutOptions, *, is_mirrored: bool = False
    ) -> None:
        self._near, self._far = layers.right, layers.left
        if is_mirrored:
            self._near, self._far = self._far, self._near
        self._boxes = layers.boxes
        self._gaps = (options.lane_gap, options.gap_x)

    def between(self, first: int, second: int) -> int:
        """Return the least distance from `first` to `second`."""
        both_boxes = first < self._boxes and second < self._boxes
        return self._near[first] + self._far[second] + self._gaps[both_boxes]
