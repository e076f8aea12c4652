"""From hooks to the watch: what the user's graphs hold of us.

The user may keep a graph, and with it our hooks, for as long as they like. Hooks hold a
number and a channel, never a tensor or a node; the channel is cut at the end.
"""

from collections.abc import Callable, Sequence

import torch

Tensors = Sequence[torch.Tensor | None]
After = Callable[[int, Tensors, Tensors], None]
Before = Callable[[int, str, Tensors], None]
Ahead = Callable[[int, Tensors], None]


class Channel:
    """Leads from hooks to the watch; cut when the recording ends."""

    __slots__ = ("after", "ahead", "before")

    def __init__(self, after: After, before: Before, ahead: Ahead) -> None:
        self.after: After | None = after
        self.before: Before | None = before
        self.ahead: Ahead | None = ahead

    def cut(self) -> None:
        """Tell nobody any more."""
        self.after = self.before = self.ahead = None


class AfterHook:
    """The hook after one autograd node. Returns None: no gradient is changed."""

    __slots__ = ("_channel", "_serial")

    def __init__(self, channel: Channel, serial: int) -> None:
        self._channel = channel
        self._serial = serial

    def __call__(self, grad_inputs: Tensors, grad_outputs: Tensors) -> None:
        """Tell of what the node received and sent."""
        tell = self._channel.after
        if tell is not None:
            tell(self._serial, grad_outputs, grad_inputs)


class BeforeHook:
    """The hook before one autograd node. Returns None likewise."""

    __slots__ = ("_channel", "_name", "_serial")

    def __init__(self, channel: Channel, serial: int, name: str) -> None:
        self._channel = channel
        self._serial = serial
        self._name = name

    def __call__(self, grad_outputs: Tensors) -> None:
        """Tell of what the node is about to receive."""
        tell = self._channel.before
        if tell is not None:
            tell(self._serial, self._name, grad_outputs)


class AheadHook:
    """The hook before one autograd node, for a gate. Returns None likewise."""

    __slots__ = ("_channel", "_serial")

    def __init__(self, channel: Channel, serial: int) -> None:
        self._channel = channel
        self._serial = serial

    def __call__(self, grad_outputs: Tensors) -> None:
        """Tell of what the node is about to receive."""
        tell = self._channel.ahead
        if tell is not None:
            tell(self._serial, grad_outputs)
