"""The questions that the application asks: for a step, and for a file to write."""

from collections.abc import Sequence

from graphscope.errors import GraphscopeError
from graphscope.tui.dialogs import Question
from graphscope.tui.export import check_target
from graphscope.tui.feed import check_step, span_of


def ask_for_step(numbers: Sequence[int], current: int) -> Question:
    """Ask for the number of a step; takes only one that there is."""

    def check(text: str) -> str:
        try:
            check_step(int(text), numbers)
        except ValueError:
            return "Write the number of a step."
        except GraphscopeError as error:
            return str(error)
        return ""

    hint = span_of(numbers) if numbers else "The recording has no steps."
    return Question("go to step", default=str(current), hint=hint, check=check)


def ask_for_file(step: int) -> Question:
    """Ask where to write the picture of a step."""
    return Question(
        "export this step as",
        default=f"step-{step}.svg",
        hint="The suffix decides: .svg .png .pdf .html .dot .mmd .graphml .json .txt",
        check=check_target(),
    )
