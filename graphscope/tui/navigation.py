"""What the keys of every application here do: the actions named in `keys.py`."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from graphscope.model.graph import Phase
from graphscope.tui.asking_app import AskingApp
from graphscope.tui.canvas import Canvas
from graphscope.tui.dialogs import Help, SearchDialog
from graphscope.tui.feed import check_step
from graphscope.tui.keys import KEYS
from graphscope.tui.palette import Commands
from graphscope.tui.questions import ask_for_file, ask_for_step
from graphscope.tui.search import Entry, list_entries
from graphscope.tui.state import (
    LAST,
    jump_to_phase,
    move_event,
    move_selection,
    move_step,
    toggle_lecture,
    toggle_style,
    toggle_view,
)


class NavigatingApp(AskingApp):
    """Moves through a session; abstract."""

    COMMANDS = AskingApp.COMMANDS | {Commands}
    BINDINGS: ClassVar[list[BindingType]] = [key.to_binding() for key in KEYS]

    @on(Canvas.NodeClicked)
    def _click(self, event: Canvas.NodeClicked) -> None:
        self.select_node(event.node)

    def select_node(self, node: int) -> None:
        """Select a node and stay at the event."""
        self.go(replace(self.position, selection=node), follow=False)

    def list_entries(self) -> tuple[Entry, ...]:
        """Return the nodes of the step, as the search and the palette list them."""
        session = self.session
        if session.moment is None or session.outline is None:
            return ()
        return list_entries(session.moment.trace, session.outline)

    # --- actions, named in `keys.py`

    def action_event(self, by: int) -> None:
        counts = {"events": self.session.events, "steps": self.session.steps}
        self.go(move_event(self.position, by, **counts))

    def action_step(self, by: int) -> None:
        wanted = move_step(self.position, by, steps=self.session.steps)
        self.go(wanted, follow=False)

    def action_phase(self, name: str) -> None:
        moment = self.session.moment
        events = moment.graph.events if moment is not None else ()
        wanted = jump_to_phase(self.position, events, Phase[name])
        if wanted is None:
            self.say(f"This step has no {name.lower()} phase.")
        else:
            self.go(wanted)

    def action_first_event(self) -> None:
        self.go(replace(self.position, event=0))

    def action_last_event(self) -> None:
        self.go(replace(self.position, event=LAST))

    def action_select(self, by: int) -> None:
        focused = self.focused
        if isinstance(focused, Canvas) and focused.id != "graph":
            focused.scroll_relative(y=by, animate=False, force=True)
            return
        count = len(self.session.outline.nodes) if self.session.outline else 0
        self.go(move_selection(self.position, by, nodes=count), follow=False)

    def action_toggle_view(self) -> None:
        self.go(toggle_view(self.position), follow=False)

    def action_toggle_style(self) -> None:
        self.go(toggle_style(self.position), follow=False)

    def action_toggle_lecture(self) -> None:
        self.go(toggle_lecture(self.position), follow=False)

    def action_toggle_maximize(self) -> None:
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif isinstance(self.focused, Canvas):
            self.screen.maximize(self.focused)

    def action_help(self) -> None:
        self.push_screen(Help([(key.shown, key.meaning) for key in self.keys]))

    def action_search(self) -> None:
        def select(node: int | None) -> None:
            if node is not None:
                self.select_node(node)

        self.push_screen(SearchDialog(self.list_entries()), select)

    def action_ask_step(self) -> None:
        numbers = self.session.numbers

        def move(text: str | None) -> None:
            if text is not None:
                step = check_step(int(text), numbers)
                self.go(replace(self.position, step=step), follow=False)

        self.push_screen(ask_for_step(numbers, self.session.number), move)

    def action_export(self) -> None:
        if self.session.moment is None:
            self.say("There is no step to export.")
            return

        def write(answer: str | None) -> None:
            if answer is not None:
                self.write_file(Path(answer).expanduser(), self.session.options)

        self.push_screen(ask_for_file(self.session.number), write)
