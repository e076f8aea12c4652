"""The window with all findings of a recording: a list, and below it what each says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from graphscope.analysis.findings import identity_of
from graphscope.model.finding import Finding, PathStep
from graphscope.tui.canvas import Canvas
from graphscope.tui.dialogs import Dialog
from graphscope.tui.finding_text import count_findings, tell_finding
from graphscope.tui.lines import Tone, clean, message_picture, pad
from graphscope.tui.recording_search import RecordingSearch, Searched
from graphscope.tui.told import ToldPicture

_KEYS: Final = "enter goes there · tab, wheel: scroll the text · esc closes"
_HERE: Final = "▶"
_WIDE: Final = 90
_KIND: Final = 22
_PLACE: Final = 18
_LEFT_STEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Goal:
    """Where to go: a finding, or one station of a path that it shows."""

    finding: Finding
    station: PathStep | None = None


class FindingsDialog(Dialog[Goal]):
    """Lists what a search has found so far; answers where to go.

    Args:
        search: What looks at the recording.
        step: Number of the step that is open: its findings are marked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,F", "dismiss(None)", "Close", show=False, id="findings.close"),
        Binding("j", "cursor(1)", show=False, id="findings.next"),
        Binding("k", "cursor(-1)", show=False, id="findings.back"),
    ]

    def __init__(self, search: RecordingSearch, step: int) -> None:
        super().__init__(id="findings")
        self.search = search
        self._step = step
        self._rows: tuple[Finding, ...] | None = None
        self._width = 0

    def compose(self) -> ComposeResult:
        with Vertical():
            yield OptionList(markup=False, compact=True)
            yield Canvas("finding")

    def on_mount(self) -> None:
        self.query_one(Vertical).border_subtitle = Content(_KEYS)
        self.query_one(OptionList).focus()
        self.fill()

    @on(Canvas.Resized)
    def _redraw(self, event: Canvas.Resized) -> None:
        event.stop()
        self.fill()

    def fill(self) -> None:
        """Show what is known by now, and stay at the chosen finding."""
        known = self.search.known
        self.query_one(Vertical).border_title = Content(_entitle(known))
        options, width = self.query_one(OptionList), self._room
        if known.findings != self._rows or width != self._width:
            chosen = self._chosen
            self._rows, self._width = known.findings, width
            rows = _write_rows(known.findings, self._step, width)
            options.set_options([Option(row) for row in rows])
            if rows:
                options.highlighted = self._place_of(chosen)
        options.display = bool(known.findings)
        self._explain()

    @property
    def _room(self) -> int:
        """Cells of a row of the list."""
        return self.query_one("#finding", Canvas).content_width

    @property
    def _chosen(self) -> Finding | None:
        at, rows = self.query_one(OptionList).highlighted, self._rows or ()
        return rows[at] if at is not None and at < len(rows) else None

    def _place_of(self, chosen: Finding | None) -> int:
        """Return where a finding is now; at first the one of the step, or the next."""
        rows = self._rows or ()
        if chosen is not None:
            wanted = identity_of(chosen)
            for place, finding in enumerate(rows):
                if identity_of(finding) == wanted:
                    return place
        later = (i for i, found in enumerate(rows) if found.step >= self._step)
        return next(later, len(rows) - 1)

    @on(OptionList.OptionHighlighted)
    def _explain(self) -> None:
        canvas, finding = self.query_one("#finding", Canvas), self._chosen
        if finding is None:
            text = _say_nothing(self.search.known)
            canvas.show(message_picture(text, canvas.content_width, Tone.PLAIN))
            return
        told = tell_finding(finding, canvas.content_width)
        is_other = canvas.picture != (picture := ToldPicture(tuple(told)))
        canvas.show(picture)
        if is_other:
            canvas.scroll_home(animate=False, force=True)

    def action_cursor(self, by: int) -> None:
        """Choose the next finding, or the one before."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            last = options.option_count - 1
            options.highlighted = min(max(options.highlighted + by, 0), last)

    def key_enter(self) -> None:
        """Go to the chosen finding from the text too."""
        self._leave()

    @on(OptionList.OptionSelected)
    def _leave(self) -> None:
        if self._chosen is not None:
            self.dismiss(Goal(self._chosen))

    @on(Canvas.NodeClicked)
    def _leave_for(self, event: Canvas.NodeClicked) -> None:
        event.stop()
        picture, finding = event.canvas.picture, self._chosen
        if isinstance(picture, ToldPicture) and finding is not None:
            self.dismiss(Goal(finding, picture.station_at(event.node)))


def _entitle(known: Searched) -> str:
    """Write how many there are, or how far the search has come."""
    if not known.is_done:
        return f"findings · looking at step {known.looked:,} of {known.steps:,} …"
    count = count_findings(known.findings) or "no findings"
    unread = f" · {known.unread:,} not read" if known.unread else ""
    return f"{count} in {_steps(known)}{unread}"


def _steps(known: Searched) -> str:
    return "1 step" if known.steps == 1 else f"{known.steps:,} steps"


def _say_nothing(known: Searched) -> str:
    if not known.is_done:
        return "Nothing suspicious was found so far."
    if not known.steps:
        return "The recording has no steps yet."
    unread = ""
    if known.unread:
        one = "One of them" if known.unread == 1 else f"{known.unread:,} of them"
        unread = f" {one} could not be read."
    so_far = "" if known.is_over else " so far"
    return f"Nothing suspicious was found in {_steps(known)}{so_far}.{unread}"


def _write_rows(findings: Sequence[Finding], step: int, width: int) -> list[Content]:
    """Write each finding on one line: step, kind where there is room, title, place."""
    steps = [f"step {finding.step}" for finding in findings]
    number = max(map(len, steps), default=0)
    places = [clean(f.site.short) if f.site else "" for f in findings]
    place = min(max(map(len, places), default=0), _PLACE)
    kinds = [clean(finding.kind) for finding in findings] if width >= _WIDE else []
    kind = min(max(map(len, kinds), default=-2), _KIND) + 2
    title = max(width - number - kind - place - _LEFT_STEPS - 2, 0)
    return [
        Content.assemble(
            (f"{_HERE if finding.step == step else ' '} ", "bold $text-warning"),
            (pad(steps[row], number + 2), "$text-muted"),
            (pad(kinds[row], kind), "$text-muted") if kinds else "",
            pad(clean(finding.title), title),
            ("  ", ""),
            (pad(places[row], place), "$text-muted"),
        )
        for row, finding in enumerate(findings)
    ]
