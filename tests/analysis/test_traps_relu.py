"""ReLUs that let nothing through, and ones that only happen to be 0."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

import graphscope as gs
from graphscope.analysis.findings import find_in_step
from tests.analysis.trapping import findings_of, kinds_of, only, said


class Net(nn.Module):
    """The lecture's network with a ReLU on the output."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 2), nn.Linear(2, 1)
        self.r = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.r(self.a(x))
        score = self.b(h)
        return self.r(score)  # type: ignore[no-any-return]


def test_a_dead_relu_on_the_output_is_named_with_its_silent_parameters() -> None:
    torch.manual_seed(0)
    net = Net()
    nn.init.constant_(net.b.weight, 0.0)
    nn.init.constant_(net.b.bias, -10.0)
    with gs.trace(net) as t:
        o = net(torch.ones(1, 3))
        o.sum().backward()
    found = only(t)
    assert found.kind == "dead-relu"
    assert found.title == (
        "The ReLU on the output is dead: 0 everywhere, and no gradient passes"
    )
    assert said(found.explanation) == (
        "`o` (here) is 0: what goes into the ReLU is −10. The gradient that arrives "
        "there is 1, behind the ReLU it is 0. So the gradients of `a.weight`, "
        "`a.bias`, `b.weight` and `b.bias` are 0, and no update moves them. Of `h` "
        "100 % are 0, of `o` 100 %."
    )
    assert said(found.remedy) == (
        "Use `score` as the output, without the ReLU (here): an output that has to "
        "take any value needs none."
    )
    graph = t.last.trace.graph
    assert [graph.values[v].name for v in found.values] == ["o", "score"]


def test_a_dead_last_layer_stays_dead_over_the_steps_of_a_training() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    nn.init.constant_(model[0].weight, -1.0)  # type: ignore[arg-type]
    nn.init.constant_(model[0].bias, -1.0)  # type: ignore[arg-type]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.rand(8, 2), torch.rand(8, 1)
    with gs.trace(model) as t:
        for _ in range(4):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = only(t)
    assert found.remedy.startswith("Leave out the layer `1` (ReLU): ")
    assert found.explanation.endswith(" So it is in all 4 steps.")


def test_a_hidden_layer_that_is_dead_for_the_whole_batch_is_named() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    nn.init.constant_(model[0].bias, -100.0)  # type: ignore[arg-type]
    with gs.trace(model) as t:
        loss = F.mse_loss(model(torch.rand(6, 2)), torch.ones(6, 1))
        loss.backward()
    found = only(t)
    assert found.title == (
        "A hidden layer of ReLUs is dead: 0 everywhere, and no gradient passes"
    )
    assert said(found.explanation).startswith(
        "The result of relu in `1` (here) is 0 in all of its 24 numbers: what goes "
        "into the ReLU is nowhere above −"
    )
    assert "So the gradients of `0.weight` and `0.bias` are 0" in found.explanation


def test_some_dead_units_are_what_relu_is_for() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    with torch.no_grad():
        next(model.parameters())[:3] = -10.0
    with gs.trace(model) as t:
        F.mse_loss(model(torch.rand(6, 2)), torch.ones(6, 1)).backward()
    assert kinds_of(t) == []


def test_one_sample_that_switches_a_hidden_layer_off_is_no_dead_layer() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    nn.init.constant_(model[0].bias, -1.0)  # type: ignore[arg-type]
    with gs.trace(model) as t:
        F.mse_loss(model(torch.zeros(1, 2)), torch.ones(1, 1)).backward()
    assert kinds_of(t) == []


def test_a_satisfied_hinge_loss_is_zero_as_it_should_be() -> None:
    with gs.trace() as t:
        w = torch.tensor([3.0, -3.0], requires_grad=True)
        x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1.0, -1.0])
        torch.relu(1 - y * (x @ w)).mean().backward()
    assert w.grad is not None
    assert not w.grad.any()
    assert kinds_of(t) == []


def test_an_output_that_is_right_at_zero_needs_no_gradient() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    nn.init.constant_(model[0].bias, -10.0)  # type: ignore[arg-type]
    with gs.trace(model) as t:
        F.mse_loss(model(torch.rand(4, 2)), torch.zeros(4, 1)).backward()
    assert kinds_of(t) == []


def test_a_relu_under_no_grad_has_no_gradient_to_lose() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    nn.init.constant_(model[0].bias, -10.0)  # type: ignore[arg-type]
    with gs.trace(model) as t, torch.no_grad():
        model(torch.rand(4, 2)).sum()
    assert kinds_of(t) == []


def test_a_relu_that_is_off_for_one_sample_of_a_training_comes_back() -> None:
    layer = nn.Linear(1, 1)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    model = nn.Sequential(layer, nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with gs.trace(model) as t:
        for number in (1.0, -1.0, 2.0):
            x = torch.tensor([[number]])
            loss = F.mse_loss(model(x), torch.full((1, 1), 5.0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert findings_of(t) == ()
    # looked at alone, the one step does show it
    (alone,) = find_in_step(t.steps[1].trace)
    assert alone.kind == "dead-relu"
