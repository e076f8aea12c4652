"""The footer, which leaves out the least needed keys where there is little room."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.widgets import Footer


class KeyFooter(Footer):
    """Shows the keys; those of some actions only on a wide screen.

    Args:
        roomy: The actions whose keys a narrow screen leaves out.
    """

    def __init__(self, roomy: Iterable[str]) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._roomy = frozenset(roomy)

    def compose(self) -> ComposeResult:
        """Make the widgets of the keys; the stylesheet hides those that are roomy."""
        for widget in super().compose():
            if getattr(widget, "action", None) in self._roomy:
                widget.add_class("-roomy")
            yield widget
