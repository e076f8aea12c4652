"""The question why that the user has asked of a node: what it is about, the answer.

Knows no widgets. The session view tells it where the user is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.findings.kinds import KINDS
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording
from graphscope.tui.finding_text import ToldLine, tell_facts, tell_finding, tell_paths
from graphscope.tui.lines import Tone, clean, line, message_picture, pad
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Outline
from graphscope.tui.pin import Pin
from graphscope.tui.told import ToldPicture
from graphscope.tui.why_answer import find_answer, note_of_moment
from graphscope.tui.why_question import Asked, WhyAnswer

_QUICK_OPS: Final = 300
_TITLE_WIDTH: Final = 76
_UNREADABLE: Final = "This step cannot be read, so nothing is known of it."
_WORKING: Final = WhyAnswer(
    verdict="Looking for the answer in this large step …", is_ready=False
)


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the user is, as the panel has to know it.

    Attributes:
        moment: The step at its event.
        outline: Its nodes.
        findings: What was found in the step.
        is_cut_short: Whether the step has only begun.
        is_over: Whether the run has ended, so that nothing more comes.
        steps: The recording.
    """

    moment: Moment
    outline: Outline
    findings: Sequence[Finding] = ()
    is_cut_short: bool = False
    is_over: bool = True
    steps: Recording | None = None


class WhyPanel:
    """One node that was asked about, and the answers in the steps that were looked at.

    Threads: `find_answer` may be called from a worker; all else on the user's thread.
    """

    def __init__(self) -> None:
        self._pin: Pin | None = None
        self._scope = ""
        self._asked: Asked | None = None
        self._answer = WhyAnswer()
        self._begun: Asked | None = None
        self._shown: WhyAnswer | None = None

    @property
    def is_open(self) -> bool:
        """Whether a node is asked about."""
        return self._pin is not None

    def toggle(self, situation: Situation, selection: int | None, scope: str) -> None:
        """Ask about the selected node; the second time, or without one, close."""
        trace, outline = situation.moment.trace, situation.outline
        here = None if self._pin is None else self._pin.find(trace, outline)
        if selection is None or (selection == here and scope == self._scope):
            self.close()
        else:
            self._pin, self._scope = Pin(trace, outline, selection), scope

    def close(self) -> None:
        """Ask nothing."""
        self._pin = self._asked = self._shown = None
        self._answer = WhyAnswer()

    def look(self, situation: Situation | None) -> None:
        """Find the node in the step that is open, and the answer there."""
        before, self._asked = self._asked, None
        if self._pin is None or situation is None:
            self._answer = WhyAnswer(verdict=_UNREADABLE)
            return
        trace = situation.moment.trace
        node = self._pin.find_node(trace, situation.outline)
        if node is None:
            text = f"{clean(self._pin.title)} is not in step {trace.step}."
            self._answer = WhyAnswer(verdict=text)
            return
        asked = Asked(
            trace,
            node,
            tuple(situation.findings),
            scope=self._scope,
            is_cut_short=situation.is_cut_short,
            is_over=situation.is_over,
            steps=situation.steps,
        )
        self._asked = before if asked.is_same(before) else asked
        if self._asked is asked:
            is_quick = len(trace.graph.ops) <= _QUICK_OPS
            self._answer = find_answer(asked) if is_quick else _WORKING

    @property
    def answer(self) -> WhyAnswer:
        """What is known of the node in the step that is open."""
        return self._answer

    # --- what takes time

    @property
    def is_waiting(self) -> bool:
        """Whether the answer is still to come."""
        return self.is_open and not self._answer.is_ready

    def begin_work(self) -> Asked | None:
        """Return what must be worked out now; None when nothing, or it is being."""
        if not self.is_waiting or self._begun is self._asked:
            return None
        self._begun = self._asked
        return self._asked

    def put(self, asked: Asked, answer: WhyAnswer) -> None:
        """Take an answer, if it is still asked for."""
        if asked is self._asked:
            self._answer = answer

    # --- pictures

    @property
    def title(self) -> str:
        """What stands in the border of the panel."""
        title = "" if self._pin is None else self._pin.title
        return pad(f"why · {self.answer.question or title}", _TITLE_WIDTH).rstrip()

    def picture(self, moment: Moment | None, width: int) -> ToldPicture:
        """Write the answer; above it what is not so yet at the event that is open."""
        answer = self.answer
        note = ""
        if moment is not None and self._asked is not None:
            note = note_of_moment(moment, self._asked.node)
        tone = Tone.ERROR if answer.is_suspicious else Tone.TITLE
        told = [*_wrap(note, width, Tone.MUTED), *_wrap(answer.verdict, width, tone)]
        if answer.rows:
            told += tell_paths([answer.rows], width)
        for finding in answer.findings:
            if told:
                told.append(ToldLine(line()))
            is_fault = answer.is_suspicious and finding.kind in KINDS
            tone = Tone.ERROR if is_fault else Tone.TITLE
            if finding.kind not in KINDS and not finding.remedy:
                told += tell_facts(finding, width)
            else:
                told += tell_finding(finding, width, tone)
        return ToldPicture(tuple(told))

    def is_new(self) -> bool:
        """Whether another answer is shown than before: once, to look at its begin."""
        before, self._shown = self._shown, self._answer
        return before != self._answer


def _wrap(text: str, width: int, tone: Tone) -> list[ToldLine]:
    lines = message_picture(text, width, tone).lines
    return [ToldLine(found) for found in lines]
