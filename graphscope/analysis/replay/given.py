"""What a formula is given: the arguments of one op by torch's names for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

from graphscope.analysis.replay.literals import Unknown
from graphscope.analysis.replay.refusal import RefusalError, operator_of, place_of
from graphscope.model.graph import Op, Value
from graphscope.model.observation import Array

MAX_SIZE: Final = 1 << 20
"""Elements of the largest array that is computed again."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An argument that is a tensor or a drawn constant: the id of its value."""

    value: int


Bound = Mapping[str, object]
Reader = Callable[[int], Array]
Inner = Callable[[int, str, Array], Array]


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of one op at one moment.

    Attributes:
        op: The op.
        bound: Parameter name -> `Ref`, plain Python value, `Unknown`, or a list.
        read: Returns the numbers of a value, floats as float64.
        results: The values that the formula computes, as they were recorded.
        inner: Rounds a number that is no result, but that torch has in between.
    """

    op: Op
    bound: Bound
    read: Reader
    results: tuple[Value, ...]
    inner: Inner | None = None

    def rounded(self, name: str, numbers: Array) -> Array:
        """Return numbers in between as torch may have rounded their derivative.

        For where derivatives cancel inside of one op, as in `x - x.mean()`: there
        rounding is large beside what is left.
        """
        return numbers if self.inner is None else self.inner(self.op.id, name, numbers)

    def array(self, name: str) -> Array:
        """Return a tensor argument, or a number as an array of shape `()`.

        Raises:
            RefusalError: It was not recorded.
        """
        found = self.optional(name)
        if found is None:
            raise self._missing(name)
        return found

    def optional(self, name: str) -> Array | None:
        """Return a tensor argument, None where the op has none of that name."""
        found = self.bound.get(name)
        return None if found is None else self._as_array(name, found)

    def arrays(self, name: str) -> list[Array]:
        """Return a list of tensors, given as one list or one by one."""
        found = self.bound.get(name)
        if not isinstance(found, list | tuple):
            raise self._missing(name)
        items = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        return [self._as_array(name, item) for item in items]

    def _as_array(self, name: str, found: object) -> Array:
        if isinstance(found, Ref):
            return self.read(found.value)
        if isinstance(found, Unknown):
            raise self._unknown(name, found)
        if isinstance(found, int | float | complex):
            return np.asarray(found)
        raise self._missing(name)

    def plain(self, name: str, default: object = None) -> Any:
        """Return an argument that is no tensor, `default` where it was not given.

        Raises:
            RefusalError: It was a variable, whose value was not recorded.
        """
        found = self.bound.get(name, default)
        if isinstance(found, Ref):
            number: Any = self.read(found.value).item()
            return number
        self._require_known(name, found)
        return found

    def _require_known(self, name: str, found: object) -> None:
        if isinstance(found, Unknown):
            raise self._unknown(name, found)
        if isinstance(found, list | tuple):
            for item in found:
                self._require_known(name, item)

    def number(self, name: str, default: float) -> float:
        """Return a Python number."""
        found = self.plain(name, default)
        return default if found is None else float(found)

    def whole(self, name: str, default: int) -> int:
        """Return a whole number."""
        found = self.plain(name, default)
        return default if found is None else int(found)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value."""
        return bool(self.plain(name, default))

    def wholes(self, name: str) -> tuple[int, ...] | None:
        """Return whole numbers, given as one sequence or one by one; None for none."""
        found = self.plain(name)
        if found is None:
            return None
        if not isinstance(found, list | tuple):
            return (int(found),)
        if len(found) == 1 and isinstance(found[0], list | tuple):
            found = found[0]
        return tuple(int(item) for item in found)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first result, as it was recorded."""
        return self.results[0].shape

    def refuse(self, why: str) -> RefusalError:
        """Return the error that says why this op is not computed."""
        return RefusalError(f"{operator_of(self.op)}{place_of(self.op)}: {why}")

    def _missing(self, name: str) -> RefusalError:
        return self.refuse(f"its argument {name} was not recorded")

    def _unknown(self, name: str, found: Unknown) -> RefusalError:
        text = found.text if len(found.text) <= 40 else found.text[:39] + "…"  # noqa: PLR2004
        shown = name if text == name or not text else f"{name}={text}"
        return self.refuse(f"the value of its argument {shown} was not recorded")

    def require_size(self, shape: Sequence[int]) -> None:
        """Refuse to make an array that no recorded op can have made."""
        if prod(shape) > MAX_SIZE:
            raise self.refuse("it would make an array of too many elements")
