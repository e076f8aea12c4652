"""The lecture view: the same formula for the same number, whatever the graph is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

import graphscope as gs
from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import Arrow, Box, Diagram, Style
from graphscope.diagram.options import DiagramOptions
from graphscope.render.text import to_text
from tests.diagram.sketch import Sketch

X = [[1.2, 0.5], [0.45, 1.5], [0.3, 2.0]]
Y = [0.0, 1.0, 1.0]


def draw(run: Callable[[], None], **options: Any) -> Diagram:
    """Trace `run()` and draw it as a lecture does."""
    with gs.trace() as t:
        run()
    assert t.faults == {}
    return t.last.diagram(lecture=True, **options)


def box_of(diagram: Diagram, start: str) -> Box:
    """Return the box with a line that begins like that."""
    boxes = [b for b in diagram.boxes if any(k.text.startswith(start) for k in b.lines)]
    assert len(boxes) == 1, [[line.text for line in b.lines] for b in diagram.boxes]
    return boxes[0]


def lines_of(diagram: Diagram) -> list[str]:
    """Return title and formula of every op."""
    return [f"{b.title}: {b.lines[0].text}" for b in diagram.boxes if b.ops]


def arrows_into(diagram: Diagram, box: Box) -> dict[str, str]:
    """Return the labels of the arrows into a box by the titles of where they start."""
    titles = {b.id: b.title for b in diagram.boxes}
    found: list[Arrow] = [a for a in diagram.arrows if a.target == box.id]
    return {titles[a.source]: a.label.text if a.label else "" for a in found}


def by_matmul() -> None:
    weight = torch.tensor([[-0.25, 0.5]], requires_grad=True)
    bias = torch.tensor([0.125], requires_grad=True)
    x = torch.tensor([[1.0, 2.0]])
    z = torch.matmul(x, weight.T) + bias
    torch.autograd.backward([z.sum()])


LAYER = nn.Linear(2, 1)
LAYER.load_state_dict(
    {"weight": torch.tensor([[-0.25, 0.5]]), "bias": torch.tensor([0.125])}
)


def by_layer() -> None:
    LAYER.zero_grad()
    x = torch.tensor([[1.0, 2.0]])
    z = LAYER(x)
    torch.autograd.backward([z.sum()])


def test_the_product_with_a_sum_is_one_box_that_says_what_it_is_in_torch() -> None:
    found = draw(by_matmul)
    box = box_of(found, "z = ")
    # z = 1 · (−0.25) + 2 · 0.5 + 0.125 = 0.875
    assert (box.title, [line.text for line in box.lines]) == (
        "linear",
        [
            "z = x·weightᵀ + bias",
            "0.875",
            "∂ 1",
            "torch: AddBackward0 ← MmBackward0",
            "← PermuteBackward0",
        ],
    )
    assert len(box.ops) == 3
    assert box.tooltip.startswith("AddBackward0 ← MmBackward0 ← PermuteBackward0\n")
    assert "torch.matmul" in box.tooltip
    # ∂z/∂weight = x, ∂z/∂bias = 1
    assert arrows_into(found, box) == {"x": "", "weight": "∂ [[1, 2]]", "bias": "∂ 1"}


def test_the_layer_is_the_same_box_of_another_graph() -> None:
    found = draw(by_layer)
    box = box_of(found, "z = ")
    assert (box.title, [line.text for line in box.lines]) == (
        "linear",
        [
            "z = x·weightᵀ + bias",
            "0.875",
            "∂ 1",
            "torch: AddmmBackward0 ← TBackward0",
        ],
    )
    assert arrows_into(found, box) == {"x": "", "weight": "∂ [[1, 2]]", "bias": "∂ 1"}


def test_without_the_lecture_view_every_op_is_drawn() -> None:
    with gs.trace() as t:
        by_matmul()
    titles = [box.title for box in t.last.diagram().boxes if box.ops]
    assert titles == ["T", "@", "+", "sum"]


def test_the_lecture_view_is_saved_on_request(tmp_path: Path) -> None:
    with gs.trace() as t:
        by_matmul()
    t.save(tmp_path / "slide.txt", lecture=True)
    t.save(tmp_path / "ops.txt")
    assert "z = x·weightᵀ + bias" in (tmp_path / "slide.txt").read_text("utf-8")
    assert "x·weightᵀ" not in (tmp_path / "ops.txt").read_text("utf-8")


@pytest.mark.parametrize("run", [by_matmul, by_layer])
def test_in_the_variables_style_arrows_carry_the_derivative_of_the_formula(
    run: Callable[[], None],
) -> None:
    found = draw(run, style="variables")
    box = next(b for b in found.boxes if b.title == "z")
    assert [line.text for line in box.lines[:3]] == [
        "= x·weightᵀ + bias",
        "0.875",
        "∂L/∂z = 1",
    ]
    assert arrows_into(found, box) == {
        "x": "",
        "weight": "∂z/∂weight = [1, 2]",
        "bias": "∂z/∂bias = 1",
    }


def test_the_whole_picture_as_text() -> None:
    def run() -> None:
        x, w = torch.tensor([[2.0]]), torch.tensor([[3.0]], requires_grad=True)
        z = x @ w.T + 1
        torch.autograd.backward([z])

    title, _, picture = to_text(draw(run)).partition("\n\n")
    assert title == "test_lecture.py · step 0 · lecture view"
    assert (
        picture
        == """\
     ╭─────╮   ╭─────╮   ╭─────╮
     │ ○ x │   │ ● w │   │ · 1 │
     │ 2   │   │ 3   │   ╰──┬──╯
     ╰──┬──╯   │ ∂ 2 │      │
        │      ╰──┬──╯      │
        │         │ ∂ 2     │
        ▽         ▼         ▽
╭───────────────────────────────────╮
│ □ linear                          │
│ z = x·wᵀ + 1                      │
│ 7                                 │
│ ∂ 1                               │
│ torch: AddBackward0 ← MmBackward0 │
│ ← PermuteBackward0                │
╰─────────────────┬─────────────────╯
                  │
                  ▼
               ╭─────╮
               │ ◆ z │
               │ 7   │
               │ ∂ 1 │
               ╰─────╯"""
    )


def _leaf(*shape: int) -> Tensor:
    return torch.ones(*shape, requires_grad=True)


def plain_product() -> None:
    x, w, b = torch.tensor(X), _leaf(2, 2), _leaf(2)
    z = x @ w + b
    torch.autograd.backward([z.sum()])


def added_first() -> None:
    x, w, b = torch.tensor(X), _leaf(1, 2), _leaf(1)
    z = b + x.mm(w.t())
    torch.autograd.backward([z.sum()])


def without_a_bias() -> None:
    x, w = torch.tensor(X), _leaf(1, 2)
    z = x @ w.transpose(0, 1)
    torch.autograd.backward([z.sum()])


def two_products() -> None:
    x, h, w, u, b = (
        torch.tensor(X),
        torch.ones(3, 2),
        _leaf(1, 2),
        _leaf(2, 1),
        _leaf(1),
    )
    z = x @ w.T + h @ u + b
    torch.autograd.backward([z.sum()])


def by_addmm() -> None:
    x, w, b = torch.tensor(X), _leaf(2, 1), _leaf(1)
    z = torch.addmm(b, x, w)
    torch.autograd.backward([z.sum()])


def another_shape() -> None:
    x, w, b = torch.tensor(X), _leaf(1, 2), _leaf(1)
    z = (x @ w.T + b).squeeze()
    torch.autograd.backward([z.sum()])


def of_a_difference() -> None:
    x, w, m = torch.tensor(X), _leaf(2), torch.ones(2)
    z = (x - m) @ w + 1
    torch.autograd.backward([z.sum()])


_TWO_SUMS = "AddBackward0 ← AddBackward0"


@pytest.mark.parametrize(
    ("run", "formula", "nodes"),
    [
        (plain_product, "x·w + b", "AddBackward0 ← MmBackward0"),
        (added_first, "b + x·wᵀ", "AddBackward0 ← MmBackward0 ← TBackward0"),
        (without_a_bias, "x·wᵀ", "MmBackward0 ← TransposeBackward0"),
        (
            two_products,
            "x·wᵀ + h·u + b",
            f"{_TWO_SUMS} ← (MmBackward0 ← PermuteBackward0, MmBackward0)",
        ),
        (by_addmm, "x·w + b", "AddmmBackward0"),
        (
            another_shape,
            "x·wᵀ + b",
            "SqueezeBackward0 ← AddBackward0 ← MmBackward0 ← PermuteBackward0",
        ),
        (of_a_difference, "(x - m)·w + 1", "AddBackward0 ← MvBackward0"),
    ],
)
def test_a_linear_formula_however_it_is_written(
    run: Callable[[], None], formula: str, nodes: str
) -> None:
    box = box_of(draw(run), "z = ")
    assert (box.title, box.lines[0].text) == ("linear", f"z = {formula}")
    assert box.tooltip.startswith(f"{nodes}\n")


def log_softmax_and_nll() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor([0, 1, 1])
    loss = F.nll_loss(F.log_softmax(z, dim=1), y)
    torch.autograd.backward([loss])


def cross_entropy() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor([0, 1, 1])
    loss = nn.CrossEntropyLoss()(z, y)
    torch.autograd.backward([loss])


def sigmoid_and_bce() -> None:
    z, y = torch.tensor(Y, requires_grad=True), torch.tensor(Y)
    loss = F.binary_cross_entropy(torch.sigmoid(z), y)
    torch.autograd.backward([loss])


def bce_with_logits() -> None:
    z, y = torch.tensor(Y, requires_grad=True), torch.tensor(Y)
    loss = F.binary_cross_entropy_with_logits(z, y)
    torch.autograd.backward([loss])


def difference_squared() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor(X)
    loss = ((z - y) ** 2).mean()
    torch.autograd.backward([loss])


def difference_squared_by_name() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor(X)
    loss = torch.mean(torch.square(z - y))
    torch.autograd.backward([loss])


def mse_loss() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor(X)
    loss = F.mse_loss(z, y)
    torch.autograd.backward([loss])


_CE = ("cross-entropy", "loss = mean of −log softmax(z)[y]")
_BCE = (
    "binary cross-entropy",
    "loss = mean of −[y·log σ(z) + (1 − y)·log(1 − σ(z))]",
)
_SE = ("squared error", "loss = mean of (z − y)²")


@pytest.mark.parametrize(
    ("run", "formula", "nodes"),
    [
        (log_softmax_and_nll, _CE, "NllLossBackward0 ← LogSoftmaxBackward0"),
        (cross_entropy, _CE, "NllLossBackward0 ← LogSoftmaxBackward0"),
        (sigmoid_and_bce, _BCE, "BinaryCrossEntropyBackward0 ← SigmoidBackward0"),
        (bce_with_logits, _BCE, "BinaryCrossEntropyWithLogitsBackward0"),
        (difference_squared, _SE, "MeanBackward0 ← PowBackward0 ← SubBackward0"),
        (
            difference_squared_by_name,
            _SE,
            "MeanBackward0 ← PowBackward0 ← SubBackward0",
        ),
        (mse_loss, _SE, "MseLossBackward0"),
    ],
)
def test_a_loss_is_one_formula_and_says_its_graph(
    run: Callable[[], None], formula: tuple[str, str], nodes: str
) -> None:
    found = draw(run)
    box = box_of(found, "loss = ")
    assert (box.title, box.lines[0].text) == formula
    assert box.tooltip.startswith(f"{nodes}\n")
    assert len([b for b in found.boxes if b.ops]) == 1


@pytest.mark.parametrize(
    "pair",
    [
        (log_softmax_and_nll, cross_entropy),
        (sigmoid_and_bce, bce_with_logits),
        (difference_squared, mse_loss),
    ],
)
@pytest.mark.parametrize("style", ["operations", "variables"])
def test_value_gradient_and_local_derivative_do_not_depend_on_how_it_is_written(
    pair: tuple[Callable[[], None], ...], style: str
) -> None:
    pictures = [draw(run, style=style) for run in pair]
    texts = [
        [
            [
                line.text
                for line in box.lines
                if not line.text.startswith(("torch", "←"))
            ]
            for box in found.boxes
        ]
        for found in pictures
    ]
    labels = [[a.label and a.label.text for a in found.arrows] for found in pictures]
    assert texts[0] == texts[1]
    assert labels[0] == labels[1]
    assert any(labels[0])


def summed() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor(X)
    loss = nn.MSELoss(reduction="sum")(z, y)
    torch.autograd.backward([loss])


def of_one_number() -> None:
    y_hat, y = torch.tensor([0.5], requires_grad=True), torch.tensor([1.0])
    loss = F.mse_loss(y_hat, y)
    torch.autograd.backward([loss])


def by_hand_of_one_number() -> None:
    y_hat, y = torch.tensor([0.5], requires_grad=True), torch.tensor([1.0])
    loss = ((y_hat - y) ** 2).mean()
    torch.autograd.backward([loss])


def a_named_probability() -> None:
    z, y = torch.tensor(Y, requires_grad=True), torch.tensor(Y)
    a = torch.sigmoid(z)
    loss = F.binary_cross_entropy(a, y)
    torch.autograd.backward([loss])


def probabilities_as_target() -> None:
    z, y = torch.tensor(X, requires_grad=True), torch.tensor(X)
    loss = F.cross_entropy(z, y)
    torch.autograd.backward([loss])


@pytest.mark.parametrize(
    ("run", "formula"),
    [
        (summed, "sum of (z − y)²"),
        (of_one_number, "(y_hat − y)²"),
        (by_hand_of_one_number, "(y_hat − y)²"),
        (a_named_probability, "mean of −[y·log a + (1 − y)·log(1 − a)]"),
        (probabilities_as_target, "mean of −Σ y·log softmax(z)"),
    ],
)
def test_a_formula_says_how_it_is_reduced_and_what_it_is_of(
    run: Callable[[], None], formula: str
) -> None:
    assert box_of(draw(run), "loss = ").lines[0].text == f"loss = {formula}"


@pytest.mark.parametrize(
    "options", [{"label_smoothing": 0.1}, {"weight": torch.ones(2)}]
)
def test_a_loss_with_more_to_it_is_not_the_slides_formula(options: Any) -> None:
    def run() -> None:
        z, y = torch.tensor(X, requires_grad=True), torch.tensor([0, 1, 1])
        loss = F.cross_entropy(z, y, **options)
        torch.autograd.backward([loss])

    assert box_of(draw(run), "loss = ").title == "cross_entropy"


def test_what_only_reshapes_disappears_into_its_reader() -> None:
    def run() -> None:
        w = torch.tensor([[1.0], [2.0]], requires_grad=True)
        u = w.view(-1).unsqueeze(0).squeeze() * 2
        torch.autograd.backward([u.sum()])

    found = draw(run)
    box = box_of(found, "u = ")
    assert lines_of(found)[0] == "*: u = w.view(-1).unsqueeze(0).squeeze() * 2"
    assert box.tooltip.startswith(
        "MulBackward0 ← SqueezeBackward0 ← UnsqueezeBackward0 ← ViewBackward0\n"
    )
    # the gradient of w, in the shape of w
    assert arrows_into(found, box) == {"w": "∂ [[2], [2]]", "2": ""}


def a_name() -> None:
    x, w, b = torch.tensor(X), _leaf(1, 2), _leaf(1)
    u = x @ w.T
    z = u + b
    torch.autograd.backward([z.sum()])


def a_named_transpose() -> None:
    x, w, b = torch.tensor(X), _leaf(1, 2), _leaf(1)
    turned = w.T
    z = x @ turned + b
    torch.autograd.backward([z.sum()])


def a_second_reader() -> None:
    x, w, b = torch.tensor(X), _leaf(2, 1), _leaf(1)
    parts = [x @ w]
    z = parts[0] + b
    torch.autograd.backward([z.sum() + parts[0].sum()])


def a_hook() -> None:
    x, w, b = torch.tensor(X), _leaf(2, 1), _leaf(1)
    parts = [x @ w]
    parts[0].register_hook(lambda gradient: gradient * 2)
    z = parts[0] + b
    torch.autograd.backward([z.sum()])


def a_root() -> None:
    x, w, b = torch.ones(1, 1), _leaf(1, 1), _leaf(1)
    parts = [x @ w]
    torch.autograd.backward(parts, retain_graph=True)
    z = parts[0] + b
    torch.autograd.backward([z.sum()])


def a_cut() -> None:
    x, w, b = torch.tensor(X), _leaf(2, 1), _leaf(1)
    with torch.no_grad():
        parts = [x @ w]
    z = parts[0] + b
    torch.autograd.backward([z.sum()])


@pytest.mark.parametrize(
    ("run", "hidden"),
    [
        (a_name, "T"),
        (a_named_transpose, "@"),
        (a_second_reader, ""),
        (a_hook, ""),
        (a_root, ""),
        (a_cut, ""),
    ],
)
def test_what_means_something_by_itself_stays_visible(
    run: Callable[[], None], hidden: str
) -> None:
    with gs.trace() as t:
        run()
    ops = [box.ops for box in t.last.diagram().boxes if box.ops]
    kept = [box.ops for box in t.last.diagram(lecture=True).boxes if box.ops]
    gone = {op for group in ops for op in group} - {group[0] for group in kept}
    assert [t.last.trace.graph.ops[op].name for op in gone] == (
        [] if not hidden else ["T" if hidden == "T" else "matmul"]
    )


def test_a_recorded_gradient_of_every_box_is_torchs() -> None:
    torch.manual_seed(1)
    x, y = torch.tensor(X), torch.tensor(Y)
    w, b = torch.randn(1, 2, requires_grad=True), torch.randn(1, requires_grad=True)
    with gs.trace() as t:
        z = x @ w.T + b
        loss = F.mse_loss(z.squeeze(), y)
        loss.backward()
    found = t.last.diagram(lecture=True)
    assert lines_of(found) == [
        "linear: z = x·wᵀ + b",
        "squared error: loss = mean of (z − y)²",
    ]
    assert w.grad is not None
    numbers = ", ".join(f"{g:.4f}".replace("-", "−") for g in w.grad[0].tolist())
    labels = arrows_into(found, found.boxes[3])
    assert labels["w"] == f"∂ [[{numbers}]]"


def test_a_path_can_be_marked_through_a_formula() -> None:
    with gs.trace() as t:
        by_matmul()
    found = t.last.diagram(lecture=True, path="weight")
    marked = [box.title for box in found.boxes if box.is_highlighted]
    assert marked[:3] == ["weight", "linear", "sum"]
    starts = {a.source for a in found.arrows if a.is_highlighted}
    assert box_of(found, "z = ").id in starts


def test_modules_are_collapsed_around_formulas() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))

    def run() -> None:
        torch.autograd.backward([model(torch.tensor(X)).squeeze().sum()])

    titles = [box.title for box in draw(run, depth=1).boxes]
    assert titles[1:4] == ["0 (Linear)", "1 (ReLU)", "2 (Linear)"]


def test_a_hand_made_graph_without_source_has_its_formula_too() -> None:
    s = Sketch()
    x, w, b = s.input("x", 2.0), s.parameter("w", 3.0), s.parameter("b", 1.0)
    product = s.op("matmul", [x, w], 6.0, [3.0, 2.0])
    s.backward(s.op("add", [product, b], 7.0, [1.0, 1.0], named="z"))
    for style, line in (
        (Style.OPERATIONS, "z = x·w + b"),
        (Style.VARIABLES, "= x·w + b"),
    ):
        found = build_diagram(s.trace(), DiagramOptions(style, lecture=True))
        box = next(b for b in found.boxes if len(b.ops) == 2)
        assert box.lines[0].text == line


def test_a_sum_of_a_thousand_losses_is_drawn_in_time() -> None:
    s = Sketch()
    w = s.parameter("w", 1.0)
    total = s.op("mul", [w, w], 1.0, [1.0, 1.0])
    for _ in range(1_000):
        total = s.op("add", [total, w], 1.0, [1.0, 1.0])
    s.backward(total)
    found = build_diagram(s.trace(), DiagramOptions(lecture=True, max_boxes=2_000))
    assert len([box for box in found.boxes if box.ops]) == 1_001
