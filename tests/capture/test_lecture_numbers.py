"""The lectures' numbers, as a user reads them off a trace."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.model.graph import Role
from tests.capture.capturing import kinds_of, numbers, ops_of


def test_the_quadratic_has_z_14_and_gradients_12_and_3() -> None:
    with gs.trace() as t:
        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        z = 3 * y + 2
        z.backward()
    assert t["z"].value == 14.0
    assert t["x"].grad == 12.0
    assert t["y"].grad == 3.0
    assert not y.is_leaf
    assert t["z"].site is not None
    assert t["z"].site.expression == "3 * y + 2"
    assert t["z"].site.short.startswith("test_lecture_numbers.py:")
    assert ops_of(t.last.trace) == [
        "x = tensor(2.0, True)",
        "y = pow(x, 2)",
        "3 * y = mul(3, y)",
        "z = add(3 * y, 2)",
    ]


def test_the_logistic_example_has_the_factors_of_its_chain_rule() -> None:
    with gs.trace() as t:
        x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
        w_1 = torch.tensor([0.5], requires_grad=True)
        b = torch.tensor([0.05], requires_grad=True)
        u = x_1 * w_1
        z = u + b
        a = torch.sigmoid(z)
        l = F.binary_cross_entropy(a, y)  # noqa: E741 - the lecture's name
        l.backward()
    assert numbers(t["z"].value) == [1.9]
    assert numbers(t["a"].value) == [0.8699]
    assert numbers(t["l"].value) == 0.1394
    assert numbers(t["w_1"].grad) == [-0.4814]
    assert numbers(t["b"].grad) == [-0.1301]
    # dL/da, da/dz, dz/du, du/dw_1: each output's shape, then the input's
    assert numbers(t["l"].local["a"]) == [-1.1496]
    assert numbers(t["a"].local["z"]) == [[0.1132]]
    assert numbers(t["z"].local["u"]) == [[1.0]]
    assert numbers(t["u"].local["w_1"]) == [[3.7]]
    assert "y" not in t["l"].local


def test_autograd_grad_shows_arrivals_but_leaves_grad_none() -> None:
    with gs.trace() as t:
        w = torch.tensor([0.5], requires_grad=True)
        z = w * 3.7
        l = z.sum()  # noqa: E741 - the lecture's name
        torch.autograd.grad(l, w, retain_graph=True)
        torch.autograd.grad(l, [z, w])
    assert t["w"].grad is None
    assert w.grad is None
    assert numbers(t["w"].arrived) == [[3.7], [3.7]]
    assert numbers(t["z"].grad) == [1.0]
    assert kinds_of(t.last.trace.graph).count("capture") == 3  # w; z and w
    assert "accumulate" not in kinds_of(t.last.trace.graph)


def test_three_backwards_without_zeroing_are_one_step_of_three_passes() -> None:
    with gs.trace() as t:
        weights = torch.ones(4, requires_grad=True)
        for _ in range(3):
            out = (weights * 3).sum()
            out.backward()
    assert len(t) == 1
    assert numbers(t["weights"].arrived) == [[3.0] * 4] * 3
    assert numbers(t["weights"].grad_after) == [[3.0] * 4, [6.0] * 4, [9.0] * 4]
    assert t["weights"].grad_before is None
    graph = t.last.trace.graph
    assert [graph.events[graph.op_events[o.id]].pass_index for o in graph.ops] == [
        *(0, 0, 0),
        *(1, 1),
        *(2, 2),
    ]


def test_the_linear_regression_step_is_updated_by_hand() -> None:
    with gs.trace() as t:
        x, y = torch.tensor(6.7), torch.tensor(9.1)
        w = torch.tensor(-0.34, requires_grad=True)
        b = torch.tensor(0.04, requires_grad=True)
        y_hat = x * w + b
        loss = (y_hat - y) ** 2
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad  # type: ignore[operator]
            b -= 0.01 * b.grad  # type: ignore[operator]
    assert numbers(t["y_hat"].value) == -2.238
    assert numbers(t["loss"].value) == 128.5502
    assert numbers(t["w"].grad) == -151.9292
    assert numbers(t["b"].grad) == -22.676
    assert numbers(t["w"].value) == -0.34
    assert numbers(t["w"].updated) == 1.1793
    assert numbers(t["b"].updated) == 0.2668
    assert t["w"].updated == w.detach().numpy()
    graph = t.last.trace.graph
    assert [event.phase.value for event in graph.events] == [
        *(1, 1, 1, 1),  # x, y, w and b are made
        *(1, 1),  # y_hat
        *(2, 2),  # loss
        *(4, 4, 4, 4, 4, 4),  # four nodes, two accumulations
        *(5, 5, 5, 5),  # two updates by hand
    ]


def test_a_seed_vector_and_a_retained_graph_arrive_one_after_the_other() -> None:
    with gs.trace() as t:
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = x * x
        y.backward(torch.tensor([1.0, 0.1, 0.01]), retain_graph=True)
        y.backward(torch.ones(3))
    # 2x times the seed vector
    assert numbers(t["y"].arrived) == [[1.0, 0.1, 0.01], [1.0, 1.0, 1.0]]
    assert numbers(t["x"].arrived) == [[2.0, 0.4, 0.06], [2.0, 4.0, 6.0]]
    assert numbers(t["x"].grad) == [4.0, 4.4, 6.06]
    assert [t.last.trace.title_of(r) for r in t.last.trace.graph.roots] == ["y"]


def test_a_local_derivative_undoes_broadcasting() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        x = torch.tensor([1.0, 2.0, 3.0])
        p = w * x
        p.sum().backward()
    assert numbers(t["p"].local["w"]) == [1.0, 2.0, 3.0]


def test_a_fused_loss_has_a_factor_for_each_of_its_nodes() -> None:
    with gs.trace() as t:
        z = torch.tensor([[1.0, 2.0, 0.5]], requires_grad=True)
        l = F.cross_entropy(z, torch.tensor([1]))  # noqa: E741 - the lecture's name
        l.backward()
    trace = t.last.trace
    nodes = {node.name: node.id for node in trace.graph.grad_nodes}
    found = {
        slot.grad_node: trace.seen(index)
        for index, slot in enumerate(trace.graph.slots)
        if slot.role is Role.LOCAL
    }
    inner = found[nodes["NllLossBackward0"]]
    outer = found[nodes["LogSoftmaxBackward0"]]
    assert inner is not None
    assert outer is not None
    assert inner.data is not None
    assert outer.data is not None
    assert numbers(inner.data) == [[0.0, -1.0, 0.0]]
    # their product is softmax(z) − onehot, what arrives at z
    product = np.tensordot(inner.data, outer.data, axes=2)
    assert numbers(product) == [[0.2312, -0.3715, 0.1402]]
    assert numbers(t["z"].grad) == [[0.2312, -0.3715, 0.1402]]


def test_a_value_of_an_earlier_step_keeps_its_gradient() -> None:
    g = torch.nn.Linear(1, 1)
    d = torch.tensor(2.0, requires_grad=True)
    optimizer = torch.optim.SGD([d], lr=0.1)
    with gs.trace(g) as t:
        fake = g(torch.ones(1, 1))
        (d * fake.detach()).sum().backward()
        optimizer.step()
        (d * fake).sum().backward()
    first, second = t.steps
    assert first["fake"].arrived == ()
    assert second["fake"].record.kind.value == "carried"
    assert numbers(second["fake"].grad) == [[round(d.item(), 4)]]
    assert numbers(second["weight"].arrived) == [[[round(d.item(), 4)]]]


def test_a_buffer_that_is_changed_at_first_sight_was_read_before() -> None:
    count = torch.zeros(1)
    with gs.trace() as t:
        count.add_(1)
    assert [v.value.tolist() for v in t.all("count")] == [[0.0], [1.0]]


def test_none_and_zero_gradients_differ() -> None:
    with gs.trace() as t:
        used = torch.ones(2, requires_grad=True)
        multiplied_by_zero = torch.ones(2, requires_grad=True)
        ignored = torch.ones(2, requires_grad=True)
        other = ignored * 2
        loss = (used + 0 * multiplied_by_zero).sum()
        loss.backward()
    assert numbers(t["used"].grad) == [1.0, 1.0]
    assert numbers(t["multiplied_by_zero"].grad) == [0.0, 0.0]
    assert t["ignored"].grad is None
    assert t["ignored"].arrived == ()
    assert other.grad_fn is not None


def test_a_conjugated_gradient_is_not_taken_for_the_memory_that_it_shares() -> None:
    with gs.trace() as t:
        z = torch.tensor([1.0 + 2.0j], requires_grad=True)
        w = torch.conj(z)
        w.backward(torch.tensor([3.0 + 4.0j]))
    trace = t.last.trace
    gradient = trace.gradient_of(trace.resolve("z").id)
    assert gradient is not None
    assert gradient.scalar == 3 - 4j
