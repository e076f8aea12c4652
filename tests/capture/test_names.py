"""Names, expressions and lines come from the user's source."""

import subprocess
import sys
from typing import Any

import torch

import graphscope as gs
from tests.capture.capturing import capture, numbers, ops_of


class Holder:
    """Something to hang tensors on."""

    field: torch.Tensor


def _double(v: torch.Tensor) -> torch.Tensor:
    return v * 2


def test_every_kind_of_assignment_gives_its_name() -> None:
    holder, table = Holder(), {}
    with gs.trace() as t:
        a = torch.ones(3, requires_grad=True)
        b, e = torch.max(a * 1.5, 0)
        holder.field = a + 1
        table["k"] = a + 2
        if (g := a * 3).ndim != 1:
            return
        p, r = a * 4, a * 5
        größe: torch.Tensor = a - 1  # noqa: PLC2401 - users write such names
        m = torch.stack([größe, holder.field]).mean(dim=0)
        u = a.clone()
        u[0] = 5.0
        u += 1
    assert [v.ndim for v in (b, e, m, g, p, r)] == [0, 0, 1, 1, 1, 1]
    assert ops_of(t.last.trace) == [
        "a = ones(3, True)",
        "a * 1.5 = mul(a, 1.5)",
        "b, e = max(a * 1.5, 0)",
        "holder.field = add(a, 1)",
        'table["k"] = add(a, 2)',
        "g = mul(a, 3)",
        "p = mul(a, 4)",
        "r = mul(a, 5)",
        "größe = sub(a, 1)",
        "torch.stack([größe, holder.field]) = stack(größe, holder.field)",
        "m = mean(torch.stack([größe, holder.field]), 0)",
        "u = clone(a)",
        "u = setitem(u, 0, 5.0)",
        "u = add_(u, 1)",
    ]


def test_operands_stand_in_the_order_of_the_source() -> None:
    lr = 0.1

    def run() -> None:
        a = torch.ones(1)
        for result in (2 - a, 1 / a, 2**a, 3 * a, a * 3, lr * a, a * lr, a @ a, -a):
            del result

    (trace,) = capture(run)
    assert [line.split(" = ")[-1] for line in ops_of(trace)[1:]] == [
        "rsub(2, a)",
        "rdiv(1, a)",
        "rpow(2, a)",
        "mul(3, a)",
        "mul(a, 3)",
        "mul(lr, a)",
        "mul(a, lr)",
        "matmul(a, a)",
        "neg(a)",
    ]


def test_a_value_of_a_function_takes_the_name_it_is_used_under() -> None:
    with gs.trace() as t:
        first = _double(torch.ones(1))
        second = first + 1
    assert second.item() == 3.0
    assert t.last.names == ["v", "first", "second"]
    site = t["first"].site
    assert site is not None
    assert (site.expression, site.function) == ("v * 2", "_double")
    assert site.stack[0].function.startswith("test_a_value_of_a_function")


def test_parameters_and_scopes_of_modules_have_dotted_names() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())
            self.register_buffer("scale", torch.ones(2))

        def forward(self, x: torch.Tensor) -> Any:
            hidden = self.body(x)
            return hidden * self.scale

    net, criterion = Net(), torch.nn.MSELoss()
    with gs.trace() as t:
        out = net(torch.ones(1, 2))
        loss = criterion(out, torch.zeros(1, 2))
        loss.backward()
    trace = t.last.trace
    assert [(op.name, op.scope) for op in trace.graph.ops] == [
        ("ones", ""),
        ("linear", "body.0"),
        ("tanh", "body.1"),
        ("mul", ""),
        ("zeros", ""),
        ("mse_loss", "criterion"),
    ]
    assert {"body.0.weight", "body.0.bias", "scale", "hidden", "out", "loss"} <= set(
        t.last.names
    )
    assert [t[n].record.kind.value for n in ("body.0.weight", "scale", "out")] == [
        "parameter",
        "buffer",
        "result",
    ]


def test_two_models_are_prefixed_by_the_names_they_are_called_through() -> None:
    generator, critic = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    with gs.trace() as t:
        critic(generator(torch.ones(1, 2))).sum().backward()
    assert [name for name in t.last.names if "." in name] == [
        "generator.weight",
        "generator.bias",
        "critic.weight",
        "critic.bias",
    ]


def test_nested_targets_and_arguments_of_modules_are_named() -> None:
    model = torch.nn.LSTM(2, 3)
    data = torch.ones(1, 1, 2)
    with gs.trace(model) as t:
        out, (h, c) = model(data)
        total = out.sum() + h.sum() + c.sum()
    assert total.ndim == 0
    assert {"data", "out", "h", "c", "total"} <= set(t.last.names)
    assert t["data"].value.tolist() == [[[1.0, 1.0]]]


def test_a_data_loader_gives_named_inputs_and_no_ops_of_its_own() -> None:
    dataset = torch.utils.data.TensorDataset(torch.ones(4, 2), torch.zeros(4, 1))
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, shuffle=True)
    model = torch.nn.Linear(2, 1)
    criterion = torch.nn.MSELoss()
    with gs.trace(model) as t:
        for xb, yb in loader:
            loss = criterion(model(xb), yb)
            loss.backward()
    assert len(t) == 1
    assert [op.name for op in t.last.trace.graph.ops] == ["linear", "mse_loss"] * 2
    assert [t[n].record.kind.value for n in ("xb", "yb")] == ["input", "input"]


def test_a_data_loader_with_workers_gives_named_inputs_and_no_ops_either() -> None:
    dataset = torch.utils.data.TensorDataset(torch.ones(4, 2), torch.zeros(4, 1))
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, num_workers=1)
    model = torch.nn.Linear(2, 1)
    with gs.trace(model) as t:
        for xb, yb in loader:
            (model(xb) - yb).sum().backward()
    assert [op.name for op in t.last.trace.graph.ops] == ["linear", "sub", "sum"] * 2
    assert [t[n].record.kind.value for n in ("xb", "yb")] == ["input", "input"]


def test_cuts_say_why_no_gradient_passes() -> None:
    with gs.trace() as t:
        x = torch.ones(3, requires_grad=True)
        d = x.detach()
        i = x.argmax()
        with torch.no_grad():
            n = x + 1
        data = x.data
        s = x.sum().item()
        big = x > 0
        floor = torch.floor(x)
    results = (d, i, n, data, big, floor)
    assert [v.requires_grad for v in results] == [*[False] * 5, True]
    assert s == 3.0
    assert [(op.name, op.cut) for op in t.last.trace.graph.ops if op.cut] == [
        ("detach", "detach()"),
        ("argmax", "int64 result"),
        ("add", "no_grad"),
        ("data", ".data"),
        ("item", ".item()"),
        ("gt", "bool result"),
    ]


def test_an_interactive_session_names_values_after_its_variables() -> None:
    lines = (
        "import torch, graphscope as gs",
        "with gs.trace() as t:",
        "    x = torch.tensor(2.0, requires_grad=True)",
        "    y = x ** 2",
        "    z = 3 * y + 2",
        "    z.backward()",
        "",
        "print(t.names, t['x'].grad, t['y'].grad, t.faults)",
    )
    done = subprocess.run(
        [sys.executable, "-i"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['x', 'y', 'z'] 12.0 3.0 {}\n"


def test_code_without_source_in_a_function_has_values_but_no_names() -> None:
    text = "def f():\n    y = torch.ones(2) * 3\n    return y"
    spaces: dict[str, Any] = {"torch": torch}
    exec(compile(text, "<nowhere>", "exec"), spaces)  # noqa: S102
    with gs.trace() as t:
        spaces["f"]()
    assert t.last.names == []
    assert [v.shape for v in t.last.trace.graph.values] == [(2,), (), (2,)]


def test_a_write_through_a_view_reaches_the_base() -> None:
    with gs.trace() as t:
        x = torch.ones(3, requires_grad=True)
        base = x * 2
        part = base[1:]
        part.mul_(5)
        total = base.sum()
        total.backward()
    assert [op.name for op in t.last.trace.graph.ops][3] == "mul_"
    assert [v.record.op for v in t.all("base")] == [1, 3]
    assert t.all("base")[1].value.tolist() == [2.0, 10.0, 10.0]
    assert numbers(t["x"].grad) == [2.0, 10.0, 10.0]


def test_what_a_module_returns_has_the_callers_name_too() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            z: torch.Tensor = self.layer(x)
            return z

    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gs.trace(model) as t:
        for _ in range(4):  # the later ones are written with the first one's records
            y_hat = model(torch.ones(1, 1))
            optimizer.zero_grad()
            y_hat.backward()
            optimizer.step()

    for step in t.steps:
        assert step["y_hat"].record.id == step["z"].record.id
        assert step["z"].name == "z"
        assert step["z"].record.also == ("y_hat",)


def test_a_rate_times_the_data_of_a_gradient_keeps_both_names() -> None:
    with gs.trace() as t:
        w = torch.tensor(2.0, requires_grad=True)
        lr = 0.5
        (w * 3).backward()
        step = lr * w.grad.data  # type: ignore[union-attr]

    assert step == 1.5
    op = t["step"].op
    assert op is not None
    assert [argument.text for argument in op.arguments] == ["lr", "w.grad.data"]


def test_operands_of_what_is_not_commutative_keep_their_order() -> None:
    n, lr = 2, 0.5

    def run() -> None:
        x = torch.tensor(3.0)
        x ** (n + 1)
        x - lr / 2
        x / (n + 1)
        n - x
        (n + 1) * x
        x -= lr / 2

    [trace] = capture(run)

    assert [line.partition(" = ")[2] for line in ops_of(trace)[1:]] == [
        "pow(x, n + 1)",
        "sub(x, lr / 2)",
        "div(x, n + 1)",
        "rsub(n, x)",
        "mul(n + 1, x)",
        "sub_(x, lr / 2)",
    ]
