"""The script of an optimizer's step that makes NaN of a finite gradient."""

from typing import Final

import numpy as np

from graphscope.analysis.why.nonfinite.flow import Birth
from graphscope.analysis.why.nonfinite.script.writing import (
    Names,
    not_recorded,
    tensor_text,
)
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Role
from graphscope.model.trace import Trace

_DIVIDING: Final = frozenset({"Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad"})
_OPTIMIZERS: Final = _DIVIDING | {"SGD", "Adadelta", "Adamax", "ASGD", "Rprop"}
_PLAIN: Final = ("lr", "eps", "weight_decay", "momentum")


def update_lines(trace: Trace, birth: Birth) -> list[str]:
    """Write the step of an optimizer that has no state yet.

    Raises:
        NotRecordedError: It is no optimizer of torch's, or the numbers are not known.
    """
    graph = trace.graph
    event = graph.events[graph.slots[birth.slot].event]
    if event.label not in _OPTIMIZERS or birth.value is None:
        raise NotRecordedError(
            f"No script can show the step of {event.label or 'this update'} again: it "
            "is no optimizer of torch's. Reproduce it in your own code."
        )
    value = graph.values[birth.value]
    before = trace.value_of(birth.value)
    used = trace.last_seen(birth.value, Role.USED)
    used = used or trace.last_seen(birth.value, Role.AFTER)
    if before is None or before.data is None:
        raise not_recorded(trace, value)
    if used is None or used.data is None:
        raise not_recorded(trace, value, "gradient")
    name = Names().of(value)
    options = _options(trace, event.slots, event.label)
    return [
        f"{name} = {tensor_text(before.data, value.dtype, requires_grad=True)}",
        f"{name}.grad = {tensor_text(used.data, value.dtype)}",
        f"optimizer = torch.optim.{event.label}([{name}], {options})",
        "optimizer.step()",
        f'print("{name} =", {name})',
        f"assert not torch.isfinite({name}).all()",
    ]


def _options(trace: Trace, slots: tuple[int, int], label: str) -> str:
    found: dict[str, float] = {}
    for index in range(*slots):
        slot, seen = trace.graph.slots[index], trace.seen(index)
        name = slot.label.partition("[")[0]
        is_plain = slot.role is Role.HYPER and name in _PLAIN
        if is_plain and seen is not None and seen.scalar is not None:
            found[name] = float(np.real(seen.scalar))
    if label in _DIVIDING:
        found.setdefault("eps", 0.0)  # only 0/0 can be NaN there
    return ", ".join(f"{name}={number!r}" for name, number in found.items())
