"""Traps: mistakes that run without an error, and errors that say too little.

Each function makes one mistake of a lecture, as it is easily made; "Look at" says what
is wrong and where it can be seen. Each function runs by itself: `graphscope demo ID`.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DATA = Path(__file__).parent / "data"


def header_row() -> None:
    """d4-house-csv-header-nan: The header of the table is read as a row of NaN.

    Look at: X has five rows for four houses, the first is NaN. So is the mean loss, so
    are the gradients, and after the update the parameters. Missing: skip_header=1.
    """
    data = np.genfromtxt(DATA / "house_prices.csv", delimiter=",")
    X = torch.tensor(data[:, :1], dtype=torch.float32)
    y = torch.tensor(data[:, 1:], dtype=torch.float32)
    linear = nn.Linear(1, 1)
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)

    for epoch in range(3):
        y_hat = linear(X)
        loss = criterion(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: loss {loss.item()}")


def no_columns() -> None:
    """d4-genfromtxt-dtype-none: With dtype=None a mixed table has no columns.

    Look at: ndim is 1: lengths are floats, labels integers, so NumPy makes a list of
    records, and iris[:, 0:2] raises. Without dtype=None all columns are floats.
    """
    path = DATA / "iris_2d.csv"
    iris = np.genfromtxt(path, dtype=None, delimiter=",", skip_header=1)
    ndim = torch.tensor(iris.ndim)
    print(iris, ndim)
    X = torch.tensor(iris[:, 0:2])
    y = torch.tensor(iris[:, 2])
    print(X, y)


def labels_from_one() -> None:
    """d4-softmax-label-range: Labels 1 to 3 for three classes that count from 0.

    Look at: z has three columns, 0 to 2, and y has a 3, so the loss raises. A label 1
    or 2 raises nothing and is the wrong class. The remedy is y − 1.
    """
    path = DATA / "petal_length_3_classes.csv"
    iris = np.genfromtxt(path, delimiter=",", skip_header=1)
    X = torch.tensor(iris[:, :1], dtype=torch.float32)
    y = torch.tensor(iris[:, 1], dtype=torch.long)
    output_dim = len(torch.unique(y))
    linear = nn.Linear(1, output_dim)
    criterion = nn.CrossEntropyLoss()

    z = linear(X)
    loss = criterion(z, y)
    loss.backward()


def softmax_typo() -> None:
    """7e-softmax-2class-typo: The slide's softmax with e^z_1 in both numerators.

    Look at: y_hat_2 comes from z_1 as well, so the two are equal and add up to 0.5379;
    as probabilities they must add up to 1, like those of torch.softmax.
    """
    z_1 = torch.tensor(1.0)
    z_2 = torch.tensor(2.0)
    total = torch.exp(z_1) + torch.exp(z_2)
    y_hat_1 = torch.exp(z_1) / total
    y_hat_2 = torch.exp(z_1) / total
    y_hat_sum = y_hat_1 + y_hat_2
    right = torch.softmax(torch.stack([z_1, z_2]), dim=0)
    print(y_hat_1, y_hat_2, "add up to", y_hat_sum, "right:", right)


def mean_of_a_sum() -> None:
    """41-numpy-gd-autograd: The gradient by hand is four times that of the mean loss.

    Look at: dw is −120 where w gets −30: dot has already added up the four rows, so
    .mean() has one number left and divides by 1. Learning rate 0.04 makes up for it.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    y = torch.tensor([2.0, 4.0, 6.0, 8.0])
    for lr in (0.01, 0.04):
        w = torch.tensor(0.0, requires_grad=True)
        for _epoch in range(10):
            y_hat = w * x
            loss = ((y_hat - y) ** 2).mean()
            with torch.no_grad():
                dw = torch.dot(2 * x, y_hat - y).mean()
            loss.backward()
            with torch.no_grad():
                ratio = dw / w.grad
                w -= lr * w.grad
            print(f"w = {w:.3f}, gradients {w.grad:.4f}, {dw:.4f}, ratio {ratio:.0f}")
            w.grad = None


def wrong_parameters() -> None:
    """ee-exercise-text-params: The exercise says w = [1, 2], b = 6: all are seagulls.

    Look at: the smallest of the scores is 14.17, so all 20 birds get label 1. The
    solution has w = [−1, −2] and b = 10, which separates them (ee-scores).
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    w = torch.tensor([1.0, 2.0])
    b = torch.tensor(6)
    scores = X @ w + b
    smallest = scores.min()
    n_positive = (scores > 0).sum()
    print(scores, smallest, n_positive)


def argmax_of_a_column() -> None:
    """ee-multiclass-scores: argmax(dim=1) of a column is always 0.

    Look at: s is a column, three rows of one number, so along dim=1 there is nothing to
    choose from and prediction is 0 three times. dim=0 compares the three scores.
    """
    x = torch.tensor([[0.5, 1.0]]).T
    W = torch.tensor([[0.2, 0.5], [2.1, -1.3], [-3.0, -2.2]])
    b = torch.tensor([[0.5, -0.2, 4.1]]).T
    s = W @ x + b
    prediction = s.argmax(dim=1)
    right = s.argmax(dim=0)
    print(s, prediction, right)


def probabilities_as_scores() -> None:
    """ee-double-softmax: Probabilities given to CrossEntropyLoss, which wants scores.

    Look at: loss_1 is 1.0766 where −log 0.17 = 1.7720 is right, because softmax is
    applied once more. Of log(y_hat) the softmax is y_hat again, so that loss is right.
    """
    y = torch.tensor([1])
    y_hat_1 = torch.tensor([[0.83, 0.17]])
    y_hat_2 = torch.tensor([[0.21, 0.79]])
    criterion = nn.CrossEntropyLoss()
    loss_1 = criterion(y_hat_1, y)
    loss_2 = criterion(y_hat_2, y)

    right_1 = F.nll_loss(torch.log(y_hat_1), y)
    right_2 = F.nll_loss(torch.log(y_hat_2), y)
    from_logs = criterion(torch.log(y_hat_1), y)
    print("wrong:", loss_1, loss_2, "right:", right_1, right_2, from_logs)


def softmax_layer() -> None:
    """x-softmax-layer: A model that ends with a softmax, before CrossEntropyLoss.

    Look at: the loss takes the softmax of y_hat, which is one already. It falls from
    1.1275 to 1.1267 only, and never below 0.5514: the model has to end with scores.
    """
    path = DATA / "petal_length_3_classes.csv"
    iris = np.genfromtxt(path, delimiter=",", skip_header=1)
    X = torch.tensor(iris[:, :1], dtype=torch.float32)
    y = torch.tensor(iris[:, 1] - 1, dtype=torch.long)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 3), nn.Softmax(dim=1))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    for epoch in range(10):
        y_hat = model(X)
        loss = criterion(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.4f}")


def relu_on_the_output() -> dict[str, object]:
    """ee-mlp-relu-out: A ReLU after the last layer, where it can die.

    Look at: linear2 gives a negative number, the last ReLU makes it 0 and sends 0 back:
    all gradients are 0 and no step changes anything. The output has to stay linear.
    """

    class MLP(nn.Module):
        def __init__(self, input_dim: int, output_dim: int, hidden_dim: int) -> None:
            super().__init__()
            self.linear1 = nn.Linear(input_dim, hidden_dim)
            self.linear2 = nn.Linear(hidden_dim, output_dim)
            self.activation = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.activation(self.linear1(x))
            output: torch.Tensor = self.activation(self.linear2(hidden))
            return output

    error = ""
    try:
        model = MLP()  # type: ignore[call-arg]
    except TypeError as problem:  # the slide forgets the three sizes
        error = type(problem).__name__
        print(problem)

    torch.manual_seed(0)
    model = MLP(input_dim=3, output_dim=1, hidden_dim=2)
    model.linear2.bias.data = torch.tensor([-10.0])
    x = torch.ones(1, 3)
    y = torch.ones(1, 1)
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        output = model(x)
        loss = criterion(output, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: output {output.item()}, loss {loss.item()}")
    return {"error_type": error}


def saturation() -> None:
    """35-saturation: Sigmoid, then BCE: at z = 100 the gradient is gone.

    Look at: both losses are 100, but a is exactly 1 in float32, where the sigmoid has
    no slope left: z gets 0. BCE with logits does both in one, and logit gets 1.
    """
    y = torch.tensor([0.0])
    z = torch.tensor([100.0], requires_grad=True)
    a = torch.sigmoid(z)
    loss = F.binary_cross_entropy(a, y)
    loss.backward()
    print("sigmoid, then BCE:", loss, z.grad)

    logit = torch.tensor([100.0], requires_grad=True)
    loss_of_logit = F.binary_cross_entropy_with_logits(logit, y)
    loss_of_logit.backward()
    print("BCE with logits:", loss_of_logit, logit.grad)


def missing_super() -> None:
    """35-skeleton: A module whose __init__ does not call super().__init__().

    Look at: the first layer that is assigned raises "cannot assign module before
    Module.__init__() call", because the module has no place to keep layers yet.
    """

    class MyClassifier(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.layer(x))

    model = MyClassifier()
    print(model(torch.ones(1, 2)))


def exploding_rate() -> None:
    """x-exploding-lr: A learning rate of 0.01 on inputs of the size of 200.

    Look at: the gradients are in the thousands, so every step jumps over the valley and
    lands higher: the loss goes from 267 to inf in step 7. The inputs want scaling.
    """
    rows = np.genfromtxt(DATA / "advertising.csv", delimiter=",", skip_header=1)
    X = torch.tensor(rows[:, :3], dtype=torch.float32)
    y = torch.tensor(rows[:, 3:], dtype=torch.float32)
    linear = nn.Linear(3, 1)
    linear.weight.data = torch.zeros(1, 3)
    linear.bias.data = torch.zeros(1)
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)

    for epoch in range(10):
        y_hat = linear(X)
        loss = criterion(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.4g}")


def swapped_arguments() -> None:
    """x-swapped-loss: The label where the prediction belongs: criterion(y, y_hat).

    Look at: the loss takes the logarithm of the labels, and log 0 is −inf: y_hat gets
    −inf and inf as gradients, the weight NaN, and the next epoch's y_hat is refused.
    """
    iris = np.genfromtxt(DATA / "iris_1d.csv", delimiter=",", skip_header=1)
    X = torch.tensor(iris[:, :1], dtype=torch.float32)
    y = torch.tensor(iris[:, 1:], dtype=torch.float32)
    linear = nn.Linear(1, 1)
    linear.weight.data = torch.tensor([[0.1]])
    linear.bias.data = torch.tensor([-0.1])
    criterion = nn.BCELoss()
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)

    for epoch in range(5):
        z = linear(X)
        y_hat = torch.sigmoid(z)
        loss = criterion(y, y_hat)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.4f}")


def missing_zero_grad() -> None:
    """x-missing-zero-grad: A training loop without zero_grad.

    Look at: the gradient that arrives at w and .grad differ from step 1 on: .grad has
    all earlier gradients in it, so w runs past the valley and the loss rises again.
    """
    houses = np.genfromtxt(DATA / "house_prices.csv", delimiter=",", skip_header=1)
    X = torch.tensor(houses[:, 0], dtype=torch.float32)
    y = torch.tensor(houses[:, 1], dtype=torch.float32)
    w = torch.tensor(-0.34, requires_grad=True)
    b = torch.tensor(0.04, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=0.01)

    for epoch in range(10):
        y_hat = X * w + b
        loss = ((y_hat - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.4f}, .grad of w {w.grad}")


if __name__ == "__main__":
    for example in [f for f in globals().values() if hasattr(f, "__code__")]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        try:
            example()
        except (AttributeError, IndexError, RuntimeError) as problem:
            print(f"{type(problem).__name__}: {problem}")
