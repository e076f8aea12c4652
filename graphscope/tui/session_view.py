"""What the screen shows for a position: the panes' pictures, with their caches.

Knows no widgets. The application asks it for pictures of a given width.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from graphscope.analysis.phases import PhaseRun, find_runs
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.graph import Gap, Graph, Role
from graphscope.tui.box_view import MAX_BOXES, BoxDrawing, draw_step, picture_boxes
from graphscope.tui.chain_panel import ChainPanel
from graphscope.tui.feed import Feed, Series
from graphscope.tui.histories import HistoryKey
from graphscope.tui.inspector import History, count_gaps, inspect_node, list_gaps
from graphscope.tui.lines import (
    ListPicture,
    Picture,
    ScreenLine,
    Tone,
    clean,
    line,
    message_picture,
    pad,
)
from graphscope.tui.matching import match_event, match_node
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Node, Outline, OutlineCache, build_outline
from graphscope.tui.rail_view import Columns, RailPicture, choose_columns
from graphscope.tui.source import find_focus, show_source, why_no_source
from graphscope.tui.state import Position, View, fit
from graphscope.tui.timeline import (
    HeaderFacts,
    draw_event,
    draw_header,
    draw_timeline,
)
from graphscope.tui.traps import TrapWatch, count_traps, list_titles
from graphscope.tui.words import name_of_node, title_of_node

_KEPT_DRAWINGS: Final = 16
_QUICK_NODES: Final = 400
_TITLE_WIDTH: Final = 40
_DrawingKey = tuple[int, DiagramOptions]
_HINT: Final = "Select a node: ↑ ↓, a click, or / to search."


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where the user went last other than by step: what steps are compared with."""

    moment: Moment
    outline: Outline
    selection: int | None


class SessionView:
    """Where the user is in a recording, and the pictures of it.

    Attributes:
        position: Where the user is.
        moment: The step at its current event, None when it cannot be read.
        outline: The nodes of the step, None likewise.
        problem: Why there is no step to show.
        numbers: The number of each step.
        chain: The chain rule that is pinned.
    """

    def __init__(self, feed: Feed, title: str) -> None:
        self.position = Position()
        self.moment: Moment | None = None
        self.outline: Outline | None = None
        self.problem = ""
        self.chain = ChainPanel()
        self._feed = feed
        self._traps = TrapWatch(feed)
        self._title = title
        self._origin: _Origin | None = None
        self._losses: Series = feed.losses()
        self._steps = feed.steps
        self.numbers: Sequence[int] = feed.numbers
        self._outlines = OutlineCache()
        self._columns: tuple[tuple[Graph, int], Columns] | None = None
        self._drawings: OrderedDict[_DrawingKey, BoxDrawing] = OrderedDict()
        self._runs: tuple[Graph, tuple[PhaseRun, ...]] | None = None

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self._steps

    @property
    def number(self) -> int:
        """The number of the current step; its position has no holes before it."""
        step = self.position.step
        return self.numbers[step] if step < len(self.numbers) else step

    @property
    def events(self) -> int:
        """How many events the current step has."""
        return len(self.moment.graph.events) if self.moment is not None else 0

    def refresh(self) -> bool:
        """Look for new steps; return whether anything changed."""
        try:
            is_changed = self._feed.refresh()
        except GraphscopeError:
            return False
        if is_changed:
            was_empty, number = self._steps == 0, self.number
            self._steps, self._losses = self._feed.steps, self._feed.losses()
            self.numbers = self._feed.numbers
            if was_empty:
                self.go(self.position, follow=True)
            elif number not in self.numbers[self.position.step :][:1]:
                self._move_to(number)
        return is_changed

    def _move_to(self, number: int) -> None:
        """Stay at a step, or where it was, after others were thinned."""
        step = min(bisect_left(self.numbers, number), max(self._steps - 1, 0))
        position = replace(self.position, step=step)
        if self._steps and self.numbers[step] == number:
            self.position = position
        else:
            self.go(position, follow=False)

    def go(self, position: Position, *, follow: bool) -> None:
        """Go to `position`, or as near to it as the recording allows.

        With `follow` the selection is what the event is about. Without, another step
        is opened at the place that corresponds to this one, to compare the two.
        """
        is_same_step = position.step == self.position.step
        self._load(position)
        origin = self._origin
        if not follow and not is_same_step and origin is not None:
            position = self._carry(origin, position)
        found = fit(position, self.events)
        self.position = found
        if self.moment is None or self.outline is None:
            self.chain.look(None, None)
            return
        self.moment = replace(self.moment, event=found.event)
        selection = found.selection
        nodes = self.outline.nodes_of_event(found.event)
        if follow and nodes:
            selection = nodes[0]
        if selection is not None and selection >= len(self.outline.nodes):
            selection = None
        self.position = replace(found, selection=selection)
        self.chain.look(self.moment, self.outline)
        if follow or is_same_step or origin is None:
            self._origin = _Origin(self.moment, self.outline, selection)

    def _load(self, position: Position) -> None:
        self.problem = ""
        if self._steps == 0:
            self.moment = self.outline = None
            self.problem = "The recording has no steps."
            return
        try:
            trace = self._feed.trace(position.step)
        except GraphscopeError as error:
            self.moment = self.outline = None
            self.problem = clean(str(error))
            return
        self.outline = self._outlines.get(trace.graph)
        self.moment = Moment(trace, position.event)

    def _carry(self, origin: _Origin, position: Position) -> Position:
        """Find event and selected node of `origin` again in the step now open."""
        if self.moment is None or self.outline is None:
            return position
        trace, chosen = self.moment.trace, origin.selection
        if self.outline is origin.outline:  # the same structure
            return replace(position, event=origin.moment.event, selection=chosen)
        event = match_event(origin.moment, trace)
        if chosen is not None:
            about = origin.outline.nodes_of_event(origin.moment.event)
            here = self.outline.nodes_of_event(event)
            if chosen in about and here:
                chosen = here[min(about.index(chosen), len(here) - 1)]
            else:
                chosen = match_node(
                    origin.moment.trace, origin.outline, chosen, trace, self.outline
                )
        return replace(position, event=event, selection=chosen)

    def toggle_chain(self) -> bool:
        """Pin the chain rule of the selected node, or close it; False without both."""
        selection, chain = self.position.selection, self.chain
        if selection is None and not chain.is_open:
            return False
        if self.moment is not None and self.outline is not None:
            chain.toggle(self.moment, self.outline, selection)
            chain.look(self.moment, self.outline)
        return True

    # --- the graph

    @property
    def graph_title(self) -> str:
        """What stands in the border of the graph."""
        position = self.position
        is_rail = position.view is View.RAIL
        parts = [
            "graph" if is_rail else "boxes",
            "variables" if position.style is Style.VARIABLES else "",
            "lecture view" if position.lecture and not is_rail else "",
        ]
        parts += [count_traps(self._findings), count_gaps(self._gaps)]
        return " · ".join(part for part in parts if part)

    @property
    def _gaps(self) -> Sequence[Gap]:
        return () if self.moment is None else self.moment.graph.gaps

    @property
    def _findings(self) -> Sequence[Finding]:
        return () if self.moment is None else self._traps.of_step(self.moment.trace)

    def nodes_in_sight(self) -> tuple[int, ...]:
        """Return the nodes that the graph must show: selected, then current."""
        if self.outline is None:
            return ()
        selection = self.position.selection
        current = self.outline.nodes_of_event(self.position.event)[:1]
        return (selection,) if selection is not None else current

    def graph_picture(self, width: int) -> Picture:
        """Return the graph in the view and the style that are chosen."""
        moment, outline = self.moment, self.outline
        if moment is None or outline is None:
            return message_picture(self.problem, width, Tone.ERROR)
        if not outline.nodes:
            return message_picture("Nothing ran in this step.", width)
        if self.position.view is View.RAIL:
            columns = self._choose_columns(moment, outline, width)
            return RailPicture(
                moment,
                outline,
                columns,
                self.position.selection,
                self.position.style,
                self.chain.marks(moment, outline),
            )
        drawing = self._drawings.get(self._drawing_key)
        if drawing is None and self.has_slow_boxes:
            return message_picture("Drawing the boxes of this large step …", width)
        if drawing is None:
            drawing = self.draw(moment, self.options)
            self.keep_drawing(moment, drawing)
        return picture_boxes(drawing, moment, outline, self.position.selection)

    def _choose_columns(self, moment: Moment, outline: Outline, width: int) -> Columns:
        key = (outline.graph, width)
        known = self._columns
        if known is not None and known[0][0] is key[0] and known[0][1] == width:
            return known[1]
        columns = choose_columns(moment, outline, width)
        self._columns = (key, columns)
        return columns

    @property
    def options(self) -> DiagramOptions:
        """What the boxes show: also the path of the chain rule that is pinned."""
        return DiagramOptions(
            style=self.position.style,
            max_boxes=MAX_BOXES,
            lecture=self.position.lecture,
            path=self.chain.marks(self.moment, self.outline).ends,
        )

    @property
    def _drawing_key(self) -> _DrawingKey:
        return self.number, self.options

    @property
    def has_slow_boxes(self) -> bool:
        """Whether the boxes are on the screen, not drawn yet, and many."""
        return (
            self.position.view is View.BOXES
            and self.outline is not None
            and len(self.outline.nodes) > _QUICK_NODES
            and self._drawing_key not in self._drawings
        )

    def draw(self, moment: Moment, options: DiagramOptions) -> BoxDrawing:
        """Lay out the boxes of a step; may be called from a worker thread."""
        return draw_step(moment.trace, build_outline(moment.graph), options)

    def keep_drawing(self, moment: Moment, drawing: BoxDrawing) -> None:
        """Remember the boxes of a step."""
        self._drawings[moment.trace.step, drawing.options] = drawing
        if len(self._drawings) > _KEPT_DRAWINGS:
            self._drawings.popitem(last=False)

    # --- the inspector

    @property
    def node_title(self) -> str:
        """What stands in the border of the inspector."""
        node = self._selected()
        if node is None or self.moment is None:
            return "inspector"
        return pad(title_of_node(self.moment.trace, node), _TITLE_WIDTH).rstrip()

    def _selected(self) -> Node | None:
        if self.outline is None or self.position.selection is None:
            return None
        return self.outline.find(self.position.selection)

    @property
    def history_key(self) -> HistoryKey | None:
        """Whose numbers over the steps belong into the inspector."""
        node = self._selected()
        if (
            self.moment is None
            or node is None
            or node.value is None
            or self._steps <= 1
        ):
            return None
        name = name_of_node(self.moment.trace, node)
        if not name:
            return None
        value = self.moment.graph.values[node.value]
        role = Role.ARRIVED if value.is_leaf else Role.GRAD_OUTPUT
        return HistoryKey(name, role, self._steps)

    def read_history(self, key: HistoryKey, is_wanted: Callable[[], bool]) -> History:
        """Read the numbers of a node over the steps; for worker threads."""
        try:
            return History(
                self._feed.series(key.name, Role.VALUE, is_wanted=is_wanted),
                self._feed.series(key.name, key.gradient_role, is_wanted=is_wanted),
            )
        except GraphscopeError:
            return History()

    def inspector_picture(self, width: int, history: History | None) -> Picture:
        """Return what is known of the selected node."""
        node = self._selected()
        if self.moment is None:
            return ListPicture()
        if node is None:
            hint = message_picture(_HINT, width)
            titles = list_titles(self._findings, width)
            gaps = list_gaps(self._gaps, width)
            return ListPicture([*hint.lines, *titles, *gaps])
        return inspect_node(
            self.moment, node, width=width, history=history, traps=self._findings
        )

    # --- the source

    def source_picture(self, width: int) -> tuple[str, Picture, int | None]:
        """Return title, file and the line to scroll to."""
        moment, outline = self.moment, self.outline
        if moment is None or outline is None:
            return "source", ListPicture(), None
        focus = find_focus(moment, outline, self.position.selection)
        picture = show_source(moment, outline, focus, width=width)
        if picture is None or focus.main is None:
            return "source", message_picture(why_no_source(focus), width), None
        name = clean(focus.main.short.rpartition(":")[0])
        return pad(name, _TITLE_WIDTH).rstrip(), picture, focus.main.line - 1

    # --- the bars

    def header(self, width: int) -> ScreenLine:
        """Return the first line of the screen."""
        step, steps = self.position.step, self._steps
        facts = HeaderFacts(self._title, step, steps, self._losses, self.numbers)
        return draw_header(facts, self.moment, width)

    def event_line(self, width: int) -> ScreenLine:
        """Return the line that says what the event is."""
        return line() if self.moment is None else draw_event(self.moment, width)

    def timeline(self, width: int) -> ScreenLine:
        """Return the phases with the position in them."""
        if self.moment is None:
            return line()
        graph = self.moment.graph
        if self._runs is None or self._runs[0] is not graph:
            self._runs = (graph, find_runs(graph.events))
        return draw_timeline(self._runs[1], self.position.event, width)
