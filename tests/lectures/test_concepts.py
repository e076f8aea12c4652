"""Each of the 56 concepts of the lectures is visible: where, in which output, how.

One line for each way in which a concept shows: the concept, the example, the output
format (`tests/lectures/showing.py`), and the text that shows it.
"""

from dataclasses import dataclass

import pytest

from tests.lectures.showing import FORMATS, step


@dataclass(frozen=True)
class Sight:
    """One place where a concept can be seen."""

    concept: int
    example: str
    output: str
    text: str
    step: int = 0


CONCEPTS = {
    1: "a computation is a graph of variables and operations",
    2: "leaf, non-leaf, constant",
    3: "grad_fn of each result",
    4: "constants are drawn, but are no autograd nodes",
    5: "the gradient of the output with respect to x at a point",
    6: "local derivatives are multiplied along a path",
    7: "forward and backward propagation are two passes",
    8: "input, label, parameters, output; the loss outside",
    9: "the five numbered steps",
    10: "gradient slots: None, 0, a value",
    11: "where zero_grad stands: first, in between, last",
    12: "gradients accumulate over backward calls",
    13: "clearing gradients",
    14: "backward() only for scalars",
    15: "vector-Jacobian product with the seed v",
    16: "autograd.grad returns, backward() stores",
    17: "retain_graph; the graph is freed after use",
    18: "no_grad stops adding edges",
    19: "detach(), .data, requires_grad_(False)",
    20: "a parameter is updated in place under no_grad",
    21: "the update rule θ − ηL′",
    22: "optimizer.step() as a black box; momentum, Adam",
    23: "a learning rate too small, too large",
    24: "same numbers, different graphs: matmul + add versus Linear",
    25: "fused losses: sigmoid + BCE versus BCEWithLogits",
    26: "softmax is inside of CrossEntropyLoss",
    27: "one-hot target versus class index",
    28: "loss per sample, mean over the batch",
    29: "a gradient by hand against autograd",
    30: "the loss functions' own gradients",
    31: "a data-dependent branch: a new graph every time",
    32: "one tensor used twice: two paths add up",
    33: "two graphs share a prefix",
    34: "broadcasting, and the summed gradient",
    35: "reshape, squeeze, flatten, cat, stack, indexing",
    36: "reductions along a dimension",
    37: "operations without a derivative",
    38: "in-place operations and their version",
    39: "memory shared with NumPy",
    40: "dtypes; integers carry no gradient; silent float64",
    41: "the batch dimension comes first",
    42: "layers, Sequential, nested modules",
    43: "the model summary table",
    44: "__call__ versus forward; hooks",
    45: "random initialisation, seeds, hidden notebook state",
    46: "parameters set by hand",
    47: "minibatch loop; batch, mini-batch, stochastic",
    48: "loss tables and curves",
    49: "underfitting: the gradient vanishes, the loss does not",
    50: "activations, a linear stack, dead ReLU, saturation",
    51: "NaN and Inf spread",
    52: "a prediction outside no_grad keeps a graph",
    53: "evaluation under no_grad, accuracy, confusion matrix",
    54: "arguments of the loss swapped",
    55: "train and eval mode, regularisation",
    56: "the loss surface: where the parameters go",
}

SIGHTS = [
    Sight(1, "d4-autograd-z14", "boxes", "z = 3 * y + 2"),
    Sight(1, "7e-z-diagram", "dot", "(·)²"),
    Sight(2, "x-leaves", "rail", "●"),
    Sight(2, "d4-autograd-z14", "boxes", "● x"),
    Sight(2, "d4-autograd-z14", "boxes", "· 3"),
    Sight(3, "41-autograd-mean", "json", "MeanBackward0"),
    Sight(3, "35-logistic-grad", "dot", "SigmoidBackward0"),
    Sight(4, "7e-z-diagram", "boxes", "· 2"),
    Sight(5, "d4-autograd-z14", "variables", "∂z/∂x = 12"),
    Sight(6, "35-chain-factors", "variables", "∂a/∂z = 0.1132"),
    Sight(6, "35-logistic-grad", "chain", "3.7   ·   1   · 0.1132 · −1.1496"),
    Sight(6, "41-chain-wx", "chain", "=  −2"),
    Sight(7, "35-backward", "phases", "1 forward"),
    Sight(7, "35-backward", "phases", "4 backward"),
    Sight(8, "7e-linreg-step", "boxes", "○ y"),
    Sight(8, "7e-linreg-step", "boxes", "y_hat = p + b"),
    Sight(8, "7e-linreg-step", "boxes", "◆ loss"),
    Sight(9, "d4-five-steps", "phases", "3 zero (to None)"),
    Sight(9, "d4-five-steps", "phases", "5 update (SGD)"),
    Sight(9, "d4-five-steps", "screen", "1 forward ━"),
    Sight(9, "d4-five-steps", "screen", "5 update ━"),
    Sight(10, "x-none-zero-value", "boxes", "∂ not reached"),
    Sight(10, "x-none-zero-value", "boxes", "∂ 0"),
    Sight(10, "x-none-zero-value", "boxes", "∂ 6"),
    Sight(10, "41-no-grad", "boxes", "∂ None"),
    Sight(
        11, "x-zero-grad-orders", "phases", "1 forward (2 ops) → 3 zero (to None) → 2"
    ),
    Sight(
        11, "x-zero-grad-orders", "phases", "2 loss (1 op) → 3 zero (to None)", step=1
    ),
    Sight(11, "x-zero-grad-orders", "phases", "5 update (SGD) → 3 zero", step=2),
    Sight(12, "41-accumulate", "boxes", ".grad 3 → 6 → 9 (each of 4)"),
    Sight(13, "x-missing-zero-grad", "traps", "not zeroed between the updates"),
    Sight(13, "41-accumulate-zero", "boxes", ".grad 3 → 0 → 3 → 0 → 3 → 0"),
    Sight(
        14,
        "41-scalar-only-error",
        "boxes",
        "grad can be implicitly created only for scalar outputs.",
    ),
    Sight(15, "x-seed", "boxes", "seed v = [0, 1]"),
    Sight(15, "x-seed", "chain", "·   v\n      = 2×2 matrix · [0, 1]  =  [3, 4]"),
    Sight(16, "35-logistic-grad", "boxes", "−0.4814 (autograd.grad)"),
    Sight(16, "35-backward", "table", "−0.4814   −0.4814"),
    Sight(17, "35-retain-graph", "boxes", "backward through the graph a second time"),
    Sight(17, "x-retained-graph", "table", "−1.1496, −1.1496"),
    Sight(18, "41-no-grad", "boxes", "cut: no_grad"),
    Sight(19, "x-detach-wall", "boxes", "cut: detach()"),
    Sight(19, "x-detach-wall", "mermaid", '-.->|"detach#40;#41;"|'),
    Sight(19, "x-detach-wall", "dot", "dashed"),
    Sight(20, "ee-no-grad-update", "boxes", "params -= 0.1 * params.grad"),
    Sight(20, "ee-no-grad-update", "variables", "params (version 1)"),
    Sight(21, "d4-five-steps", "boxes", "θ ← θ − 0.01 · L′"),
    Sight(21, "d4-five-steps", "boxes", "← −0.34 − 0.01 · (−151.929) = 1.1793"),
    Sight(22, "x-five-steps-adam", "boxes", "betas[1] 0.999"),
    Sight(22, "ee-optimizers", "boxes", "momentum 0.9"),
    Sight(23, "x-learning-rate", "boxes", "w ← 4 − 0.01 · 8 = 3.92"),
    Sight(23, "x-exploding-lr", "traps", "The learning rate 0.01 is too large"),
    Sight(
        24, "35-linear-single-matmul", "lecture", "z = x·linear.weightᵀ + linear.bias"
    ),
    Sight(
        24, "35-linear-single-matmul", "lecture", "torch: AddBackward0 ← MmBackward0"
    ),
    Sight(24, "35-linear-single-layer", "lecture", "z = x·weightᵀ + bias"),
    Sight(
        24, "35-linear-single-layer", "lecture", "torch: AddmmBackward0 ← TBackward0"
    ),
    Sight(25, "35-bce-with-logits", "boxes", "binary_cross_entropy_with_logits"),
    Sight(25, "35-saturation", "traps", "sigmoid is saturated on the wrong side"),
    Sight(26, "d4-cross-entropy", "chain", "∂log_softmax/∂logits ·  ∂L/∂log_softmax"),
    Sight(26, "x-softmax-layer", "traps", "softmax is applied twice."),
    Sight(26, "d4-cross-entropy", "json", "NllLossBackward0"),
    Sight(27, "7e-cross-entropy", "table", "y_0      input      f32[2]     [1, 0]"),
    Sight(27, "d4-cross-entropy", "table", "i64[2]"),
    Sight(27, "d4-softmax-label-range", "traps", "give the loss `y - 1`"),
    Sight(28, "41-mse", "table", "result  f32[2, 3]"),
    Sight(28, "d4-mse-4", "chain", "1/N with N = 4"),
    Sight(29, "d4-softmax-grad-formula", "boxes", "5.960e−08"),
    Sight(30, "41-l1", "boxes", "l1_loss"),
    Sight(30, "ee-mse-scalar", "boxes", "∂ −3"),
    Sight(31, "41-smoothl1", "boxes", "where"),
    Sight(32, "41-autograd-mean", "chain", "sum over 2 paths"),
    Sight(32, "x-two-paths", "chain", "= [[3, 6]] + [[0.06, 0.08]] = [[3.06, 6.08]]"),
    Sight(33, "x-shared-prefix", "table", "12 → 32"),
    Sight(34, "x-broadcast-gradient", "chain", "was broadcast to [2, 2]"),
    Sight(34, "x-broadcast-gradient", "variables", "∂L/∂b = 4"),
    Sight(35, "41-reshape", "table", "f32[2, 2, 3]"),
    Sight(35, "41-stack", "boxes", "□ stack"),
    Sight(36, "41-sum-dims", "boxes", "[6, 6, 6, 6]"),
    Sight(37, "d4-argmax", "boxes", "□ argmax"),
    Sight(37, "ee-multiclass-scores", "traps", "s.argmax(dim=0)"),
    Sight(
        38,
        "41-inplace",
        "table",
        "a_add (version 1)  result  f32[2, 2]  [[10, 10], [10, 10]]",
    ),
    Sight(39, "41-share-memory", "table", "t2_now  result  i64[3]  [1, 2, 3]"),
    Sight(39, "41-share-memory", "table", "t3_now  result  i64[3]  [0, 2, 3]"),
    Sight(40, "41-broadcast-numpy", "table", "f64"),
    Sight(40, "41-dtype-inference", "table", "i64"),
    Sight(41, "ee-unsqueeze", "table", "f32[50, 1]"),
    Sight(42, "41-neuralnet1", "boxes", "relu"),
    Sight(42, "41-neuralnet1", "summary", "Linear-1"),
    Sight(43, "d4-summary-linear-4-3", "summary", "Linear-1"),
    Sight(43, "d4-summary-linear-4-3", "summary", "15"),
    Sight(44, "ee-call-hooks", "json", "BackwardHookFunctionBackward"),
    Sight(45, "35-linear-seed123", "table", "[[−0.2883, 0.0234]]"),
    Sight(45, "ee-normalize-cell-run-twice", "boxes", "X - X.min()"),
    Sight(46, "d4-linear-set-values", "table", "−0.34"),
    Sight(47, "35-training-api", "table", "f32[2, 1]"),
    Sight(47, "41-gd-variants", "phases", "5 update (SGD)"),
    Sight(48, "ee-gd-1000", "screen", "loss 0.0022 █▄▂▁", step=999),
    Sight(49, "ee-nonlinear-linear", "table", "0.0796", step=999),
    Sight(50, "ee-activations", "boxes", "elu"),
    Sight(50, "ee-mlp-relu-out", "traps", "The ReLU on the output is dead"),
    Sight(50, "35-saturation", "table", "100    0          0"),
    Sight(51, "d4-house-csv-header-nan", "traps", "Row 0 of `X`"),
    Sight(51, "41-abs-sqrt-neg", "table", "Inf"),
    Sight(52, "41-predict-builds-graph", "json", "SigmoidBackward0"),
    Sight(53, "d4-mnist-eval-no-grad", "boxes", "cut: no_grad"),
    Sight(53, "ee-confusion", "table", "accuracy   result  f64[]       0.8"),
    Sight(54, "x-swapped-loss", "traps", "Put the prediction first"),
    Sight(54, "x-swapped-loss", "boxes", "▲ swapped arguments"),
    Sight(55, "ee-dropout", "table", "train_values  result  f32[2]     [0, 2]"),
    Sight(55, "x-two-paths", "chain", "sum over 2 paths"),
    Sight(56, "ee-gd-1000", "table", "[2.0225, 2.9925]", step=999),
    Sight(56, "ee-gd-1000", "screen", "value █▁▁▁", step=999),
]


def test_every_concept_has_a_place_where_it_is_seen() -> None:
    assert {sight.concept for sight in SIGHTS} == set(CONCEPTS)
    assert len(CONCEPTS) == 56


@pytest.mark.parametrize(
    "sight", SIGHTS, ids=lambda s: f"{s.concept}-{s.example}-{s.output}"
)
def test_a_concept_is_seen_where_the_table_says(sight: Sight) -> None:
    shown = FORMATS[sight.output](step(sight.example, sight.step))

    assert sight.text in shown
