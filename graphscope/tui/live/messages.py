"""What the live UI's threads report to it."""

from textual.message import Message


class NewsCame(Message):
    """Something has come from a process; the switchboard has it."""
