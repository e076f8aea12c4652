"""The graph pane: rail or boxes of a step, with what is remembered between keys.

Separate from the session, which knows where the user is: this part knows what is slow.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from graphscope.diagram.options import DiagramOptions
from graphscope.model.graph import Graph
from graphscope.tui.box_view import MAX_BOXES, BoxDrawing, draw_step, picture_boxes
from graphscope.tui.chain_view import PathMarks
from graphscope.tui.lines import Picture, message_picture
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Outline, build_outline
from graphscope.tui.rail_view import Columns, RailPicture, choose_columns
from graphscope.tui.state import Position, View

_KEPT_DRAWINGS: Final = 16
_QUICK_NODES: Final = 400

_DrawingKey = tuple[int, int, DiagramOptions]


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to draw: a step at a moment, and where the user is in it."""

    moment: Moment
    outline: Outline
    position: Position
    marks: PathMarks

    @property
    def options(self) -> DiagramOptions:
        """What the boxes show: also the path of the chain rule that is pinned."""
        return DiagramOptions(
            style=self.position.style,
            max_boxes=MAX_BOXES,
            lecture=self.position.lecture,
            path=self.marks.ends,
        )


class GraphPane:
    """Draws scenes; remembers the boxes of some, and the columns of the last."""

    def __init__(self) -> None:
        self._columns: tuple[tuple[Graph, int], Columns] | None = None
        self._drawings: OrderedDict[_DrawingKey, BoxDrawing] = OrderedDict()

    def picture(self, scene: Scene, width: int) -> Picture:
        """Return the graph in the view and the style that are chosen."""
        moment, outline = scene.moment, scene.outline
        if not outline.nodes:
            return message_picture("Nothing ran in this step.", width)
        if scene.position.view is View.RAIL:
            return RailPicture(
                moment,
                outline,
                self._choose_columns(moment, outline, width),
                scene.position.selection,
                scene.position.style,
                scene.marks,
            )
        drawing = self._drawings.get(_drawing_key(moment, scene.options))
        if drawing is None and self.is_slow(scene):
            return message_picture("Drawing the boxes of this large step …", width)
        if drawing is None:
            drawing = draw_boxes(moment, scene.options)
            self.keep(moment, drawing)
        return picture_boxes(drawing, moment, outline, scene.position.selection)

    def _choose_columns(self, moment: Moment, outline: Outline, width: int) -> Columns:
        key = (outline.graph, width)
        known = self._columns
        if known is not None and known[0][0] is key[0] and known[0][1] == width:
            return known[1]
        columns = choose_columns(moment, outline, width)
        self._columns = (key, columns)
        return columns

    def is_slow(self, scene: Scene) -> bool:
        """Whether the boxes are on the screen, not drawn yet, and many."""
        return (
            scene.position.view is View.BOXES
            and len(scene.outline.nodes) > _QUICK_NODES
            and _drawing_key(scene.moment, scene.options) not in self._drawings
        )

    def scope_at(self, scene: Scene, node: int) -> str:
        """Return the module whose collapsed box stands for a node, else nothing."""
        drawing = self._drawings.get(_drawing_key(scene.moment, scene.options))
        is_boxes = scene.position.view is View.BOXES
        return drawing.scope_of(node) if drawing is not None and is_boxes else ""

    def keep(self, moment: Moment, drawing: BoxDrawing) -> None:
        """Remember the boxes of a step."""
        self._drawings[_drawing_key(moment, drawing.options)] = drawing
        if len(self._drawings) > _KEPT_DRAWINGS:
            self._drawings.popitem(last=False)


def draw_boxes(moment: Moment, options: DiagramOptions) -> BoxDrawing:
    """Lay out the boxes of a step; may be called from a worker thread."""
    return draw_step(moment.trace, build_outline(moment.graph), options)


def _drawing_key(moment: Moment, options: DiagramOptions) -> _DrawingKey:
    # a step that is still running has more events each time
    return moment.trace.step, len(moment.graph.events), options
