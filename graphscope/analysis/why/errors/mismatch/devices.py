"""Devices: tensors that lie in different memories."""

from typing import Final

from graphscope.analysis.evidence.wording import begin
from graphscope.analysis.why.errors.mismatch.call import Misfit, RaisedCall
from graphscope.model.graph import Value, ValueKind

_WORD: Final = "device"
_PAIR: Final = 2


def explain_device(call: RaisedCall) -> Misfit | None:
    """Explain which tensor lies on another device than the rest."""
    tensors = call.tensors
    devices = {value.device for value in tensors if value.shape}
    if _WORD not in call.error or len(devices) < _PAIR:
        return None
    learned = [v for v in tensors if v.kind is ValueKind.PARAMETER]
    given = [v for v in tensors if v.kind is not ValueKind.PARAMETER and v.shape]
    if learned and given and call.layer:
        return _tell_layer(call, given[0], learned[0])
    home = (learned or [v for v in tensors if v.shape])[0]
    odd = next(v for v in tensors if v.shape and v.device != home.device)
    return _tell(call, odd, home)


def _tell_layer(call: RaisedCall, given: Value, weight: Value) -> Misfit:
    name = call.called(given)
    data = call.code(given, f'.to("{weight.device}")') or f'`.to("{weight.device}")`'
    return Misfit(
        title=f"{begin(name)} is on {given.device}, and {call.layer} on "
        f"{weight.device}",
        reason=(
            f"An op computes with memory of one device; {name} lies on {given.device}, "
            f"and the weight {call.called(weight)} of {call.layer} on {weight.device}."
        ),
        remedy=(
            f'Move the model to the data, with `.to("{given.device}")`, or the data to '
            f"the model: {data}."
        ),
        values=(given.id, weight.id),
    )


def _tell(call: RaisedCall, odd: Value, home: Value) -> Misfit:
    name, other = call.called(odd), call.called(home)
    where = call.code(home, ".device").strip("`")
    target = where or f'"{home.device}"'
    code = call.code(odd, f".to({target})") or f"`.to({target})`"
    return Misfit(
        title=f"{begin(name)} is on {odd.device}, and {other} on {home.device}",
        reason=(
            f"An op computes with memory of one device; {name} lies on {odd.device}, "
            f"and {other} on {home.device}."
        ),
        remedy=f"Move one to the other: {code}.",
        values=(odd.id, home.id),
    )
