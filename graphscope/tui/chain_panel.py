"""The chain rule that the user has pinned: whose it is, and what is known of it.

Knows no widgets. The session view tells it where the user is.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from graphscope.model.trace import Trace
from graphscope.tui.chain_answer import (
    QUICK_NODES,
    WORKING,
    Answer,
    ChainKey,
    find_answer,
    order_roots,
    work_out,
)
from graphscope.tui.chain_view import (
    NO_MARKS,
    ChainPicture,
    PathMarks,
    count_lines,
    mark_path,
    picture_rule,
)
from graphscope.tui.lines import ScreenLine, Tone, message_picture, pad
from graphscope.tui.moment import Moment
from graphscope.tui.outline import Outline
from graphscope.tui.pin import Pin
from graphscope.tui.state import toggle_pin

_KEPT: Final = 64
_TITLE_WIDTH: Final = 50


class ChainPanel:
    """One pinned node, and the answers about it in the steps that were looked at.

    Threads: `work_out` may be called from a worker; all else on the user's thread.
    """

    def __init__(self) -> None:
        self._pin: Pin | None = None
        self._answers: OrderedDict[ChainKey, tuple[Trace, Answer]] = OrderedDict()
        self._key: ChainKey | None = None
        self._trace: Trace | None = None
        self._problem = ""
        self._begun: tuple[ChainKey, Trace] | None = None
        self._focused: tuple[ChainKey | None, int] | None = None
        self._marks: tuple[Answer, PathMarks] | None = None
        self._count: tuple[Answer, int, int] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a chain rule is pinned."""
        return self._pin is not None

    def toggle(self, moment: Moment, outline: Outline, selection: int | None) -> None:
        """Pin the selected node; nothing when it is pinned already, or none is."""
        here = None if self._pin is None else self._pin.find(moment.trace, outline)
        wanted = toggle_pin(here, selection)
        self._pin = None if wanted is None else Pin(moment.trace, outline, wanted)

    def close(self) -> None:
        """Pin nothing."""
        self._pin = self._key = self._trace = None

    def look(self, moment: Moment | None, outline: Outline | None) -> None:
        """Find the pinned node in the step that is open, and its rule there."""
        self._key, self._trace = None, None
        self._problem = (
            "This step cannot be read, so nothing is known of its gradients."
        )
        if self._pin is None or moment is None or outline is None:
            return
        trace = moment.trace
        found = self._pin.find_node(trace, outline)
        if found is None or found.value is None:
            title = self._pin.title
            self._problem = (
                f"{title} is not in step {trace.step}."
                if found is None
                else f"{title} has no tensor as its result, so no gradient of it."
            )
            return
        roots = order_roots(moment, found.value)
        self._key, self._trace = ChainKey(trace.step, found.value, roots), trace
        known = self._answers.get(self._key)
        if known is None or known[0] is not trace:  # a draft may have been replaced
            is_quick = len(trace.graph.grad_nodes) <= QUICK_NODES
            answer = find_answer(trace, self._key) if is_quick else WORKING
            self._keep(self._key, trace, answer)

    def _keep(self, key: ChainKey, trace: Trace, answer: Answer) -> None:
        self._answers[key] = (trace, answer)
        self._answers.move_to_end(key)
        if len(self._answers) > _KEPT:
            self._answers.popitem(last=False)

    @property
    def answer(self) -> Answer:
        """What is known of the pinned rule in the step that is open."""
        if self._key is None:
            return Answer(problem=self._problem)
        return self._answers[self._key][1]

    # --- what takes time

    @property
    def is_waiting(self) -> bool:
        """Whether the rule, or its check, is still to come."""
        return self._key is not None and not self.answer.is_checked

    def begin_work(self) -> tuple[ChainKey, Trace] | None:
        """Return what must be worked out now; None when nothing, or it is being."""
        if self._key is None or self._trace is None or self.answer.is_checked:
            return None
        wanted = (self._key, self._trace)
        known = self._begun
        if known is not None and known[0] == wanted[0] and known[1] is wanted[1]:
            return None
        self._begun = wanted
        return wanted

    def work_out(self, key: ChainKey, trace: Trace) -> Iterator[Answer]:
        """Yield better answers as they are found; for worker threads."""
        known = self._answers.get(key)
        return iter(()) if known is None else work_out(trace, key, known[1])

    def put(self, key: ChainKey, trace: Trace, answer: Answer) -> bool:
        """Keep a better answer; return whether the path is another one now."""
        known = self._answers.get(key)
        if known is None or known[0] is not trace:
            return False
        self._answers[key] = (trace, answer)
        return key == self._key and known[1].highlight is not answer.highlight

    # --- pictures

    @property
    def title(self) -> str:
        """What stands in the border of the panel."""
        name = self.answer.name
        if not name and self._pin is not None:
            name = self._pin.title
        return pad(f"chain rule · {name}", _TITLE_WIDTH).rstrip()

    def progress(self, moment: Moment | None) -> str:
        """Say how many factors backward has filled in so far."""
        rule = self.answer.rule
        if rule is None or moment is None:
            return "esc closes"
        factors = {
            (factor.node, factor.position): factor.event
            for path in rule.paths
            for factor in path.factors
        }
        known = sum(map(moment.has_happened, factors.values()))
        return f"{known} of {len(factors)} factors · esc closes"

    def picture(
        self, moment: Moment | None, width: int, *, has_room: bool = True
    ) -> ChainPicture:
        """Write the pinned rule as far as backward has come.

        Where there is room it is as high as it will be when all is known, so that the
        panel does not jump.
        """
        answer = self.answer
        if answer.rule is None or moment is None:
            lines = message_picture(answer.problem, width, Tone.PLAIN).lines
            return ChainPicture(lines)
        picture = picture_rule(moment, answer.rule, name=answer.name, width=width)
        if not has_room:
            return picture
        blank = max(self._count_lines(moment.trace, answer, width) - picture.height, 0)
        return replace(picture, lines=(*picture.lines, *[ScreenLine()] * blank))

    def line_to_show(self, moment: Moment | None, picture: ChainPicture) -> int | None:
        """Return the line to scroll to; only once, the user may scroll elsewhere."""
        if moment is None or self._focused == (self._key, moment.event):
            return None
        self._focused = (self._key, moment.event)
        return picture.focus

    def _count_lines(self, trace: Trace, answer: Answer, width: int) -> int:
        known = self._count
        if known is None or known[0] is not answer or known[1] != width:
            count = 0
            if answer.rule is not None:
                is_checked = answer.is_checked
                count = count_lines(
                    trace, answer.rule, is_checked=is_checked, width=width
                )
            known = self._count = (answer, width, count)
        return known[2]

    def marks(self, moment: Moment | None, outline: Outline | None) -> PathMarks:
        """Return what the pinned rule goes through, for the graph."""
        answer = self.answer
        if answer.rule is None or moment is None or outline is None:
            return NO_MARKS
        if self._marks is None or self._marks[0] is not answer:
            marks = mark_path(moment.trace, outline, answer.rule, answer.highlight)
            self._marks = (answer, marks)
        return self._marks[1]
