"""The one tree of errors that graphscope raises on purpose.

A message has three parts: what happened, where, and what to do next. Everything
below `GraphscopeError` is expected (a bad file, a bad name); the command line turns
it into one line on stderr and exit code 1.
"""

from typing import Any


class GraphscopeError(Exception):
    """Anything that graphscope raises on purpose; the message is for the user."""


class UnknownNameError(GraphscopeError, KeyError):
    """A name that is not in the trace; the message lists the nearest names."""

    def __str__(self) -> str:
        """Return the message itself: `KeyError` would show its repr."""
        return str(self.args[0]) if self.args else ""


class NotRecordedError(GraphscopeError, LookupError):
    """Something that exists but whose numbers were not kept."""


class StepRangeError(GraphscopeError, IndexError):
    """A step or event index outside of the recording."""


class RecordingError(GraphscopeError):
    """A file that is not a readable recording: damaged, newer, or not one at all."""


class ExportError(GraphscopeError):
    """A picture that could not be made or written."""


class CaptureError(GraphscopeError):
    """A trace or recording used in a way that cannot work, such as entered twice."""


class DebuggerError(GraphscopeError):
    """A command, a breakpoint or a condition that the debugger cannot take.

    The message may have several lines: the text with a caret under the mistake.
    """


class FindingError(GraphscopeError):
    """Something suspicious that was found while the training ran.

    Raised for `on_finding="raise"`, in the user's code.

    Args:
        message: The finding in words.
        finding: The `graphscope.model.finding.Finding` itself.
    """

    def __init__(self, message: str, finding: Any) -> None:
        super().__init__(message, finding)
        self.finding = finding

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


class FindingWarning(UserWarning):
    """Something suspicious that was found while the training ran.

    Given for `on_finding="warn"`, at the line that is to blame.

    Args:
        message: The finding in words.
        finding: The `graphscope.model.finding.Finding` itself.
    """

    def __init__(self, message: str, finding: Any) -> None:
        super().__init__(message, finding)
        self.finding = finding

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


def describe_error(error: BaseException) -> str:
    """Write type and message; a message that fails to be made is left out.

    Of a finding it is the title: the recording has the rest.

    >>> describe_error(ValueError("no"))
    'ValueError: no'
    """
    try:
        text = str(error)
        if isinstance(error, FindingError):
            text = text.partition("\n")[0]
    except Exception:  # noqa: BLE001 - a user's exception with a broken __str__
        return type(error).__name__
    return f"{type(error).__name__}: {text}"
