"""The drawer with the breakpoints: what they are, how often they were hit."""

from collections.abc import Callable
from dataclasses import replace

from textual.content import Content

from graphscope.debugger.state import BreakpointState
from graphscope.debugger.verbs import Verb
from graphscope.errors import GraphscopeError
from graphscope.tui.live.host import Host
from graphscope.tui.live.list_drawer import ListDrawer
from graphscope.tui.live.pictures import picture_breakpoints
from graphscope.tui.live.places import events_at
from graphscope.tui.panes_app import entitle

_KEYS = "a add · e on/off · d remove · enter go there · esc close"


class BreakpointDrawer(ListDrawer):
    """Shows the breakpoints of the process on the screen, and changes them."""

    def __init__(self, host: Host) -> None:
        super().__init__("breakpoints")
        self._host = host

    def on_mount(self) -> None:
        entitle(self, "breakpoints")
        self.border_subtitle = Content(_KEYS)

    def fill(self) -> None:
        """Show them as they stand."""
        states = self._host.roster.breakpoints
        self.show_rows(
            picture_breakpoints(states, self.shown_cursor, self.content_width),
            len(states),
        )

    @property
    def _chosen(self) -> BreakpointState | None:
        states, cursor = self._host.roster.breakpoints, self.cursor
        return states[cursor] if cursor is not None and cursor < len(states) else None

    def do(self, what: str) -> None:
        """Do what a key asks for."""
        if what == "add":
            self._host.ask_place("add a breakpoint", Verb.ADD)
            return
        chosen = self._chosen
        actions: dict[str, Callable[[BreakpointState], None]] = {
            "remove": self._remove,
            "switch": self._switch,
            "jump": self._jump,
        }
        if chosen is not None and what in actions:
            actions[what](chosen)

    def _remove(self, chosen: BreakpointState) -> None:
        self._host.change_breakpoint(Verb.REMOVE, chosen.text)

    def _switch(self, chosen: BreakpointState) -> None:
        verb = Verb.DISABLE if chosen.is_enabled else Verb.ENABLE
        self._host.change_breakpoint(verb, chosen.text)

    def _jump(self, chosen: BreakpointState) -> None:
        """Go to the next event of the step at which the breakpoint would pause."""
        session = self._host.session
        if session.moment is None:
            return
        try:
            events = events_at(session.moment.trace, chosen.text)
        except GraphscopeError as error:
            self._host.say(str(error), is_error=True)
            return
        if not events:
            self._host.say(f"It would not pause in step {session.number}.")
            return
        later = [event for event in events if event > session.position.event]
        place = replace(session.position, event=(later or events)[0])
        self._host.go(place)
