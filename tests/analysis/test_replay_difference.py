"""Finite differences of what the lectures compute, and of generated networks."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from hypothesis import given, settings, strategies as st
from torch import nn

import graphscope as gs
from graphscope.analysis.replay.difference import Difference, finite_difference
from graphscope.model.trace import Trace
from tests.analysis.differences import Checked, check, leaf_of, trace_of


def of(trace: Trace, name: str, root: str, **options: Any) -> Difference:
    """Differentiate a scalar by the value of a name."""
    ends = trace.resolve(name).id, trace.resolve(root).id
    shape = trace.graph.values[ends[1]].shape
    return finite_difference(trace, *ends, np.ones(shape), **options)


def rounded(found: Difference) -> Any:
    assert found.gradient is not None, found.reason
    return found.gradient.round(4).tolist()


def test_the_quadratic_has_the_gradient_12() -> None:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        z = 3 * y + 2
        z.backward()
    trace = t.last.trace
    # dz/dx = 6x = 12, dz/dy = 3
    assert rounded(of(trace, "x", "z")) == 12.0
    assert rounded(of(trace, "y", "z")) == 3.0
    assert rounded(of(trace, "z", "z")) == 1.0


def logistic(w: float) -> Trace:
    with gs.trace() as t:
        x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
        w_1 = torch.tensor([w], requires_grad=True)
        b = torch.tensor([0.05], requires_grad=True)
        u = x_1 * w_1
        z = u + b
        a = torch.sigmoid(z)
        l = F.binary_cross_entropy(a, y)  # noqa: E741 - the lecture's name
        l.backward()
    return t.last.trace


def test_the_logistic_example_has_the_lectures_gradients() -> None:
    trace = logistic(0.5)
    assert rounded(of(trace, "w_1", "l")) == [-0.4814]
    assert rounded(of(trace, "b", "l")) == [-0.1301]
    assert rounded(of(trace, "z", "l")) == [-0.1301]
    assert rounded(of(trace, "a", "l")) == [-1.1496]
    # da/dz = a (1 - a) = 0.8699 · 0.1301
    ends = trace.resolve("z").id, trace.resolve("a").id
    assert rounded(finite_difference(trace, *ends, np.ones(1))) == [0.1132]


def test_an_error_covers_the_distance_to_autograd_and_is_small() -> None:
    trace = logistic(0.5)
    found = of(trace, "w_1", "l")
    arrived = trace.gradient_of(trace.resolve("w_1").id)
    assert arrived is not None
    assert arrived.data is not None
    assert found.gradient is not None
    assert found.error is not None
    assert abs(found.gradient - arrived.data).max() < 4 * found.error
    assert found.error < 1e-5


def test_linear_regression_has_the_lectures_gradients() -> None:
    # w = −0.34, b = 0.04, x = 6.7, y = 9.1: dL/dw = −151.929, dL/db = −22.676
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(-0.34)
        model.bias.fill_(0.04)
    with gs.trace(model) as t:
        y_hat = model(torch.tensor([[6.7]]))
        loss = nn.MSELoss()(y_hat, torch.tensor([[9.1]]))
        loss.backward()
    trace = t.last.trace
    assert rounded(of(trace, "weight", "loss")) == [[-151.9292]]
    assert rounded(of(trace, "bias", "loss")) == [-22.676]


def test_softmax_regression_has_the_gradient_of_cross_entropy() -> None:
    # The derivative by the logits is softmax − one-hot, over the batch of two.
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.1, 0.2, 0.3]], requires_grad=True)
    checked = check(lambda o: F.cross_entropy(o, torch.tensor([1, 2])), logits)
    chances = torch.softmax(logits.detach(), 1).numpy()
    expected = (chances - np.eye(3)[[1, 2]]) / 2
    assert np.allclose(checked.gradient, expected, atol=1e-6)


def test_three_backwards_of_one_step_are_told_apart_by_their_roots() -> None:
    with gs.trace() as t:
        w = torch.tensor([2.0], requires_grad=True)
        for x in (1.0, 2.0, 3.0):
            loss = (w * x).square().sum()
            loss.backward()
    trace = t.last.trace
    leaf = leaf_of(trace, w)
    # d (w x)² / dw = 2 w x²
    found = [
        rounded(finite_difference(trace, leaf, root, np.ones(())))
        for root in trace.graph.roots
    ]
    assert found == [[4.0], [16.0], [36.0]]


def test_a_seed_weights_the_elements_of_the_root() -> None:
    def program() -> Any:
        return x**2

    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    trace = trace_of(program)
    root = trace.graph.roots[-1]
    found = finite_difference(trace, leaf_of(trace, x), root, np.array([1.0, 0.0, 2.0]))
    assert rounded(found) == [2.0, 0.0, 12.0]


def test_a_seed_of_another_shape_is_refused() -> None:
    trace = logistic(0.5)
    ends = trace.resolve("z").id, trace.resolve("a").id
    found = finite_difference(trace, *ends, np.ones(3))
    assert found.reason == "what backward started with does not fit its root"


def test_a_large_leaf_is_moved_along_the_gradient_that_is_checked() -> None:
    def program() -> Any:
        return (x**3).sum()

    x = torch.linspace(-1, 1, 100).requires_grad_()
    trace = trace_of(program)
    gradient = 3 * x.detach().double().numpy() ** 2
    size = np.linalg.norm(gradient)
    found = finite_difference(
        trace,
        leaf_of(trace, x),
        trace.graph.roots[-1],
        np.ones(()),
        direction=gradient / size,
    )
    # Along its own direction the derivative is the length of the gradient.
    assert found.gradient is None
    assert found.directional == pytest.approx(size, rel=1e-6)
    assert found.direction is not None
    assert np.linalg.norm(found.direction) == pytest.approx(1.0)


def test_a_large_leaf_without_a_direction_is_moved_along_a_fixed_one() -> None:
    def program() -> Any:
        return (x**3).sum()

    x = torch.linspace(-1, 1, 100).requires_grad_()
    trace = trace_of(program)
    ends = leaf_of(trace, x), trace.graph.roots[-1]
    found, again = (finite_difference(trace, *ends, np.ones(())) for _ in range(2))
    assert found.direction is not None
    gradient = 3 * x.detach().double().numpy() ** 2
    assert found.directional == pytest.approx(gradient @ found.direction, rel=1e-6)
    assert found.directional == again.directional


def test_complex_leaves_have_the_gradient_that_torch_defines() -> None:
    z = torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True)
    assert check(lambda z: (z * z.conj() * z).abs(), z).distance < 1e-8
    assert check(lambda z: z * z * (2 + 1j), z).distance < 1e-8


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float16, 5e-3), (torch.bfloat16, 3e-2)]
)
def test_half_precision_is_differentiated_with_an_error_that_says_so(
    dtype: torch.dtype, tolerance: float
) -> None:
    x = torch.tensor([0.3, 0.7], requires_grad=True)
    weight = torch.tensor([[1.0, -2.0], [0.5, 1.5]])

    def program(x: Any) -> Any:
        with torch.autocast("cpu", dtype):
            return F.linear(x, weight).float().tanh()

    checked = check(program, x)
    assert checked.distance < tolerance
    error = checked.difference.error
    assert error is not None
    assert checked.distance * abs(checked.autograd).max() < 4 * error < 0.5


def test_where_the_gradient_stops_is_noted_with_the_line() -> None:
    def program(x: Any) -> Any:
        with torch.no_grad():
            scale = x.exp()
        return x.detach() * x + scale * x + x[x.argmax()] * 2

    x = torch.tensor([0.3, 0.2], requires_grad=True)
    checked = check(program, x)
    assert checked.distance < 1e-6
    (note,) = checked.difference.notes
    line = program.__code__.co_firstlineno
    file = "test_replay_difference.py"
    root = checked.trace.title_of(checked.trace.graph.roots[-1])
    assert note == (
        f"3 results on the way from x to {root} are held as recorded, as autograd "
        f"does: no_grad at {file}:{line + 2}, detach() at {file}:{line + 3}, argmax "
        f"(int64 result) at {file}:{line + 3}"
    )


def test_indices_without_a_formula_are_held_as_autograd_holds_them() -> None:
    def program(x: Any) -> Any:
        order = torch.unique(x, return_inverse=True)[1]
        drawn = torch.multinomial(x.softmax(0), 2, replacement=True)
        return x[order] * x + x[drawn].sum()

    x = torch.tensor([0.3, 0.7, -0.2], requires_grad=True)
    assert check(program, x).distance < 1e-6


def test_an_infinite_mask_stays_infinite() -> None:
    def attention(x: Any) -> Any:
        scores = x @ x.T
        hidden = torch.tensor([[False, True], [False, False]])
        return scores.masked_fill(hidden, float("-inf")).softmax(1) @ x

    x = torch.tensor([[0.3, 0.7, -0.2], [0.1, -0.5, 0.4]], requires_grad=True)
    assert check(attention, x).distance < 1e-6


def test_a_leaf_behind_a_cut_has_no_derivative_at_all() -> None:
    def program(x: Any) -> Any:
        return x.detach() * other

    other = torch.ones(2, requires_grad=True)
    x = torch.tensor([0.3, 0.2], requires_grad=True)
    checked = check(program, x)
    assert checked.gradient.tolist() == [0.0, 0.0]
    assert checked.difference.notes[-1] == (
        "nothing that carries a gradient leads from x to "
        + checked.trace.title_of(checked.trace.graph.roots[-1])
    )


def test_a_write_that_autograd_did_not_see_lets_the_gradient_pass() -> None:
    def under_no_grad(x: Any) -> Any:
        y = x * 2
        with torch.no_grad():
            y.mul_(3)
            y[0] = 1.0
        return y * y

    def through_an_alias(x: Any) -> Any:
        y = x * 2
        part = y[:1]
        y.detach().add_(1)
        return y * 3 + part * x

    x = torch.tensor([0.3, 0.2], requires_grad=True)
    assert check(under_no_grad, x).distance < 1e-6
    assert check(through_an_alias, x).distance < 1e-6


def test_a_wrong_backward_does_not_agree_with_the_difference() -> None:
    def program(x: Any) -> Any:
        y = x * 2
        y.register_hook(lambda gradient: gradient * 1.01)
        return y * y

    # d (2x)² / dx = 8x, times the seed [1, 1.7]; the hook makes it 8.08x
    checked = check(program, torch.tensor([0.5, 0.25], requires_grad=True))
    assert np.allclose(checked.gradient, [4.0, 3.4])
    assert checked.distance == pytest.approx(0.0101, rel=0.05)


def test_a_small_gradient_of_large_terms_is_given_an_error_as_large() -> None:
    # Batch norm takes out what a bias adds: exactly the gradient is 0.
    torch.manual_seed(0)
    first = nn.Linear(3, 4)
    model = nn.Sequential(first, nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    inputs = torch.randn(6, 3)
    with gs.trace(model) as t:
        loss = F.cross_entropy(model(inputs), torch.tensor([0, 1, 1, 0, 1, 0]))
        loss.backward()
    trace = t.last.trace
    found = of(trace, "0.bias", "loss")
    bias = first.bias.grad
    assert bias is not None
    assert found.gradient is not None
    assert found.error is not None
    assert abs(found.gradient).max() < 1e-9
    assert abs(found.gradient - bias.numpy()).max() < 4 * found.error < 1e-5


def test_an_empty_leaf_has_an_empty_gradient() -> None:
    x = torch.empty(0, 3, requires_grad=True)
    checked = check(lambda x: x.sum() + 1, x)
    assert checked.gradient.shape == (0, 3)


ACTIVATIONS = (nn.Tanh, nn.ReLU, nn.Sigmoid, nn.GELU, nn.LeakyReLU, nn.SiLU, nn.ELU)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    layers=st.lists(st.sampled_from(ACTIVATIONS), min_size=4, max_size=4),
    is_double=st.booleans(),
)
def test_any_small_network_agrees_with_autograd(
    seed: int, widths: list[int], layers: list[Any], *, is_double: bool
) -> None:
    torch.manual_seed(seed)
    parts: list[nn.Module] = []
    for before, after, layer in zip(widths, widths[1:], layers, strict=False):
        parts += [nn.Linear(before, after), layer()]
    model = nn.Sequential(*parts, nn.Linear(widths[-1], 2))
    dtype = torch.float64 if is_double else torch.float32
    model = model.to(dtype)
    with gs.trace(model) as t:
        output = model(torch.randn(3, widths[0], dtype=dtype))
        loss = F.cross_entropy(output, torch.tensor([0, 1, 1]))
        loss.backward()
    trace = t.last.trace
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        found = Checked(trace, of(trace, name, "loss"), weight.grad.numpy())
        error = found.difference.error
        assert error is not None
        gap = abs(found.gradient - found.autograd).max()
        assert gap <= 4 * error + 1e-5 * abs(found.autograd).max()
        # It is a bound: it adds up what may as well cancel.
        assert error <= 1e-3 * max(1e-2, abs(found.autograd).max())


@settings(max_examples=30, deadline=None)
@given(
    numbers=st.lists(st.floats(-3, 3), min_size=6, max_size=6),
    seed=st.integers(0, 1_000),
)
def test_a_linear_program_has_its_own_matrix_as_the_gradient(
    numbers: list[float], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    matrix = torch.tensor(generator.standard_normal((4, 6)))
    x = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    checked = check(lambda x: matrix @ x.view(2, 3).T.reshape(-1).flip(0), x)
    weights = np.linspace(1.0, 1.7, 4) @ matrix.numpy()
    expected = weights[::-1].reshape(3, 2).T.reshape(-1)
    assert np.allclose(checked.gradient, expected, atol=1e-7)
