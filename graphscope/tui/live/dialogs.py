"""The small windows of the live UI: choices, and texts that the debugger checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.widgets import Input, Static

from graphscope.tui.dialogs import Dialog
from graphscope.tui.lines import clean

Report = Callable[[str], None]
"""Called with what is wrong with a text, nothing when it was taken."""

Submit = Callable[[str, Report], None]
"""Asks somebody to take a text; the report may come later."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to answer: by pressing its key."""

    key: str
    meaning: str


class Choice(Dialog[str]):
    """Asks for one of a few answers; answers the key that was pressed."""

    def __init__(self, title: str, text: str, options: Sequence[Option]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._options = options

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(clean(self._title))
            yield Static(self._content(), markup=False)

    def _content(self) -> Content:
        parts: list[Content | str | tuple[str, str]] = [f"{clean(self._text)}\n"]
        for option in (*self._options, Option("esc", "cancel")):
            parts += [(f"\n{option.key:>5}  ", "bold $text-primary"), option.meaning]
        return Content.assemble(*parts)

    def action_answer(self, key: str) -> None:
        """Close with an answer."""
        self.dismiss(key)

    def on_mount(self) -> None:
        for option in self._options:
            self._bindings.bind(option.key, f"answer('{option.key}')", show=False)


class _Suggestion(Input):
    """A line that comes with a text: typing replaces it, but a space goes on with it.

    So `b if step == 7` can be typed whole, or ` if step == 7` behind a suggested place.
    """

    async def on_key(self, event: Key) -> None:
        if event.key == "space" and self.selected_text == self.value:
            self.action_end()


class Asking(Dialog[str]):
    """Asks for a text that somebody else checks, such as the debugged process."""

    def __init__(
        self, title: str, *, default: str = "", hint: str, submit: Submit
    ) -> None:
        super().__init__()
        self._title = title
        self._default = clean(default)
        self._hint = hint
        self._ask = submit

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(clean(self._title))
            yield _Suggestion(self._default)
            yield Static("", markup=False, classes="problem")
            yield Static(self._hint, markup=False, classes="hint")

    def on_mount(self) -> None:
        self.tell("")

    def tell(self, problem: str) -> None:
        """Say what is wrong, line by line: a caret stands under its place."""
        static = self.query_one(".problem", Static)
        static.update(Content("\n".join(map(clean, problem.splitlines()))))
        static.display = bool(problem)

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text:
            self._ask(text, lambda problem: self._hear(text, problem))

    def _hear(self, text: str, problem: str) -> None:
        if not self.is_attached:  # closed meanwhile
            return
        if problem:
            self.tell(problem)
        else:
            self.dismiss(text)
