"""The kinds of findings there are, one line each: what `check` may find.

Separate from the checks, so that programs and people can ask for a kind before anything
is found. A kind is stable: scripts name it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "argmax-on-column": "argmax over an axis with one entry: it always is 0",
    "broadcast-loss": "a loss that compares every prediction with every target",
    "clipped-to-nothing": "gradients clipped so far that an update changes nothing",
    "dead-relu": "units whose ReLU is 0 for all data, in every step",
    "eval-mode-training": "a model trained on in evaluation mode",
    "exploding-grad": "a gradient that grows from layer to layer beyond all use",
    "fp16-overflow": "a number beyond 65,504, the largest of float16, and its layer",
    "frozen-update": "parameters that an optimizer trains were frozen on the way",
    "huge-update": "an update that is larger than the parameter it changes",
    "inf": "the first Inf that reaches a loss, a gradient or a parameter",
    "inplace-modified": "a tensor changed in place before its gradient was computed",
    "kept-graph": "graphs of earlier steps that something keeps alive",
    "labels-out-of-range": "class labels that the model has no output for",
    "learning-rate-too-large": "updates that go too far: the loss explodes",
    "log-softmax-twice": "log_softmax in front of a loss that applies it itself",
    "mismatch": "a call whose tensors do not fit in shape, dtype or device",
    "missing-zero-grad": "gradients of the step before, added up and used again",
    "nan": "the first NaN that reaches a loss, a gradient or a parameter",
    "nan-input": "data that are NaN before the model sees them",
    "nll-of-probabilities": "nll_loss of probabilities instead of their logarithms",
    "no-graph": "a backward of something that has no history to go through",
    "none-grad": "a gradient that is None where one was wanted, and why",
    "not-scalar": "a backward from more than one number",
    "not-updated": "parameters with a gradient that no optimizer holds",
    "one-sample-batch-norm": "batch normalisation of a batch with one sample",
    "repeated-backward": "the gradient of one loss, added up twice before an update",
    "repeated-parameter": "a parameter that an optimizer holds and moves twice",
    "replaced-parameter": "an optimizer that trains parameters which are no more used",
    "saturated-sigmoid": "a sigmoid that is exactly 0 or 1 in front of a loss",
    "second-backward": "a backward through a graph that is freed already",
    "sigmoid-twice": "sigmoid in front of a loss that applies it itself",
    "softmax-twice": "softmax in front of a loss that applies it itself",
    "summed-loss": "a sum over the samples, with a learning rate for their mean",
    "swapped-arguments": "target and prediction of a loss exchanged",
    "tiny-update": "updates too small to change the parameters",
    "train-mode-evaluation": "dropout or batch normalisation on in an evaluation",
    "undivided-accumulation": "gradients of several batches, added up, not averaged",
    "vanishing-grad": "a gradient that is next to nothing at the first layers",
    "zero-feature": "an input that is 0 in all data, so its weights cannot learn",
    "zero-grad": "a gradient that is 0, in every step, for a reason that stays",
    "zero-lr": "a learning rate of 0",
}
"""Kind -> what it is, without a full stop."""

ANSWERS: Final = frozenset({"finite", "flow", "size", "updated", "zero"})
"""Kinds of what `why` answers where nothing is wrong; no check finds them."""


FAMILIES: Final[Mapping[str, frozenset[str]]] = {
    "nan": frozenset({"fp16-overflow", "inf", "nan", "nan-input"})
}
"""Name -> the kinds of one question: who fears a NaN fears the Inf before it too."""


def covered_kinds(asked: str) -> tuple[str, ...]:
    """Return the kinds that a name stands for: its own, and all that begin with it.

    `nan` stands for all numbers that are not finite. Nothing for a name of no kind.
    `_` and `-` are the same.

    >>> covered_kinds("dead_relu"), covered_kinds("dead"), covered_kinds("de")
    (('dead-relu',), ('dead-relu',), ())
    >>> covered_kinds("nan")
    ('fp16-overflow', 'inf', 'nan', 'nan-input')
    """
    name = asked.strip().lower().replace("_", "-")
    family = FAMILIES.get(name, frozenset())
    return tuple(
        kind
        for kind in KINDS
        if name and (kind == name or kind in family or kind.startswith(f"{name}-"))
    )


def kind_lines(kinds: Iterable[str] = KINDS) -> list[str]:
    """Return a table of kinds and what they are.

    >>> kind_lines(["nan-input", "dead-relu"])[1]
    'nan-input  data that are NaN before the model sees them'
    """
    names = sorted(kinds)
    width = max(map(len, names), default=0)
    return [f"{name:{width}}  {KINDS[name]}" for name in names]
