"""What workers report to the application.

Each says for which session it was: several can be open, and another may be on the
screen by then.
"""

from pathlib import Path

from textual.message import Message

from graphscope.model.trace import Trace
from graphscope.tui.box_view import BoxDrawing
from graphscope.tui.chain_answer import Answer, ChainKey
from graphscope.tui.histories import HistoryKey
from graphscope.tui.inspector import History
from graphscope.tui.moment import Moment
from graphscope.tui.recording_search import RecordingSearch, Searched
from graphscope.tui.session_view import SessionView
from graphscope.tui.why_question import Asked, WhyAnswer


class HistoryRead(Message):
    """The numbers of a node over the steps have been read."""

    def __init__(self, session: SessionView, key: HistoryKey, history: History) -> None:
        super().__init__()
        self.session = session
        self.key = key
        self.history = history


class BoxesDrawn(Message):
    """The boxes of a large step have been laid out."""

    def __init__(
        self, session: SessionView, moment: Moment, drawing: BoxDrawing
    ) -> None:
        super().__init__()
        self.session = session
        self.moment = moment
        self.drawing = drawing


class ChainFound(Message):
    """A chain rule has been found, or checked by a finite difference."""

    def __init__(
        self, session: SessionView, key: ChainKey, *, trace: Trace, answer: Answer
    ) -> None:
        super().__init__()
        self.session = session
        self.key = key
        self.trace = trace
        self.answer = answer


class WhyFound(Message):
    """An answer to why has been found."""

    def __init__(self, session: SessionView, asked: Asked, answer: WhyAnswer) -> None:
        super().__init__()
        self.session = session
        self.asked = asked
        self.answer = answer


class FindingsSearched(Message):
    """More steps have been looked at for findings."""

    def __init__(self, search: RecordingSearch, known: Searched) -> None:
        super().__init__()
        self.search = search
        self.known = known


class Exported(Message):
    """A picture has been written, or could not be."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__()
        self.path = path
        self.problem = problem
