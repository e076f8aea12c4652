"""What the screen shows for a position: the panes' pictures, with their caches.

Knows no widgets. The application asks it for pictures of a given width.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from graphscope.analysis.phases import PhaseRun, find_runs
from graphscope.diagram.model import Style
from graphscope.diagram.options import DiagramOptions
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.graph import Gap, Graph
from graphscope.tui.box_view import BoxDrawing
from graphscope.tui.chain_panel import ChainPanel
from graphscope.tui.feed import Feed, Series
from graphscope.tui.finding_text import count_findings, list_titles
from graphscope.tui.finding_watch import FindingWatch
from graphscope.tui.graph_pane import GraphPane, Scene
from graphscope.tui.histories import Histories, HistoryKey, key_of_node
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
from graphscope.tui.matching import Origin, carry
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Node, Outline, OutlineCache
from graphscope.tui.recording_search import RecordingSearch
from graphscope.tui.source import find_focus, show_source, why_no_source
from graphscope.tui.state import LAST, Position, View, fit
from graphscope.tui.timeline import (
    HeaderFacts,
    draw_event,
    draw_header,
    draw_timeline,
)
from graphscope.tui.why_panel import Situation, WhyPanel
from graphscope.tui.words import title_of_node

_TITLE_WIDTH: Final = 40
NO_STEPS: Final = "The recording has no steps."
_HINT: Final = "Select a node: ↑ ↓, a click, or / to search."


class SessionView:
    """Where the user is in a recording, and the pictures of it.

    Attributes:
        position: Where the user is.
        moment: The step at its current event, None when it cannot be read.
        outline: The nodes of the step, None likewise.
        problem: Why there is no step to show.
        numbers: The number of each step.
        chain: The chain rule that is pinned.
        why: The node that is asked about.
        histories: Numbers over the steps that were read.
        about_to_run: Number of the step and event of an autograd node that has not
            run yet: training is paused in front of it.
    """

    def __init__(self, feed: Feed, title: str, *, if_empty: str = NO_STEPS) -> None:
        self.position = Position()
        self.moment: Moment | None = None
        self.outline: Outline | None = None
        self.problem = ""
        self.chain = ChainPanel()
        self.why = WhyPanel()
        self.histories = Histories()
        self.about_to_run: tuple[int, int] | None = None
        self._feed = feed
        self._if_empty = if_empty
        self._watch = FindingWatch(feed)
        self._title = title
        self._origin: Origin | None = None
        self._losses: Series = feed.losses()
        self._steps = feed.steps
        self.numbers: Sequence[int] = feed.numbers
        self._outlines = OutlineCache()
        self._graph_pane = GraphPane()
        self._runs: tuple[Graph, tuple[PhaseRun, ...]] | None = None

    @property
    def feed(self) -> Feed:
        """Where the steps come from."""
        return self._feed

    @property
    def search(self) -> RecordingSearch:
        """What looks for all findings in the recording."""
        return self._watch.search

    @property
    def changes(self) -> int:
        """How often the recording has changed since it was opened."""
        return self._feed.changes

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
            else:  # its step may have been a draft
                self.go(self.position, follow=False)
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
        is_elsewhere = not follow and not is_same_step
        if is_elsewhere and origin is not None and self.moment and self.outline:
            position = carry(origin, position, self.moment.trace, self.outline)
        found = fit(position, self.events)
        self.position = found
        if self.moment is None or self.outline is None:
            self._look(None, None)
            return
        self.moment = replace(self.moment, event=found.event)
        selection = found.selection
        nodes = self.outline.nodes_of_event(found.event)
        if follow and nodes:
            selection = nodes[0]
        if selection is not None and selection >= len(self.outline.nodes):
            selection = None
        self.position = replace(found, selection=selection)
        self._look(self.moment, self.outline)
        if follow or is_same_step or origin is None:
            self._origin = Origin(self.moment, self.outline, selection)

    def _look(self, moment: Moment | None, outline: Outline | None) -> None:
        """Find what the panels are about in the step that is open."""
        self.chain.look(moment, outline)
        self.why.look(self._situation)

    @property
    def _situation(self) -> Situation | None:
        moment, outline = self.moment, self.outline
        if moment is None or outline is None:
            return None
        return Situation(
            moment,
            outline,
            self._findings,
            is_cut_short=self._feed.is_cut_short(self.position.step, moment.trace),
            is_over=self._feed.is_over,
            steps=self._feed.recording,
        )

    def toggle_why(self) -> bool:
        """Ask about the selected node, or close; False without both."""
        selection, situation = self.position.selection, self._situation
        if selection is None and not self.why.is_open:
            return False
        if situation is not None:
            self.why.toggle(situation, selection, self._collapsed_scope)
            self.why.look(situation)
        return True

    @property
    def _collapsed_scope(self) -> str:
        """The module that the selected box stands for; empty for any other box."""
        selection = self.position.selection
        if self.moment is None or self.outline is None or selection is None:
            return ""
        scene = self._scene(self.moment, self.outline)
        return self._graph_pane.scope_at(scene, selection)

    def _load(self, position: Position) -> None:
        self.problem = ""
        if self._steps == 0:
            self.moment = self.outline = None
            self.problem = self._if_empty
            return
        try:
            trace = self._feed.trace(position.step)
        except GraphscopeError as error:
            self.moment = self.outline = None
            self.problem = clean(str(error))
            return
        self.outline = self._outlines.get(trace.graph)
        self.moment = Moment(trace, position.event)

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
        count = count_findings(self._findings)
        parts += [f"{count} (F)" if count else "", count_gaps(self._gaps)]
        return " · ".join(part for part in parts if part)

    @property
    def _gaps(self) -> Sequence[Gap]:
        return () if self.moment is None else self.moment.graph.gaps

    @property
    def _findings(self) -> Sequence[Finding]:
        return () if self.moment is None else self._watch.of_step(self.moment.trace)

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
        return self._graph_pane.picture(self._scene(moment, outline), width)

    def _scene(self, moment: Moment, outline: Outline) -> Scene:
        marks = self.chain.marks(moment, outline)
        return Scene(moment, outline, self.position, marks)

    @property
    def options(self) -> DiagramOptions:
        """What the boxes show, and an exported picture."""
        if self.moment is None or self.outline is None:
            return DiagramOptions()
        return self._scene(self.moment, self.outline).options

    @property
    def has_slow_boxes(self) -> bool:
        """Whether the boxes are on the screen, not drawn yet, and many."""
        if self.moment is None or self.outline is None:
            return False
        return self._graph_pane.is_slow(self._scene(self.moment, self.outline))

    def keep_drawing(self, moment: Moment, drawing: BoxDrawing) -> None:
        """Remember the boxes of a step."""
        self._graph_pane.keep(moment, drawing)

    # --- the inspector

    @property
    def node_title(self) -> str:
        """What stands in the border of the inspector."""
        node = self.selected
        if node is None or self.moment is None:
            return "inspector"
        return pad(title_of_node(self.moment.trace, node), _TITLE_WIDTH).rstrip()

    @property
    def selected(self) -> Node | None:
        """The node that is selected."""
        if self.outline is None or self.position.selection is None:
            return None
        return self.outline.find(self.position.selection)

    @property
    def history_key(self) -> HistoryKey | None:
        """Whose numbers over the steps belong into the inspector."""
        node = self.selected
        if self.moment is None or node is None or self._steps <= 1:
            return None
        return key_of_node(self.moment.trace, node, self._feed.changes)

    def inspector_picture(self, width: int, history: History | None) -> Picture:
        """Return what is known of the selected node."""
        node = self.selected
        if self.moment is None:
            return ListPicture()
        if node is None:
            hint = message_picture(_HINT, width)
            titles = list_titles(self._findings, width)
            gaps = list_gaps(self._gaps, width)
            return ListPicture([*hint.lines, *titles, *gaps])
        return inspect_node(
            self.moment, node, width=width, history=history, findings=self._findings
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
        if self.moment is None:
            return line()
        return draw_event(self.moment, width, is_before=self.is_about_to_run)

    @property
    def is_about_to_run(self) -> bool:
        """Whether the current event is a node that training is paused in front of."""
        return self.about_to_run == (self.number, self.position.event)

    @property
    def ending(self) -> tuple[str, bool]:
        """What ended the run early, and whether that was an exception."""
        return self._feed.ending()

    def go_to_end(self) -> None:
        """Go to the last event that was recorded, and select what is to blame.

        That is what explains the exception, else what the event is about.
        """
        step = max(self._steps - 1, 0)
        self.go(replace(self.position, step=step, event=LAST), follow=True)
        guilty = self._watch.find_guilty(self.outline)
        if guilty is not None:
            self.go(replace(self.position, selection=guilty), follow=False)

    def timeline(self, width: int) -> ScreenLine:
        """Return the phases with the position in them."""
        if self.moment is None:
            return line()
        graph = self.moment.graph
        if self._runs is None or self._runs[0] is not graph:
            self._runs = (graph, find_runs(graph.events))
        return draw_timeline(self._runs[1], self.position.event, width)
