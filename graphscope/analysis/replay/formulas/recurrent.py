"""Formulas of recurrent cells and layers: RNN, LSTM and GRU.

Source: the docstrings of torch.nn.RNN, torch.nn.LSTM and torch.nn.GRU.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Result, Table
from graphscope.analysis.replay.formulas.special import sigmoid
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

State = tuple[Array, ...]
Weights = Sequence[Array]
Cell = Callable[[Array, State, Weights], State]


def _gates(x: Array, hidden: Array, weights: Weights) -> tuple[Array, Array]:
    """Return what the input and what the hidden state add to the gates."""
    first, second = x @ weights[0].T, hidden @ weights[1].T
    if len(weights) > 2:  # noqa: PLR2004 - two matrices, then the two biases
        first, second = first + weights[2], second + weights[3]
    return first, second


def _plain(function: Callable[[Array], Array]) -> Cell:
    def step(x: Array, state: State, weights: Weights) -> State:
        first, second = _gates(x, state[0], weights)
        return (np.asarray(function(first + second)),)

    return step


def _long(x: Array, state: State, weights: Weights) -> State:
    hidden, memory = state
    first, second = _gates(x, hidden, weights)
    take, keep, new, give = np.split(first + second, 4, axis=-1)
    memory = sigmoid(keep) * memory + sigmoid(take) * np.tanh(new)
    return np.asarray(sigmoid(give) * np.tanh(memory)), np.asarray(memory)


def _gated(x: Array, state: State, weights: Weights) -> State:
    first, second = _gates(x, state[0], weights)
    one, two = np.split(first, 3, axis=-1), np.split(second, 3, axis=-1)
    reset, keep = sigmoid(one[0] + two[0]), sigmoid(one[1] + two[1])
    new = np.tanh(one[2] + reset * two[2])
    return (np.asarray(new + keep * (state[0] - new)),)


def _single(cell: Cell, *, is_long: bool = False) -> Formula:
    """Return the formula of one step, such as `torch.lstm_cell`."""

    def compute(given: Given) -> Result:
        hidden = given.bound.get("hx")
        state = given.arrays("hx") if isinstance(hidden, list) else [given.array("hx")]
        names = ("w_ih", "w_hh", "b_ih", "b_hh")
        found = [given.optional(name) for name in names]
        weights = [weight for weight in found if weight is not None]
        after = cell(given.array("input"), tuple(state), weights)
        return after if is_long else after[0]

    return Formula("input hx w_ih w_hh b_ih b_hh", compute)


def _layers(cell: Cell, *, is_long: bool = False) -> Formula:
    """Return the formula of whole sequences through stacked layers."""

    def compute(given: Given) -> Result:
        if given.flag("train") and given.number("dropout", 0.0) > 0:
            raise given.refuse("its dropout is random, and the mask was not recorded")
        x, first = given.array("input"), given.flag("batch_first")
        states = given.arrays("hx") if is_long else [given.array("hx")]
        directions = 2 if given.flag("bidirectional") else 1
        per = 4 if given.flag("has_biases", default=True) else 2
        params = given.arrays("params")
        count = given.whole("num_layers", 1) * directions
        if len(params) != per * count or any(len(s) != count for s in states):
            raise given.refuse("there is no formula for this kind of layer")
        x = np.swapaxes(x, 0, 1) if first else x
        ends: list[State] = []
        for start in range(0, count, directions):
            outs = []
            for index in range(start, start + directions):
                weights = params[per * index : per * index + per]
                state = tuple(s[index] for s in states)
                out, state = _run(cell, x, state, weights, is_back=index > start)
                outs.append(out)
                ends.append(state)
            x = np.concatenate(outs, axis=-1)
        finals = tuple(np.stack(parts) for parts in zip(*ends, strict=True))
        return (np.swapaxes(x, 0, 1) if first else x, *finals)

    return Formula(
        "input hx params has_biases: num_layers: dropout: train: bidirectional: "
        "batch_first:",
        compute,
    )


def _run(
    cell: Cell, x: Array, state: State, weights: Weights, *, is_back: bool
) -> tuple[Array, State]:
    """Return what a layer gives at each time, and its last state."""
    outs = []
    for item in x[::-1] if is_back else x:
        state = cell(item, state, weights)
        outs.append(state[0])
    return np.stack(outs[::-1] if is_back else outs), state


def _positive(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0.0))


RECURRENT: Final[Table] = {
    "rnn_tanh_cell": _single(_plain(np.tanh)),
    "rnn_relu_cell": _single(_plain(_positive)),
    "lstm_cell": _single(_long, is_long=True),
    "gru_cell": _single(_gated),
    "rnn_tanh": _layers(_plain(np.tanh)),
    "rnn_relu": _layers(_plain(_positive)),
    "lstm": _layers(_long, is_long=True),
    "gru": _layers(_gated),
}
