"""Training loops: batches, zero_grad, optimizers and learning rates.

The same few lines in every training: prediction, loss, zero_grad, backward, step. What
their order changes, how often they run, and what an optimizer keeps for the next step.
Each function runs by itself: `graphscope demo ID`.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

DATA = Path(__file__).parent / "data"


def training_api() -> None:
    """35-training-api: Minibatches from a DataLoader: 3 batches, 2 epochs, 6 updates.

    Look at: every step has its own features and labels, two rows of the six. Steps 2
    and 5 have the same two; in between their loss has fallen from 0.6136 to 0.4104.
    """
    iris = np.genfromtxt(DATA / "iris_1d.csv", delimiter=",", skip_header=1)
    X = torch.tensor(iris[:, :1], dtype=torch.float32)
    y = torch.tensor(iris[:, 1:], dtype=torch.float32)
    data_loader = DataLoader(TensorDataset(X, y), batch_size=2)
    model = nn.Linear(1, 1)
    model.weight.data = torch.tensor([[0.1]])
    model.bias.data = torch.tensor([-0.1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    for epoch in range(2):
        for features, labels in data_loader:
            z = model(features)
            loss = F.binary_cross_entropy_with_logits(z, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"epoch {epoch}: loss {loss.item():.4f}")
    print(model.weight, model.bias)


def gradient_descent_variants() -> None:
    """41-gd-variants: Batch, mini-batch and stochastic: 1, 2 or 5 updates an epoch.

    Look at: X_rows has all five rows in step 0, three in steps 1 and 2, one in each of
    the last five. The fewer rows, the more the gradient jumps about.
    """
    weather = np.genfromtxt(DATA / "weather.csv", delimiter=",", skip_header=1)
    X = torch.tensor(weather[:, :2] / 100, dtype=torch.float32)
    y = torch.tensor(weather[:, 2:3], dtype=torch.float32)
    criterion = nn.BCEWithLogitsLoss()

    variants = {"batch": (5, 5), "mini-batch": (6, 3), "stochastic": (5, 1)}
    for variant, (rows, batch_size) in variants.items():
        model = nn.Linear(2, 1)
        model.weight.data = torch.zeros(1, 2)
        model.bias.data = torch.zeros(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for start in range(0, rows, batch_size):
            X_rows = X[start : start + batch_size]
            y_rows = y[start : start + batch_size]
            z = model(X_rows)
            loss = criterion(z, y_rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"{variant}: update w, loss {loss.item():.4f}")


def momentum_and_adam() -> None:
    """ee-optimizers: SGD with momentum 0.9 and Adam: two updates each.

    Look at: with momentum the second step is longer than the first (0.0200, 0.0376),
    because 0.9 of the first is added; Adam's are both the learning rate long, 0.0001.
    """
    w = torch.tensor(1.0, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.01, momentum=0.9)
    for _step in range(2):
        loss = w**2
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        print("SGD with momentum:", w)

    w = torch.tensor(1.0, requires_grad=True)
    adam = torch.optim.Adam([w], lr=0.0001)
    for _step in range(2):
        loss = w**2
        adam.zero_grad()
        loss.backward()
        adam.step()
        print("Adam:", w)


def zero_grad_orders() -> None:
    """x-zero-grad-orders: zero_grad first, in the middle, or last: one step of each.

    Look at: event by event, zero_grad takes away the 5 that is left of a step before,
    or, last in the step, its own 2; the update from 1 to 0.8 is the same.
    """
    for order in ("first", "middle", "last"):
        w = torch.tensor(1.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        if order != "last":
            w.grad = torch.tensor(5.0)  # as if a step had been before

        if order == "first":
            optimizer.zero_grad()
        loss = w**2
        if order == "middle":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if order == "last":
            optimizer.zero_grad()
        print(f"zero_grad {order}: w = {w.item():.1f}, .grad = {w.grad}")


def learning_rates() -> None:
    """x-learning-rate: A small, a good and a large learning rate on one parabola.

    Look at: ten steps each from w = 4: with 0.01 the loss creeps down from 16 to 11,
    with 0.3 it is at zero, with 1.1 w jumps from one side to the other, ever higher.
    """
    for lr in (0.01, 0.3, 1.1):
        w = torch.tensor(4.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr)
        for _step in range(10):
            loss = w**2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"lr {lr}: w = {w.item():.4f} after 10 steps")


def five_steps_adam() -> None:
    """x-five-steps-adam: The five numbered steps with Adam, and its settings.

    Look at: the update box lists lr, betas and eps. Though the gradients of w and b are
    −152 and −23, both move by the same 0.1: Adam's first step is as long as lr.
    """
    x = torch.tensor(6.7)
    y = torch.tensor(9.1)
    w = torch.tensor(-0.34, requires_grad=True)
    b = torch.tensor(0.04, requires_grad=True)
    optimizer = torch.optim.Adam([w, b], lr=0.1, betas=(0.9, 0.999), eps=1e-8)

    y_hat = w * x + b  # 1 prediction
    loss = (y_hat - y) ** 2  # 2 loss
    optimizer.zero_grad()  # 3 zero the gradients
    loss.backward()  # 4 backward
    optimizer.step()  # 5 update
    print("w =", w, "b =", b)


def gradient_accumulation() -> None:
    """x-gradient-accumulation: Two half batches, one update, the gradient of the whole.

    Look at: two backwards in each step before its update: .grad of w goes from None to
    the first half's gradient, then to the sum, which is that of all four houses.
    """
    houses = np.genfromtxt(DATA / "house_prices.csv", delimiter=",", skip_header=1)
    X = torch.tensor(houses[:, 0], dtype=torch.float32)
    Y = torch.tensor(houses[:, 1], dtype=torch.float32)
    w = torch.tensor(-0.34, requires_grad=True)
    b = torch.tensor(0.04, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=0.01)

    for _step in range(3):
        optimizer.zero_grad()
        for half in (slice(0, 2), slice(2, 4)):
            x, y = X[half], Y[half]
            y_hat = w * x + b
            loss = ((y_hat - y) ** 2).mean() / 2  # over 2: half of the four houses
            loss.backward()
            print("gradient of w so far:", w.grad)
        optimizer.step()


if __name__ == "__main__":
    for example in [f for f in globals().values() if hasattr(f, "__code__")]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
