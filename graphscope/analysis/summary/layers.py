"""Which calls of a step are layers, and which parameters each of them stands for."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from graphscope.model.calls import ModuleCall

_PART: Final = "parametrizations"
_LOSS: Final = "Loss"


@dataclass(frozen=True, slots=True)
class Layer:
    """A call that gets a row.

    Attributes:
        call: The call.
        owned: Positions of the parameters that it stands for.
    """

    call: ModuleCall
    owned: tuple[int, ...]


@dataclass(frozen=True)
class CallTree:
    """The calls of a step by what they were made in.

    What computes a parameter from others (`torch.nn.utils.parametrize`) is a part of
    the layer that owns it.
    """

    calls: Sequence[ModuleCall]

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """For each call the outermost one around it."""
        found: list[int] = []
        for place, call in enumerate(self.calls):
            found.append(place if call.parent is None else found[call.parent])
        return tuple(found)

    @cached_property
    def homes(self) -> tuple[int, ...]:
        """For each call the layer that it is a part of, in general itself."""
        found: list[int] = []
        for place, call in enumerate(self.calls):
            is_part = _PART in call.path.split(".") and call.parent is not None
            found.append(found[call.parent or 0] if is_part else place)
        return tuple(found)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """For each call the last one inside of it."""
        found = list(range(len(self.calls)))
        for place in reversed(found.copy()):
            parent = self.calls[place].parent
            if parent is not None:
                found[parent] = max(found[parent], found[place])
        return tuple(found)

    @cached_property
    def containers(self) -> frozenset[int]:
        """The calls that called others."""
        return frozenset(
            self.homes[call.parent]
            for place, call in enumerate(self.calls)
            if call.parent is not None and self.homes[place] == place
        )

    @cached_property
    def owned(self) -> Mapping[int, tuple[int, ...]]:
        """The parameters that each call stands for.

        For a container these are the ones that no layer has.
        """
        found: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for place, call in enumerate(self.calls):
            found[self.homes[place]].update(dict.fromkeys(call.parameters))
        taken = {
            parameter
            for place, parameters in found.items()
            if place not in self.containers
            for parameter in parameters
        }
        return {
            place: tuple(p for p in parameters if p not in taken)
            if place in self.containers
            else tuple(parameters)
            for place, parameters in found.items()
        }

    def layers_of(self, root: int) -> Iterator[Layer]:
        """Yield the layers inside of an outermost call, in the order of returning."""
        inside = [p for p, found in enumerate(self.roots) if found == root]
        for place in sorted(inside, key=lambda p: (self.ends[p], -p)):
            is_part = self.homes[place] != place
            owned = self.owned.get(place, ())
            if not is_part and (owned or place not in self.containers):
                yield Layer(self.calls[place], owned)

    def models(self) -> dict[int, int]:
        """Return the outermost calls to describe, and how often each was made.

        Of several calls of one module it is the first that returned.
        """
        found: dict[tuple[str, str], list[int]] = {}
        for place, call in enumerate(self.calls):
            if call.parent is None:
                found.setdefault((call.path, call.class_name), []).append(place)
        models: dict[int, int] = {}
        for places in found.values():
            returned = [p for p in places if self.calls[p].outputs]
            first = (returned or places)[0]
            if not self._is_loss(first):
                models[first] = len(places)
        return models

    def _is_loss(self, root: int) -> bool:
        """Whether a call made the number that training starts backward from."""
        call = self.calls[root]
        if any(self.calls[p].parameters for p in range(root, self.ends[root] + 1)):
            return False
        is_number = bool(call.outputs) and all(not t.shape for t in call.outputs)
        return is_number or call.class_name.endswith(_LOSS)
