"""Why an optimizer made NaN or Inf of finite gradients and finite parameters."""

from dataclasses import replace
from typing import Final

import numpy as np

from graphscope.analysis.evidence.wording import amount, name_value
from graphscope.analysis.why.nonfinite.mechanism import Mechanism, proven
from graphscope.analysis.why.nonfinite.scene import ZERO, Operand, Proof, Scene
from graphscope.model.graph import Role

_DIVIDING: Final = ("Adam", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta")
"""Optimizers that divide by the root of squared gradients, plus eps."""


def explain_update(scene: Scene) -> Mechanism:
    """Say why the update of a birth was not finite."""
    graph = scene.trace.graph
    event = graph.events[graph.slots[scene.birth.slot].event]
    name = event.label or "the update"
    if name.startswith(_DIVIDING) and scene.is_nan:
        return _without_eps(scene, name)
    lr = _learning_rate(scene, event.slots)
    rate = "" if lr is None else f" with lr = {amount(lr)}"
    return Mechanism(
        f"the step of {name} is too large",
        f"{name}{rate} moves it beyond {amount(scene.largest)}, the largest number of "
        f"{scene.dtype}, although its gradient is finite",
        "Use a smaller learning rate, or clip the gradients.",
        () if lr is None else (("lr", lr),),
        is_range=True,
    )


def _without_eps(scene: Scene, name: str) -> Mechanism:
    """Say that NaN of finite numbers is 0/0 in an optimizer that divides."""
    is_half = scene.dtype == "float16"
    lost = ", or rounds to 0 in float16, as the default 1e-8 does" if is_half else ""
    rule = (
        f"{name} divides by √v + eps, with v the mean of the squared gradients, and "
        f"only 0/0 is NaN there: eps is 0{lost}"
    )
    remedy = "Give it an eps above 0: the default is `eps=1e-8`."
    if is_half:
        remedy = "Keep the parameters in float32, or give it `eps=1e-4`."
    proof = _zero_gradient(scene)
    if proof is None:
        return Mechanism(f"0/0 in {name}", rule, remedy)
    return proven(f"0/0 in {name}", rule, proof, remedy)


def _zero_gradient(scene: Scene) -> Proof | None:
    value = scene.birth.value
    if value is None:
        return None
    used = scene.trace.last_seen(value, Role.USED)
    used = used or scene.trace.last_seen(value, Role.AFTER)
    code = f"{name_value(scene.trace, value).strip('`')}.grad"
    gradient = Operand(f"`{code}`", code, used)
    return scene.prove(replace(gradient, value=value), ZERO)


def _learning_rate(scene: Scene, slots: tuple[int, int]) -> float | None:
    for index in range(*slots):
        slot, seen = scene.trace.graph.slots[index], scene.trace.seen(index)
        is_rate = slot.role is Role.HYPER and slot.label.partition("[")[0] == "lr"
        if is_rate and seen is not None and seen.scalar is not None:
            return float(np.real(seen.scalar))
    return None
