"""Small training programs of many kinds; each returns what it computed.

They run bare and under capture, and must not be able to tell the difference.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn
from torch.utils.checkpoint import checkpoint

PROGRAMS: dict[str, Callable[[], Any]] = {}


def program(run: Callable[[], Any]) -> Callable[[], Any]:
    """Register a program."""
    PROGRAMS[run.__name__] = run
    return run


def _train(model: nn.Module, optimizer: Any, steps: int, data: Any) -> list[Any]:
    x, y = data
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [losses, [p.detach().clone() for p in model.parameters()]]


@program
def mlp_with_adam_and_dropout() -> Any:
    model = nn.Sequential(
        nn.Linear(8, 300),
        nn.BatchNorm1d(300),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(300, 1),
    )
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    result = _train(model, adam, 4, (torch.randn(16, 8), torch.randn(16, 1)))
    return [result, dict(model.named_buffers()), torch.rand(2)]


@program
def lstm_through_time() -> Any:
    model, head = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 1)
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    x = torch.randn(2, 4, 3)
    for _ in range(3):
        optimizer.zero_grad()
        out, (h, c) = model(x)
        loss = head(out[:, -1]).pow(2).mean() + h.sum() * 0 + c.sum() * 0
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return [p.detach() for p in parameters]


@program
def transformer_in_training_and_fused_inference() -> Any:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    x = torch.randn(2, 3, 8)
    layer(x).sum().backward()
    layer.eval()
    with torch.no_grad():
        out = layer(x)
    return [out, [p.grad for p in layer.parameters()]]


@program
def in_place_ops_and_views() -> Any:
    x = torch.randn(4, 4, requires_grad=True)
    y = x * 2
    y[0] = 0
    y.add_(1)
    z = y[1:]
    z.mul_(3)
    (y.sum() + z.sum()).backward()
    return [x.grad, y._version, z._version]


class Cube(torch.autograd.Function):
    """A user-written function with its own backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return x cubed."""
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Return 3 x squared times the gradient."""
        (x,) = ctx.saved_tensors
        gradient: torch.Tensor = 3 * x**2 * gradients[0]
        return gradient


@program
def custom_function_and_double_backward() -> Any:
    x = torch.randn(3, requires_grad=True)
    y = Cube.apply(x).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (g**2).sum().backward()
    return [g.detach(), x.grad]


@program
def checkpointed_blocks() -> Any:
    block = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Dropout(0.3))
    x = torch.randn(2, 4, requires_grad=True)
    for reentrant in (False, True):
        checkpoint(block, x, use_reentrant=reentrant).sum().backward()
    return [x.grad, [p.grad for p in block.parameters()]]


@program
def hooks_of_the_user_that_change_gradients() -> Any:
    x = torch.randn(3, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g.clamp(max=5))
    (y**2).sum().backward()
    return x.grad


@program
def gan_with_two_optimizers() -> Any:
    g, d = nn.Linear(2, 2), nn.Linear(2, 1)
    opt_g = torch.optim.SGD(g.parameters(), lr=0.1)
    opt_d = torch.optim.RMSprop(d.parameters(), lr=0.1)
    for _ in range(3):
        fake = g(torch.randn(4, 2))
        opt_d.zero_grad()
        d_loss = d(fake.detach()).mean() - d(torch.randn(4, 2)).mean()
        d_loss.backward()
        opt_d.step()
        opt_g.zero_grad()
        g_loss = -d(fake).mean()
        g_loss.backward()
        opt_g.step()
    return [p.detach() for p in [*g.parameters(), *d.parameters()]]


@program
def lbfgs_with_a_closure() -> Any:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=4)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = ((w - 3) ** 4).sum()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return w.detach()


@program
def autocast_and_many_dtypes() -> Any:
    w = torch.randn(4, 4, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = torch.randn(2, 4) @ w
    out.float().sum().backward()
    kinds = [torch.ones(2, dtype=k) for k in (torch.int8, torch.bool, torch.complex64)]
    return [out, w.grad, [k + k for k in kinds], torch.ones(2, device="meta") * 2]


@program
def function_transforms() -> Any:
    x = torch.randn(3)
    gradient = torch.func.grad(lambda v: (v**2).sum())(x)
    mapped = torch.vmap(lambda v: v * 2)(x)
    tangent = torch.func.jvp(torch.sin, (x,), (torch.ones(3),))[1]
    return [gradient, mapped, tangent]


@program
def sparse_and_nested_tensors() -> Any:
    embedding = nn.Embedding(10, 3, sparse=True)
    embedding(torch.tensor([1, 2, 2])).sum().backward()
    gradient = embedding.weight.grad
    assert gradient is not None
    dense = gradient.to_dense()
    return [dense, torch.eye(3).to_sparse() @ torch.ones(3, 1)]


@program
def a_deep_chain() -> Any:
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(1500):
        y = y + 1
    y.sum().backward()
    return x.grad


@program
def lazy_modules() -> Any:
    model = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1))
    model(torch.ones(2, 4)).sum().backward()
    return [p.grad for p in model.parameters()]
