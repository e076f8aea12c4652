"""What follows when the user's code sets `requires_grad` or `data` of a tensor.

Separate from `setters`, which only remembers the line: here the values change that were
written down before it, as a value either requires a gradient or does not.
"""

import torch

from graphscope.capture.frames import FrameWalker, Owner
from graphscope.capture.identity import TensorTable
from graphscope.capture.journal import Journal
from graphscope.capture.likeness import is_like
from graphscope.capture.records import RawValue
from graphscope.capture.sites import SiteFinder


class SettingWatch:
    """Writes down that a leaf requires a gradient from now on, or none any more."""

    def __init__(
        self,
        table: TensorTable,
        journal: Journal,
        finder: tuple[FrameWalker, SiteFinder],
    ) -> None:
        self._table = table
        self._journal = journal
        self._walker, self._sites = finder

    def note(self, tensor: torch.Tensor) -> None:
        """Note that `tensor.requires_grad` was set, by the line that runs."""
        frame, crossed = self._walker.find_user_frame()
        if frame is not None and Owner.INIT not in crossed:
            is_news = self._table.note_setter(tensor, self._sites.find(frame)[1])
            if is_news and isinstance(tensor, torch.nn.Parameter):
                self._journal.leave()  # the module that owns it shows it, read or not
        value = self._table.find(tensor)
        if (
            value is None
            or value.requires_grad is tensor.requires_grad
            or value.step != self._table.step  # it gets another at its next use anyway
        ):
            return
        if tensor.requires_grad and tensor.is_leaf and self._is_unused(value):
            self._promote(tensor, value)
        else:
            self._renew(tensor, value)

    def note_data(self, tensor: torch.Tensor) -> None:
        """Note that a tensor was given other memory: of another dtype, perhaps.

        `model.to(torch.bfloat16)` reads each parameter before.
        """
        value = self._table.find(tensor)
        if (
            value is None
            or value.step != self._table.step
            or (value.requires_grad and not value.is_leaf)
            or is_like(value, tensor)
        ):
            return
        self._renew(tensor, value).seen = self._table.read(tensor)

    def _is_unused(self, value: RawValue) -> bool:
        """Whether nothing has read a value since the op that made it."""
        if value.op is None:
            return False  # it is known because something has read it
        for event in reversed(self._journal.events):
            if event.op is value.op:
                return True
            if event.op and any(v is value for _, v, _ in event.op.arguments):
                return False
        return False

    def _promote(self, tensor: torch.Tensor, value: RawValue) -> None:
        """Let the value itself be a parameter: `torch.ones(3).requires_grad_()`."""
        fresh = self._table.make_value(tensor, site=value.site)
        if fresh.node is not None:
            fresh.node.leaf = value
        for name in ("requires_grad", "kind", "node", "set_by"):
            self._table.change(value, name, getattr(fresh, name))
        self._table.bind(tensor, value)

    def _renew(self, tensor: torch.Tensor, value: RawValue) -> RawValue:
        """Let what uses the tensor from now on use another value.

        What used it so far has, or has not, a gradient, and goes on to.
        """
        fresh = self._table.make_value(tensor, site=value.site)
        fresh.name, fresh.also, fresh.seen = value.name, value.also, value.seen
        self._table.bind(tensor, fresh)
        return fresh
