"""Steps that are missing: positions stay dense, the screen shows true numbers."""

from collections.abc import Sequence
from dataclasses import replace

from textual.widgets import Input

from graphscope.model.trace import Trace
from graphscope.tui.app import GraphscopeApp
from graphscope.tui.feed import Feed
from graphscope.tui.graph_pane import draw_boxes
from graphscope.tui.session_view import SessionView
from graphscope.tui.state import Position, View
from tests.samples import logistic_traces
from tests.tui.screens import ListRecording, press, running, screen_lines


class Thinned(ListRecording):
    """A recording of some steps, from which more may be taken."""

    def __init__(self, numbers: Sequence[int]) -> None:
        steps = logistic_traces(max(numbers) + 1)
        super().__init__([steps[number] for number in numbers])
        self.next: list[Trace] = []

    @property
    def numbers(self) -> list[int]:
        return [trace.step for trace in self.traces]

    def become(self, numbers: Sequence[int]) -> None:
        """Be a recording of other steps at the next refresh."""
        self.next = Thinned(numbers).traces

    def refresh(self) -> bool:
        is_changed = bool(self.next)
        self.traces, self.next = self.next or self.traces, []
        return is_changed


async def test_the_header_and_the_dialog_speak_of_true_numbers() -> None:
    app = GraphscopeApp(Feed(Thinned([0, 4, 8, 9])), "train.py")
    async with running(app) as pilot:
        await press(pilot, "N", "N")
        assert app.position.step == 2
        assert "step 8/9 · event 1/12" in screen_lines(app)[0]

        await press(pilot, "g")
        app.screen.query_one(Input).value = "4"
        await press(pilot, "enter")
        assert app.position.step == 1
        assert "step 4/9" in screen_lines(app)[0]

        await press(pilot, "g")
        app.screen.query_one(Input).value = "5"
        await press(pilot, "enter")
        assert any(
            "Step 5 is missing; the nearest are 4 and 8." in text
            for text in screen_lines(app)
        )


def open_at(recording: Thinned, step: int) -> SessionView:
    session = SessionView(Feed(recording), "train.py")
    session.go(Position(step=step), follow=True)
    return session


def shown(session: SessionView) -> int:
    assert session.moment is not None
    return session.moment.trace.step


def test_a_step_stays_on_the_screen_while_others_are_thinned() -> None:
    recording = Thinned([0, 1, 2, 3, 4])
    session = open_at(recording, 4)
    recording.become([0, 2, 4, 5])
    assert session.refresh()
    assert (session.position.step, session.number, shown(session)) == (2, 4, 4)
    session.go(replace(session.position, step=1), follow=False)
    assert shown(session) == 2  # not the step that was at this position before


def test_where_the_step_itself_went_the_next_one_is_shown() -> None:
    recording = Thinned([0, 1, 2, 3, 4])
    session = open_at(recording, 3)
    recording.become([0, 2, 4, 5])
    assert session.refresh()
    assert (session.number, shown(session)) == (4, 4)


def test_boxes_are_remembered_for_steps_whose_number_is_not_their_position() -> None:
    session = open_at(Thinned([0, 4, 8]), 1)
    session.position = replace(session.position, view=View.BOXES)
    assert session.moment is not None
    session.keep_drawing(session.moment, draw_boxes(session.moment, session.options))
    assert [key[0] for key in session._graph_pane._drawings] == [4]


def test_a_draft_is_read_again_when_the_step_is_over() -> None:
    recording = Thinned([0, 1])
    feed = Feed(recording)
    draft: Trace = feed.trace(1)
    recording.become([0, 1, 2])
    assert feed.refresh()
    assert feed.trace(1) is not draft
