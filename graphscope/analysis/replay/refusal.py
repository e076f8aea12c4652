"""Why something cannot be computed again: one sentence, raised where it is noticed."""

from graphscope.model.graph import Op
from graphscope.model.numbers import format_number
from graphscope.model.observation import Array
from graphscope.model.trace import Trace


class RefusalError(Exception):
    """Carries the sentence that the caller hands on; it never leaves this package."""

    @property
    def reason(self) -> str:
        """The sentence, without a full stop."""
        return str(self.args[0])


def place_of(op: Op) -> str:
    """Return where an op ran, ready to follow its name: ` at model.py:12`."""
    return f" at {op.site.short}" if op.site is not None else ""


def operator_of(op: Op) -> str:
    """Return the operator's name without the underscore of an in-place variant."""
    return op.name.rstrip("_") or op.name


def element_text(
    trace: Trace, value: int, index: tuple[int, ...], number: complex
) -> str:
    """Write one element of a value: `z is 0`, `h[0, 3] is 0`."""
    title = trace.title_of(value)
    if trace.graph.values[value].shape and index_matters(trace, value):
        plain = title.replace(".", "").replace("_", "").isalnum()
        place = ", ".join(map(str, index))
        title = f"{title}[{place}]" if plain else f"({title})[{place}]"
    return f"{title} is {format_number(number)}"


def index_matters(trace: Trace, value: int) -> bool:
    """Whether a value has more than one element."""
    size = 1
    for length in trace.graph.values[value].shape:
        size *= length
    return size > 1


def first_index(mask: Array) -> tuple[int, ...]:
    """Return the index of the first element of `mask` that is true.

    >>> import numpy as np
    >>> first_index(np.array([[False, False], [True, True]]))
    (1, 0)
    """
    flat = int(mask.ravel().argmax())
    index: list[int] = []
    for length in reversed(mask.shape):
        flat, position = divmod(flat, length)
        index.insert(0, position)
    return tuple(index)
