"""Which line of the user's made a tensor require a gradient, or stop to.

Neither autograd nor the tensor remembers it. Asked when a value or a parameter is
written down, so it has to be known by then, also of tensors that no op has used yet.
"""

import weakref
from dataclasses import dataclass
from typing import Final

import torch

from graphscope.model.site import Site

_FIRST_SWEEP: Final = 256


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a tensor was set to, and by which line.

    `reference` is weak, and None for parameters: a weak reference makes `module.to()`
    fail where it swaps tensors. They are recognised by the address of their numbers.
    """

    reference: "weakref.ref[torch.Tensor] | None"
    address: int
    requires_grad: bool
    site: Site


class Setters:
    """Remembers it for one recorder, by the Python id of the tensor."""

    def __init__(self) -> None:
        self._settings: dict[int, _Setting] = {}
        self._sweep_at = _FIRST_SWEEP

    def note(self, tensor: torch.Tensor, address: int, site: Site) -> bool:
        """Note that `site` has set `tensor.requires_grad`; say whether that is news.

        To set what it was already changes nothing: the line that did stays to blame.
        """
        wants = tensor.requires_grad
        known = self._setting_of(tensor, address)
        if known is not None and known.requires_grad is wants:
            return False
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        reference = None if is_parameter else weakref.ref(tensor)
        self._settings[id(tensor)] = _Setting(reference, address, wants, site)
        if len(self._settings) > self._sweep_at:
            self._sweep()
        return True

    def site_of(self, tensor: torch.Tensor, address: int) -> Site | None:
        """Return the line that made `tensor.requires_grad` what it is."""
        known = self._setting_of(tensor, address)
        if known is None or known.requires_grad is not tensor.requires_grad:
            return None
        return known.site

    def __bool__(self) -> bool:
        """Whether anything was set while it was recorded: most often nothing was."""
        return bool(self._settings)

    def clear(self) -> None:
        """Forget every tensor."""
        self._settings.clear()

    def _setting_of(self, tensor: torch.Tensor, address: int) -> _Setting | None:
        known = self._settings.get(id(tensor))
        if known is None:
            return None
        if known.reference is not None:
            return known if known.reference() is tensor else None
        is_it = isinstance(tensor, torch.nn.Parameter) and known.address == address
        return known if is_it else None

    def _sweep(self) -> None:
        """Forget tensors that are gone; as often as there are twice as many again."""
        self._settings = {
            key: one
            for key, one in self._settings.items()
            if one.reference is None or one.reference() is not None
        }
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._settings))
