"""The small windows over the screen: search, questions, help."""

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import ClassVar, Final, Generic, TypeVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from graphscope.tui.lines import clean, pad
from graphscope.tui.search import Entry, find_entries, suggest

_NAME: Final = 18
_WIDTH: Final = 70  # as in the stylesheet
_MARGINS: Final = 7
_SIGN: Final = 16  # of the help's two columns
_MEANING: Final = 46

Answer = TypeVar("Answer")

Check = Callable[[str], str]
"""Returns what is wrong with an answer, nothing when it can be taken."""


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """A window that escape closes without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", id="dialog.close"),
    ]


def tell(dialog: Dialog[Answer], problem: str) -> None:
    """Say what is wrong, or take no room for it."""
    static = dialog.query_one(".problem", Static)
    static.update(Content(clean(problem)))
    static.display = bool(problem)


class SearchDialog(Dialog[int]):
    """Asks for a node by name, with the matches so far below; answers its id."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor(1)", "Next match", priority=True, id="search.next"),
        Binding("up", "cursor(-1)", "Previous match", priority=True, id="search.back"),
    ]

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._entries = entries
        self._matches: list[Entry] = []

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "search"
            yield Input(placeholder="name, expression or module")
            yield OptionList(markup=False, compact=True)
            yield Static("", markup=False, classes="problem")

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self._show("")

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, wanted: str) -> None:
        self._matches = find_entries(self._entries, wanted)
        options = self.query_one(OptionList)
        options.clear_options()
        width = min(_WIDTH, self.app.size.width * 94 // 100) - _MARGINS
        options.add_options(Option(_prompt(e, width)) for e in self._matches)
        if self._matches:
            options.highlighted = 0
        options.display = bool(self._matches)
        tell(self, "" if self._matches else suggest(self._entries, wanted))

    def action_cursor(self, by: int) -> None:
        """Move along the matches."""
        options = self.query_one(OptionList)
        if self._matches:
            wanted = (options.highlighted or 0) + by
            options.highlighted = min(max(wanted, 0), len(self._matches) - 1)

    @on(Input.Submitted)
    def _submit(self) -> None:
        chosen = self.query_one(OptionList).highlighted
        if chosen is not None and chosen < len(self._matches):
            self.dismiss(self._matches[chosen].node)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._matches[event.option_index].node)


def _prompt(entry: Entry, width: int) -> Content:
    """Write an entry on one line: its name or sign, its text, its line and value."""
    name = (pad(entry.name, _NAME), "bold") if entry.name else pad(entry.sign, _NAME)
    place = f"  {clean(entry.place)}" if entry.place else ""
    room = max(width - _NAME - 1 - cell_len(place), 0)
    place = pad(place, min(cell_len(place), max(width - _NAME - 1, 0)))
    return Content.assemble(name, " ", pad(entry.text, room), (place, "dim"))


class Question(Dialog[str]):
    """Asks for one line of text; an answer with a problem is not taken."""

    def __init__(self, title: str, *, default: str, hint: str, check: Check) -> None:
        super().__init__()
        self._title = title
        self._default = default
        self._hint = hint
        self._check = check

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(clean(self._title))
            yield Input(self._default, select_on_focus=True)
            yield Static(self._hint, markup=False, classes="hint")
            yield Static("", markup=False, classes="problem")

    def on_mount(self) -> None:
        tell(self, "")

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        problem = self._check(event.value)
        if problem:
            tell(self, problem)
        else:
            self.dismiss(event.value)


class Help(Dialog[None]):
    """All keys, and what the signs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "dismiss(None)", "Close", id="help.close"),
    ]

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "help"
            with VerticalScroll():
                yield Static(self._text(), markup=False)

    def _text(self) -> Content:
        parts: list[Content | str | tuple[str, str]] = []
        for keys, meaning in self._keys:
            parts += _explain(keys, meaning, "bold $text-primary")
        parts.append("\n")
        for sign, meaning in _LEGEND:
            parts += _explain(sign, meaning, "bold $text-warning")
        return Content.assemble(*parts)


def _explain(sign: str, meaning: str, style: str) -> list[str | tuple[str, str]]:
    """Write what a sign means: further lines are under the first, not the sign."""
    first, *more = wrap(meaning, _MEANING)
    lines = [f"{'':{_SIGN}}  {text}\n" for text in more]
    return [(f"{sign:>{_SIGN}}  ", style), f"{first}\n", *lines]


_LEGEND = (
    ("tab", "the next pane; there ↑ ↓ and page up, page down scroll"),
    ("ctrl+p", "all commands, themes, and go to any node"),
    ("▶", "the current event; in backward the op whose gradient is computed"),
    ("● ○", "has run, has not run yet (dim: still in the future)"),
    ("◆ ◇ ┃ ━", "on the path of the chain rule that c shows"),
    ("?", "a factor that backward has not filled in yet"),
    ("∂", "the gradient that arrived"),
    ("▲", "something suspicious: w says why, F lists all of it"),
    ("enter", "in the findings and in the why: go to the chosen row"),
    ("✗ ╌", "data goes on here, the gradient does not"),
    ("None", "there is no tensor; 0 is a tensor of zeros"),
    ("mouse", "click selects, drag pans, wheel scrolls"),
)
