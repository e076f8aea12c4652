"""Layers that look at what they are given before they compute, and refuse it.

Recurrent layers and normalisations check the number of axes and the sizes in Python.
No op of theirs has run: what raised is the call of the layer, and its message has the
sizes that were expected.
"""

import ast
import re
from collections.abc import Sequence
from typing import Final

from graphscope.analysis.evidence.wording import begin, listing
from graphscope.analysis.why.errors.mismatch.call import Misfit, RaisedCall, sizes
from graphscope.model.graph import Value

_ROWS: Final = re.compile(
    r"must be equal to input_size. Expected (?P<rnn>\d+)"
    r"|inconsistent input_size: got \d+,? expected (?P<cell>\d+)"
    r"|expecting embedding dimension of (?P<attention>\d+)"
)
_STATE: Final = re.compile(
    r"Expected hidden(?:\[(?P<which>[01])\])? size (?P<due>\([\d, ]+\)), "
    r"got (?P<got>\[[\d, ]+\])"
)
_AXES: Final = re.compile(
    r"[Ee]xpected (?:input to be )?(?:at least )?(?P<due>\d)D(?: or (?P<more>\d)D)?"
    r"(?: input \(got|, got) (?P<got>\d)D"
)
_NORM: Final = re.compile(r"(?P<base>\w*Norm)(?P<axes>[123])d$")
_STATE_AXES: Final = ("layers (times directions)", "samples", "features")
_CHECKING: Final = frozenset(
    {"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}
    | {"multi_head_attention_forward"}
)
"""Functions that a layer hands all on to, and which check it in its place."""
_IMAGES: Final = 4


def explain_module(call: RaisedCall) -> Misfit | None:
    """Explain what a layer refused: rows, axes or a state of other sizes."""
    if not call.is_module and call.name not in _CHECKING:
        return None
    return _explain_rows(call) or _explain_state(call) or _explain_axes(call)


def _explain_rows(call: RaisedCall) -> Misfit | None:
    found = _ROWS.search(call.error)
    if found is None:
        return None
    due = int(next(number for number in found.groups() if number))
    given = call.tensors[0]
    got, name = given.shape[-1], call.called(given)
    return Misfit(
        title=f"{begin(name)} has rows of {got}, and {call.taker} takes {due}",
        reason=(
            f"{begin(call.taker)} takes {due} features of each sample and time; the "
            f"last axis of {name} {sizes(given)} has {got}."
        ),
        remedy=_row_remedy(call, given, due),
        values=(given.id,),
    )


def _row_remedy(call: RaisedCall, given: Value, due: int) -> str:
    shape, last = given.shape, len(given.shape) - 1
    same = [axis for axis in range(last) if shape[axis] == due]
    if len(same) == 1:
        turn = f".transpose({same[0]}, {last})"
        fresh = list(shape)
        fresh[same[0]], fresh[last] = fresh[last], fresh[same[0]]
        code = call.code(given, turn) or f"`{turn}`"
        return f"Its axis {same[0]} has {due}: {code} is {fresh}."
    new = f"`{call.constructor}({shape[-1]}, …)`"
    made = f"Make {call.taker} with {new}, or give" if call.layer else "Give"
    return f"{made} it rows of {due} numbers."


def _explain_state(call: RaisedCall) -> Misfit | None:
    found = _STATE.search(call.error)
    if found is None:
        return None
    due, got = _read_sizes(found["due"]), _read_sizes(found["got"])
    states = [v for v in call.tensors[1:] if v.shape == got]
    if not states:
        return None
    which = int(found["which"] or 0)
    given = call.tensors[0]
    state = states[which] if len(states) > which else states[0]
    name = call.called(state)
    wrong = [
        f"{_STATE_AXES[axis]}: {one} in place of {other}"
        for axis, (one, other) in enumerate(zip(got, due, strict=True))
        if one != other and len(due) == len(_STATE_AXES)
    ]
    differs = f" {begin(listing(wrong))}." if wrong else ""
    return Misfit(
        title=f"The state {name} is {list(got)}, and {call.taker} takes {list(due)}",
        reason=(
            f"For {call.called(given)} {sizes(given)} {call.taker} takes a state "
            f"{list(due)}, also where `batch_first=True`; {name} is {list(got)}."
            f"{differs}"
        ),
        remedy=_state_remedy(call, given, due, got),
        values=(given.id, state.id),
    )


def _read_sizes(text: str) -> tuple[int, ...]:
    return tuple(ast.literal_eval(text))


def _state_remedy(
    call: RaisedCall, given: Value, due: Sequence[int], got: Sequence[int]
) -> str:
    shape = given.shape
    is_turned = len(shape) == len(due) and got[1:2] and got[1] in shape[:2]
    if is_turned and got[0] == due[0] and got[2:] == due[2:] and got[1] != due[1]:
        return (
            f"Make the state with `torch.zeros({', '.join(map(str, due))})`; or, if "
            f"the {got[1]} of {call.called(given)} are the samples, change "
            f"`batch_first` of {call.taker}."
        )
    made = f"Make the state with `torch.zeros({', '.join(map(str, due))})`"
    if len(due) == len(_STATE_AXES) and got[1] > due[1]:
        return f"{made}; or, if it is the last batch, leave that out: `drop_last=True`."
    return f"{made}."


def _explain_axes(call: RaisedCall) -> Misfit | None:
    found = _AXES.search(call.error)
    if found is None:
        return None
    given = call.tensors[0]
    name, got = call.called(given), len(given.shape)
    due = " or ".join(n for n in (found["due"], found["more"]) if n)
    if got != int(found["got"]):
        return None
    return Misfit(
        title=f"{begin(name)} {sizes(given)} has {_axes(got)}, and {call.taker} takes "
        f"{due}",
        reason=(
            f"{begin(call.taker)} (`{call.constructor}`) takes {due} axes; {name} "
            f"{sizes(given)} has {got}."
        ),
        remedy=_axes_remedy(call, given),
        values=(given.id,),
    )


def _axes_remedy(call: RaisedCall, given: Value) -> str:
    shape, norm = given.shape, _NORM.match(call.name)
    if norm is not None and len(shape) > 1:
        axes = max(len(shape) - 2, 1)
        other = f"`nn.{norm['base']}{axes}d`"
        return f"Make {call.taker} with {other}, which is for such tensors."
    if norm is not None:
        code = call.code(given, ".unsqueeze(0)") or "`.unsqueeze(0)`"
        return f"Give it a batch of such: {code} is {[1, *shape]}."
    if call.name.endswith("Cell"):
        code = call.code(given, "[t]") or "`x[t]`"
        return f"Call it once for each time step, as of {code} where time is first."
    if len(shape) == _IMAGES and shape[1] == 1:
        code = call.code(given, ".squeeze(1)") or "`.squeeze(1)`"
        return f"Take the axis of size 1 out: {code} is {[shape[0], *shape[2:]]}."
    if len(shape) == _IMAGES:
        code = call.code(given, ".flatten(2)") or "`.flatten(2)`"
        flat = [*shape[:2], shape[2] * shape[3]]
        return (
            f"Make one axis of those that are features: {code} is {flat}, if it is "
            "the last two."
        )
    return "Give it the axes of samples, time and features, and no others."


def _axes(number: int) -> str:
    return "1 axis" if number == 1 else f"{number} axes"
