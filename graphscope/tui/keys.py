"""Every key of the application in one table: bindings, footer, help and palette."""

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to do.

    Attributes:
        keys: Textual's names of the keys, with commas.
        action: Name of the action, with arguments.
        label: A word for the footer; empty keeps it out of there.
        shown: How the keys are written.
        meaning: A sentence for the help, the palette and the tooltip.
        group: Which keys stand together in the footer.
        is_priority: Whether it comes before what the focused widget does with it.
        is_roomy: Whether the footer of a narrow screen leaves it out.
    """

    keys: str
    action: str
    label: str
    shown: str
    meaning: str
    group: Binding.Group | None = None
    is_priority: bool = False
    is_roomy: bool = False

    @property
    def id(self) -> str:
        """Name that a keymap can refer to."""
        return self.action.replace("(", ".").replace(")", "").replace("'", "")

    def to_binding(self) -> Binding:
        """Return Textual's form of it."""
        return Binding(
            self.keys,
            self.action,
            self.label or self.meaning,
            show=bool(self.label),
            key_display=self.shown,
            tooltip=self.meaning,
            id=self.id,
            group=self.group,
            priority=self.is_priority,
        )


_EVENT: Final = Binding.Group("event")
_STEP: Final = Binding.Group("step")
_JUMP: Final = Binding.Group("jump")
_VIEW: Final = Binding.Group("view")

KEYS: Final = (
    Key("n,right", "event(1)", "event", "n", "Go to the next event", _EVENT),
    Key("p,left", "event(-1)", "event", "p", "Go to the previous event", _EVENT),
    Key("N", "step(1)", "step", "N", "Go to the next step", _STEP),
    Key("P", "step(-1)", "step", "P", "Go to the previous step", _STEP),
    Key("f", "phase('FORWARD')", "jump", "f", "Jump to the forward pass", _JUMP),
    Key("b", "phase('BACKWARD')", "jump", "b", "Jump to the backward pass", _JUMP),
    Key("u", "phase('UPDATE')", "jump", "u", "Jump to the update", _JUMP),
    Key("home", "first_event", "", "home", "Go to the first event of the step"),
    Key("end", "last_event", "", "end", "Go to the last event of the step"),
    Key("g", "ask_step", "", "g", "Go to a step by its number"),
    Key("slash", "search", "search", "/", "Search a value or an op by name"),
    Key("c", "toggle_chain", "chain", "c", "Show the selected node's chain rule"),
    Key("w", "toggle_why", "why", "w", "Say why the selected node's gradient is so"),
    Key("escape", "close_answer", "", "esc", "Close the chain rule, or the why"),
    Key(
        "F",
        "findings",
        "findings",
        "F",
        "List all that is suspicious in the recording",
        is_roomy=True,
    ),
    Key("v", "toggle_view", "view", "v", "Change between rail and boxes", _VIEW),
    Key(
        "s",
        "toggle_style",
        "style",
        "s",
        "Change between operations and variables",
        _VIEW,
    ),
    Key("l", "toggle_lecture", "", "l", "Draw formulas as slides do, or every op"),
    Key(
        "e",
        "export",
        "export",
        "e",
        "Export the picture of this step",
        is_roomy=True,
    ),
    Key("down,j", "select(1)", "", "↓ j", "Select the next node"),
    Key("up,k", "select(-1)", "", "↑ k", "Select the previous node"),
    Key("m", "toggle_maximize", "", "m", "Give the focused pane the whole screen"),
    Key("question_mark", "help", "help", "?", "Show all keys"),
    Key("q", "quit", "quit", "q", "Quit"),
)
