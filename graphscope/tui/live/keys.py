"""The keys of the live UI: the debugger's verbs in front, moving the view behind."""

from dataclasses import replace
from typing import Final

from textual.binding import Binding

from graphscope.tui.keys import KEYS, Key

_VIEWED: Final = Binding.Group("view")

VERB_KEYS: Final = (
    Key("space", "verb('step')", "step", "␣", "Run to the next event"),
    Key("o", "verb('over')", "over", "o", "Run to the next event outside the module"),
    Key("O", "verb('out')", "out", "O", "Run to the end of the module"),
    Key("h", "verb('next_phase')", "phase", "h", "Run to the next phase"),
    Key("S", "verb('next_step')", "next", "S", "Run to the next training step"),
    Key("r", "verb('continue')", "run", "r", "Continue: run to the next breakpoint"),
    Key("A", "continue_all", "", "A", "Continue in all processes and threads"),
    Key("z", "verb('pause')", "pause", "z", "Pause at the next event"),
    Key(
        "ctrl+c",
        "interrupt",
        "",
        "^c",
        "Pause everywhere; twice: stop the training",
        is_priority=True,
    ),
    Key("t", "ask_until", "", "t", "Run until a place or a condition"),
    Key("R", "run_to_here", "", "R", "Run to here: until this node runs again"),
    Key("full_stop", "go_now", "now", ".", "Come back from the past to now"),
    Key("a", "break_here", "", "a", "Add a breakpoint at the selected node"),
    Key("B", "toggle_drawer('breakpoints')", "", "B", "Show the breakpoints"),
    Key("W", "toggle_drawer('watches')", "", "W", "Show the watched expressions"),
    Key("L", "toggle_drawer('log')", "", "L", "Show what the script prints"),
    Key("x", "next_seat", "", "x", "Show the next process or thread"),
    Key("1", "seat(0)", "", "1 … 9", "Show that process or thread"),
    Key("K", "ask_stop", "", "K", "Stop the training"),
    Key("D", "detach", "", "D", "Detach: close this, the training goes on"),
)

_LABELS: Final = {
    "toggle_why": "why",
    "findings": "findings",
    "event(1)": "look",
    "event(-1)": "look",
    "help": "help",
    "quit": "quit",
}
_ROOMY: Final = frozenset({"toggle_why", "findings"})
_MEANINGS: Final = {
    "event(1)": "Look at the next event that was recorded",
    "event(-1)": "Look back at the previous event",
    "step(1)": "Look at the next step that was recorded",
    "step(-1)": "Look back at the previous step",
}


def _as_view_key(key: Key) -> Key:
    """Leave most of the footer to the debugger."""
    label = _LABELS.get(key.action, "")
    group = _VIEWED if key.action.startswith("event") else None
    meaning = _MEANINGS.get(key.action, key.meaning)
    is_roomy = key.action in _ROOMY
    return replace(key, label=label, group=group, meaning=meaning, is_roomy=is_roomy)


MORE_SEATS: Final = tuple(
    Binding(str(n + 1), f"seat({n})", show=False, id=f"seat.{n}") for n in range(1, 9)
)
"""The keys of the further seats: the help has one line for all."""

LIVE_KEYS: Final = (*VERB_KEYS, *map(_as_view_key, KEYS))
