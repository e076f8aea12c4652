"""Softmax regression: probabilities of several classes, and cross-entropy.

One score z for each class, softmax makes them probabilities that add up to 1, and the
loss is −log of the probability of the right class. nn.CrossEntropyLoss does both, so
that the model ends with the scores. Each function runs by itself: `graphscope demo ID`.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DATA = Path(__file__).parent / "data"


def softmax_numpy() -> None:
    """41-softmax-numpy: Softmax of [2, 1, 0.1], written out and by torch.softmax.

    Look at: every exponential is divided by their sum, so that the three probabilities
    0.659, 0.2424 and 0.0986 add up to 1.
    """
    x = torch.tensor([2.0, 1.0, 0.1], dtype=torch.float64)  # NumPy's dtype
    exps = torch.exp(x)
    total = exps.sum()
    written_out = exps / total

    outputs = torch.softmax(torch.tensor([2.0, 1.0, 0.1]), dim=0)
    print("written out:", written_out)
    print("torch.softmax:", outputs)


def softmax_signs() -> dict[str, object]:
    """ee-softmax: Softmax by hand, by nn.Softmax, and with the slide's minus sign.

    Look at: p and p_builtin agree; the formula with e^(−s), as p_slide, makes another
    class the winner. nn.Softmax without dim warns that it has to guess.
    """
    import warnings

    s = torch.tensor([[1.1, -0.45, 0.4]])
    exps = torch.exp(s)
    p = exps / exps.sum()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        p_builtin = nn.Softmax()(s)
    p_slide = torch.softmax(-s, dim=1)
    print(p, p_builtin, p_slide)
    return {"warned": any("Implicit dimension" in str(w.message) for w in caught)}


def gradient_formula() -> None:
    """d4-softmax-grad-formula: The slide's gradient x(y_hat − y) against autograd.

    Look at: by_hand is the gradient that autograd brings to theta. Of y_hat − y only
    the right class is negative, so a step makes its score larger, the other smaller.
    """
    x = torch.tensor([1.0, 1.4])  # the 1 belongs to the bias
    y = torch.tensor([1.0, 0.0])  # one-hot: class 0 is right
    theta = torch.tensor([[0.1, 0.05], [0.2, -0.1]], requires_grad=True)

    z = x @ theta
    y_hat = torch.softmax(z, dim=0)
    loss = -(y * torch.log(y_hat)).sum()
    with torch.no_grad():
        by_hand = torch.outer(x, y_hat - y)
    loss.backward()

    max_diff = (theta.grad - by_hand).abs().max()
    print("autograd:", theta.grad, "by hand:", by_hand, "differ by", max_diff)


def train_one_feature() -> None:
    """d4-softmax-1d-train: Petal length to three classes, 100 epochs.

    Look at: all weights start at zero, so the first loss is ln 3 = 1.0986, that of
    guessing; the labels 1, 2, 3 of the file are made 0, 1, 2 first.
    """
    path = DATA / "petal_length_3_classes.csv"
    iris = np.genfromtxt(path, delimiter=",", skip_header=1)
    X = torch.tensor(iris[:, :1], dtype=torch.float32)
    y = torch.tensor(iris[:, 1] - 1, dtype=torch.long)
    model = nn.Sequential(nn.Linear(1, 3))
    model[0].weight.data = torch.zeros(3, 1)
    model[0].bias.data = torch.zeros(3)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    for epoch in range(1, 101):
        optimizer.zero_grad()
        z = model(X)
        loss = criterion(z, y)
        loss.backward()
        optimizer.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch}: loss {loss.item():.4f}")


def train_four_features() -> None:
    """d4-softmax-4f-train: Four features to three classes, nine rows, 100 epochs.

    Look at: the loss falls from ln 3 = 1.0986 to 0.7142 with 12 weights and 3 biases;
    after it 6 of the 9 rows, accuracy 0.6667, are in their class.
    """
    path = DATA / "iris_4d_3_classes.csv"
    iris = np.genfromtxt(path, delimiter=",", skip_header=1)
    X = torch.tensor(iris[:, :4], dtype=torch.float32)
    y = torch.tensor(iris[:, 4] - 1, dtype=torch.long)
    model = nn.Sequential(nn.Linear(4, 3))
    model[0].weight.data = torch.zeros(3, 4)
    model[0].bias.data = torch.zeros(3)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    for epoch in range(1, 101):
        optimizer.zero_grad()
        z = model(X)
        loss = criterion(z, y)
        loss.backward()
        optimizer.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch}: loss {loss.item():.4f}")

    with torch.no_grad():
        prediction = model(X).argmax(dim=1)
        accuracy = (prediction == y).float().mean()
    print("accuracy on the training rows:", accuracy)


def mnist_module() -> dict[str, object]:
    """d4-mnist-module: A module that is declared in another order than it runs.

    Look at: print(model) lists linear before flatten, the graph runs flatten before
    linear: what counts is forward. The images are random: only the shapes matter here.
    """

    class SoftmaxRegression(nn.Module):
        def __init__(self, input_dim: int, output_dim: int) -> None:
            super().__init__()
            self.linear = nn.Linear(input_dim, output_dim)
            self.flatten = nn.Flatten()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            pixels = self.flatten(x)
            z: torch.Tensor = self.linear(pixels)
            return z

    model = SoftmaxRegression(28 * 28, 10)
    x_train = torch.rand(5, 1, 28, 28)
    outputs = model(x_train)
    print(model, outputs.shape)
    return {"declared": [name for name, _ in model.named_children()]}


def digits_accuracy() -> None:
    """7e-mnist-accuracy: Softmax regression of handwritten digits, 5 epochs.

    Look at: the 7850 parameters are those of the lecture, the pictures are not: these
    are the 8 × 8 digits of scikit-learn, enlarged to 28 × 28 in place of MNIST, so the
    accuracy is not the lecture's 91.97 %.
    """
    from sklearn import datasets
    from torch.utils.data import DataLoader, TensorDataset

    digits = datasets.load_digits()
    small = torch.from_numpy(digits.images).float().unsqueeze(1) / 16
    images = F.interpolate(small, size=(28, 28))
    labels = torch.from_numpy(digits.target)
    train_set = TensorDataset(images[:1500], labels[:1500])
    train_loader = DataLoader(train_set, batch_size=100)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(1, 6):
        losses = []
        for x, y in train_loader:
            outputs = model(x)
            loss = criterion(outputs, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: mean loss {sum(losses) / len(losses):.4f}")

    with torch.no_grad():
        prediction = model(images[1500:]).argmax(dim=1)
        accuracy = (prediction == labels[1500:]).float().mean()
    print("accuracy on the 297 test images:", accuracy)


def summary_4_3() -> None:
    """d4-summary-linear-4-3: Four features, three classes: 15 parameters.

    Look at: in the summary Linear-1 counts 4 · 3 weights and 3 biases.
    """
    model = nn.Sequential(nn.Linear(4, 3))
    model(torch.zeros(2, 4))
    print(model)


def summary_1_2() -> None:
    """d4-summary-linear-1-2: One feature, two classes: 4 parameters.

    Look at: in the summary Linear-1 counts 1 · 2 weights and 2 biases.
    """
    model = nn.Sequential(nn.Linear(1, 2))
    model(torch.zeros(2, 1))
    print(model)


def summary_1_3() -> None:
    """d4-summary-linear-1-3: One feature, three classes: 6 parameters.

    Look at: in the summary Linear-1 counts 1 · 3 weights and 3 biases.
    """
    model = nn.Sequential(nn.Linear(1, 3))
    model(torch.zeros(2, 1))
    print(model)


if __name__ == "__main__":
    for example in [f for f in globals().values() if hasattr(f, "__code__")]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
