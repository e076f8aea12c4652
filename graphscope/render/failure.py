"""What goes wrong inside an engine, and the one line that is said about it."""

import sys


class EngineError(Exception):
    """An engine that failed or ran out of time; the message says why, in a few words.

    It never reaches the user as an exception: the next engine takes over.
    """


def tell(text: str) -> None:
    """Write one line to stderr: talk, never data."""
    if sys.stderr is not None:  # `pythonw` has none
        sys.stderr.write(f"graphscope: {' '.join(text.split())}\n")
