"""The part of the screen that answers: what is suspicious in the recording, and why.

Abstract, between the panes and the keys. What takes time is looked for on workers.
"""

from dataclasses import replace
from typing import Final

from textual import on, work
from textual.worker import get_current_worker

from graphscope.storage.numbering import find_position
from graphscope.tui.finding_text import node_of_finding, node_of_station
from graphscope.tui.findings_dialog import FindingsDialog, Goal
from graphscope.tui.messages import FindingsSearched
from graphscope.tui.panes_app import PanesApp
from graphscope.tui.recording_search import RecordingSearch
from graphscope.tui.why_drawer import WhyDrawer

_SMALL: Final = 20_000  # events


class AskingApp(PanesApp):
    """Lists findings and goes to them; abstract."""

    def show(self) -> None:
        """Draw every pane for where the user is."""
        super().show()
        self._search_on()

    @property
    def is_waiting(self) -> bool:
        """Whether something that a worker finds out is still to be shown."""
        return self.session.search.is_running or super().is_waiting

    # --- answers about one node

    def action_toggle_chain(self) -> None:
        self.session.why.close()
        if self.session.toggle_chain():
            self._show_answers()
        else:
            self.say("Select a node first: its chain rule is what c shows.")

    def action_toggle_why(self) -> None:
        self.session.chain.close()
        if self.session.toggle_why():
            self.make_room()
            self._show_answers()
            if self.session.why.is_open:
                self.query_one(WhyDrawer).focus()
        else:
            self.say("Select a node first: w says why its gradient is as it is.")

    def action_close_answer(self) -> None:
        self.session.chain.close()
        self.session.why.close()
        self._show_answers()

    def make_room(self) -> None:
        """Close what an answer would have no room beside."""

    def _show_answers(self) -> None:
        """Leave nothing on top of an open answer, and no focus on a closed one."""
        session = self.session
        for pane, is_open in (
            (self.query_one("#chain"), session.chain.is_open),
            (self.query_one("#why"), session.why.is_open),
        ):
            maximized = self.screen.maximized
            if maximized is not None and (
                is_open if maximized is not pane else not is_open
            ):
                self.screen.minimize()
            if pane.has_focus and not is_open:
                self.query_one("#graph").focus()
        self.show()

    @on(WhyDrawer.Chosen)
    def _go_to_station(self, event: WhyDrawer.Chosen) -> None:
        outline = self.session.outline
        node = None if outline is None else node_of_station(event.station, outline)
        if node is None:
            self.say("This is no node of the step that is open.")
        else:
            self.go(replace(self.position, selection=node), follow=False)

    # --- the list of all findings

    def action_findings(self) -> None:
        session = self.session

        def go(goal: Goal | None) -> None:
            if goal is not None and session is self.session:
                self._go_to(goal)

        self.push_screen(FindingsDialog(session.search, session.number), go)
        self._search_on()

    @property
    def _list(self) -> FindingsDialog | None:
        """The list of findings, while it is open."""
        open_one = (s for s in self.screen_stack if isinstance(s, FindingsDialog))
        return next(open_one, None)

    def _search_on(self) -> None:
        """Look at what the recording has more, while the list is open.

        A small recording is looked at unasked: it costs nothing that one would notice.
        """
        found, session = self._list, self.session
        search = session.search if found is None else found.search
        is_small = session.steps * session.events <= _SMALL
        is_wanted = found is not None or (session.feed.is_over and is_small)
        if is_wanted and search.begin():
            self._search(search)

    @work(thread=True, group="findings", exit_on_error=False)
    def _search(self, search: RecordingSearch) -> None:
        worker = get_current_worker()
        for known in search.run(lambda: not worker.is_cancelled):
            self.post_message(FindingsSearched(search, known))

    @on(FindingsSearched)
    def _keep_findings(self, event: FindingsSearched) -> None:
        event.search.known = event.known
        found = self._list
        if found is not None and found.search is event.search:
            found.fill()
        if event.known.is_done and event.search is self.session.search:
            super().show()

    def _go_to(self, goal: Goal) -> None:
        """Open the step of a finding, and select the node that it is about."""
        number = goal.finding.step
        step = find_position(self.session.numbers, number)
        if step is None:
            self.say(f"Step {number} is not in the recording any more.")
            return
        self.session.go(replace(self.position, step=step), follow=False)
        node, outline = None, self.session.outline
        if outline is not None and goal.station is not None:
            node = node_of_station(goal.station, outline)
        if outline is not None and node is None:
            node = node_of_finding(goal.finding, outline)
        position = self.position
        if node is not None:
            position = replace(position, selection=node)
        else:
            site = goal.finding.site
            where = f", but about {site.short}" if site is not None else ""
            self.say(f"This is about no node of the graph{where}.")
        self.go(position, follow=False)
