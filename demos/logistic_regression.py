"""Logistic regression: sigmoid, binary cross-entropy and the chain rule.

A linear score z, the probability a = sigmoid(z), and a loss that compares it with the
label, 0 or 1. Each function runs by itself: `graphscope demo ID`.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DATA = Path(__file__).parent / "data"


def logistic_chain_rule() -> None:
    """logistic-chain-rule: The chain rule from the loss to the weight, in 100 steps.

    Look at: in the variables style every arrow carries one factor, ∂L/∂a = −1.1496,
    ∂a/∂z = 0.1132, ∂z/∂u = 1, ∂u/∂w_1 = 3.7; their product is ∂L/∂w_1 = −0.4814. Over
    the steps the gradients shrink, because a comes close to y.
    """
    x_1 = torch.tensor([3.7])
    y = torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    optimizer = torch.optim.SGD([w_1, b], lr=0.1)

    for _step in range(100):
        u = x_1 * w_1
        z = u + b
        a = torch.sigmoid(z)
        l = F.binary_cross_entropy(a, y)

        optimizer.zero_grad()
        l.backward()
        optimizer.step()

    print(f"after 100 steps: w_1 = {w_1.item():.6f}, b = {b.item():.6f}")


def logistic_autograd_grad() -> None:
    """35-logistic-grad: The graph u, z, a, l, and its gradients by autograd.grad.

    Look at: the gradients −0.4814 for w_1 and −0.1301 for b are handed back, and .grad
    of both stays None: autograd.grad fills no .grad.
    """
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)
    (grad_w_1,) = torch.autograd.grad(l, w_1, retain_graph=True)
    (grad_b,) = torch.autograd.grad(l, b)
    print(z, a, l, grad_w_1, grad_b, w_1.grad)


def chain_factors() -> None:
    """35-chain-factors: The factors of the chain rule, one on every arrow.

    Look at: in the variables style the arrows from w_1 to l carry 3.7, 1, 0.1132 and
    −1.1496; multiplied they are the gradient −0.4814 at w_1. To b the path is shorter.
    """
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)
    l.backward()
    print("dl/dw_1 =", w_1.grad, "dl/db =", b.grad)


def bce_with_logits() -> None:
    """35-bce-with-logits: Sigmoid and loss in one: the same numbers, one node less.

    Look at: l takes z itself, there is no a between them, and loss and gradients are
    those of sigmoid followed by binary cross-entropy: 0.1394, −0.4814 and −0.1301.
    """
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    l = F.binary_cross_entropy_with_logits(z, y)
    grad_w_1, grad_b = torch.autograd.grad(l, [w_1, b])
    print(z, l, grad_w_1, grad_b)


def backward_fills_grad() -> None:
    """35-backward: l.backward() stores the gradients in .grad of the parameters.

    Look at: the same gradients as autograd.grad hands back, but now they stay at w_1
    and b: .grad goes from None to −0.4814 and −0.1301.
    """
    x_1, y = torch.tensor([3.7]), torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    l = F.binary_cross_entropy_with_logits(z, y)
    l.backward()
    print(z, l, w_1.grad, b.grad)


def written_out_loss() -> None:
    """7e-logreg-init: The loss formula written out: a branch for each label.

    Look at: the label y is 0, so the branch of log(y_hat) is multiplied by zero and
    sends nothing back: all of the gradient comes through log(1 − y_hat).
    """
    x, y = torch.tensor(1.4), torch.tensor(0.0)
    w = torch.tensor(-0.1, requires_grad=True)
    b = torch.tensor(0.1, requires_grad=True)
    z = w * x + b
    y_hat = torch.sigmoid(z)
    loss = -y * torch.log(y_hat) - (1 - y) * torch.log(1 - y_hat)
    loss.backward()
    print("y_hat =", y_hat, "loss =", loss, "L'_w =", w.grad, "L'_b =", b.grad)


def theta_step() -> None:
    """7e-logreg-theta: Two samples as one matrix product, and one step of theta.

    Look at: the gradient of theta is Xᵀ(y_hat − y) / 2, as computed by_hand; the update
    takes 0.01 of it away from theta.
    """
    X = torch.tensor([[1.0, 1.5, 0.2], [1.0, 4.1, 1.3]])  # the column of 1 is the bias
    y = torch.tensor([0.0, 1.0])
    theta = torch.tensor([0.1, 0.5, -0.1], requires_grad=True)
    z = X @ theta
    y_hat = torch.sigmoid(z)
    loss = F.binary_cross_entropy(y_hat, y)
    with torch.no_grad():
        by_hand = X.T @ (y_hat - y) / 2
    loss.backward()
    with torch.no_grad():
        max_diff = (by_hand - theta.grad).abs().max()
        theta -= 0.01 * theta.grad
    print(y_hat, loss, "gradient:", theta.grad, by_hand, max_diff, "theta:", theta)


def iris_1d() -> None:
    """d4-logreg-iris1d: Six petal lengths, one feature, 100 epochs.

    Look at: the loss falls from 0.6394 to 0.5641 while the weight grows and the bias
    falls: short petals (label 0) get scores below those of the long ones.
    """
    iris = np.genfromtxt(DATA / "iris_1d.csv", delimiter=",", skip_header=1)
    X, y = torch.Tensor(iris[:, :1]), torch.Tensor(iris[:, 1:])
    linear = nn.Linear(1, 1)
    linear.weight.data = torch.tensor([[0.1]])
    linear.bias.data = torch.tensor([-0.1])
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)
    for _epoch in range(100):
        z = linear(X)
        y_hat = torch.sigmoid(z)
        loss = F.binary_cross_entropy(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("weight =", linear.weight, "bias =", linear.bias)


def iris_2d() -> None:
    """d4-logreg-iris2d: Petal length and width: two weights and a bias.

    Look at: the weight of the length gets the larger gradient, because petals are
    longer than wide; the loss falls from 0.6580 to 0.5775.
    """
    iris = np.genfromtxt(DATA / "iris_2d.csv", delimiter=",", skip_header=1)
    X, y = torch.Tensor(iris[:, :2]), torch.Tensor(iris[:, 2:])
    linear = nn.Linear(2, 1)
    linear.weight.data = torch.tensor([[0.5, -0.1]])
    linear.bias.data = torch.tensor([0.1])
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)
    for _epoch in range(100):
        z = linear(X)
        y_hat = torch.sigmoid(z)
        loss = F.binary_cross_entropy(y_hat, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("weight =", linear.weight, "bias =", linear.bias)


def three_orders() -> None:
    """d4-logreg-logits-loop: Three places for zero_grad, two ways to the loss.

    Look at: all six runs of 50 steps end at the same params. Only .grad in between
    differs: where zero_grad comes last it is empty when the step is over.
    """
    iris = np.genfromtxt(DATA / "iris_1d.csv", delimiter=",", skip_header=1)
    X, y = torch.Tensor(iris[:, :1]), torch.Tensor(iris[:, 1:])
    ends = []
    for has_logits in (True, False):
        criterion = nn.BCEWithLogitsLoss() if has_logits else nn.BCELoss()
        for order in ("first", "middle", "last"):
            linear = nn.Linear(1, 1)
            linear.weight.data = torch.tensor([[0.1]])
            linear.bias.data = torch.tensor([-0.1])
            optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)
            for _step in range(50):
                if order == "first":
                    optimizer.zero_grad()
                z = linear(X)
                loss = criterion(z if has_logits else torch.sigmoid(z), y)
                if order == "middle":
                    optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if order == "last":
                    optimizer.zero_grad()
            ends.append(torch.cat([p.detach().view(1) for p in linear.parameters()]))
    params = torch.stack(ends)
    max_diff = (params - params[0]).abs().max()
    print("weight and bias after each run:", params, "differ by", max_diff)


def perceptron() -> None:
    """ee-perceptron: One neuron: inputs times weights, sum, bias, activation.

    Look at: every weight gets the slope of the sigmoid, 0.2403, times its own input
    1, 2 or 3; the bias gets the slope alone.
    """
    x = torch.tensor([1.0, 2.0, 3.0])
    w = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
    b = torch.tensor(-1.0, requires_grad=True)
    total = (x * w).sum()
    z = total + b
    p = torch.sigmoid(z)
    p.backward()
    print("p =", p, "gradients:", w.grad, b.grad)


def scores() -> None:
    """ee-scores: Flamingo (0) or seagull (1): scores, labels and probabilities.

    Look at: a score s above 0 is a probability p above one half; the sigmoid written
    out and torch's give the same. Nothing requires a gradient: there is no way back.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    w, b = torch.tensor([-1.0, -2.0]), torch.tensor(10)
    s = X @ w + b
    y_hat = (s > 0).float()
    p = 1 / (1 + torch.exp(-s))
    is_equal = torch.isclose(p, torch.sigmoid(s)).all()  # what torch.allclose asks
    print(s, y_hat, p, is_equal)


def predictions() -> None:
    """ee-predictions: Labels from scores: where s > 0 it is a seagull.

    Look at: four of the last ten entries of y_hat, the seagulls, are 0: flamingos.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    s = X @ torch.tensor([-1.0, -2.0]) + 10
    y_hat = (s > 0).float()
    print(y_hat)


def confusion() -> None:
    """ee-confusion: Confusion matrix, accuracy, precision and recall of the birds.

    Look at: TP, FP, FN, TN are 6, 0, 4, 10: accuracy 0.8, precision 1, recall 0.6.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    y = torch.cat([torch.zeros(10), torch.ones(10)])
    s = X @ torch.tensor([-1.0, -2.0]) + 10
    is_said, is_true = s > 0, y == 1  # positive: a seagull
    TP = (is_said & is_true).sum()
    FP = (is_said & ~is_true).sum()
    FN = (~is_said & is_true).sum()
    TN = (~is_said & ~is_true).sum()
    accuracy = (TP + TN).double() / (TP + FP + FN + TN)
    precision = TP.double() / (TP + FP)
    recall = TP.double() / (TP + FN)
    print(TP, FP, FN, TN, accuracy, precision, recall)


def breast_cancer_data() -> None:
    """41-breast-cancer-data: 569 samples with 30 features, split into 80 % and 20 %.

    Look at: 455 rows to train, 114 to test; the features reach from 0 to 4254, which
    is why they are scaled before the training.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    data = datasets.load_breast_cancer()
    X, y = torch.from_numpy(data.data), torch.from_numpy(data.target)
    X_0, y_0 = X[0], y[0]
    parts = train_test_split(data.data, data.target, test_size=0.2, random_state=42)
    X_train, X_test = torch.from_numpy(parts[0]), torch.from_numpy(parts[1])
    X_train_0, X_test_0 = X_train[0], X_test[0]
    y_train_0 = torch.from_numpy(parts[2])[0]
    largest, smallest = X_train.max(), X_train.min()
    print(X.shape, X_0, y_0, X_train_0, X_test_0, y_train_0, largest, smallest)


def breast_cancer_scaled() -> None:
    """41-breast-cancer-scaled: Every feature minus its mean, over its deviation.

    Look at: mean and std come from the 455 training rows, also for the test rows; after
    scaling the features lie between −3.1 and 11.3.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    X, y = datasets.load_breast_cancer(return_X_y=True)
    parts = train_test_split(X, y, test_size=0.2, random_state=42)
    X_train, X_test = torch.from_numpy(parts[0]), torch.from_numpy(parts[1])
    mean = X_train.mean(dim=0)  # what StandardScaler does, where it can be seen
    std = X_train.std(dim=0, correction=0)
    X_train = (X_train - mean) / std
    X_test = (X_test - mean) / std
    X_train_0, y_train_0 = X_train[0], torch.from_numpy(parts[2])[0]
    largest, smallest = X_train.max(), X_train.min()
    print(X_train_0, y_train_0, largest, smallest, X_test.shape)


def breast_cancer_train() -> None:
    """41-breast-cancer-train: Logistic regression with 30 features, 100 epochs.

    Look at: the loss falls quickly at first and slowly at the end, from 0.5626 in epoch
    10 to 0.2583 in epoch 100, when 96 % of the test rows are told apart.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    X, y = datasets.load_breast_cancer(return_X_y=True)
    parts = train_test_split(X, y, test_size=0.2, random_state=42)
    scaler = StandardScaler().fit(parts[0])
    X_train, X_test = (torch.tensor(scaler.transform(p)).float() for p in parts[:2])
    y_train, y_test = (torch.tensor(p).float().view(-1, 1) for p in parts[2:])
    torch.manual_seed(0)
    linear = nn.Linear(30, 1)
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)
    for epoch in range(1, 101):
        y_hat = torch.sigmoid(linear(X_train))
        loss = F.binary_cross_entropy(y_hat, y_train)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if epoch % 10 == 0:
            print(f"epoch {epoch}: loss {loss.item():.6f}")
    with torch.no_grad():
        p_test = torch.sigmoid(linear(X_test))
        accuracy = ((p_test > 0.5).float() == y_test).float().mean()
    print(accuracy, p_test[0], y_test[0])


def summary_1_1() -> None:
    """d4-summary-linear-1-1: One feature, one score: 2 parameters.

    Look at: in the summary the only row, Linear-1, counts one weight and one bias.
    """
    model = nn.Sequential(nn.Linear(1, 1))
    model(torch.zeros(2, 1))
    print(model)


def summary_2_1() -> None:
    """d4-summary-linear-2-1: Two features, one score: 3 parameters.

    Look at: in the summary the only row, Linear-1, counts two weights and one bias.
    """
    model = nn.Sequential(nn.Linear(2, 1))
    model(torch.zeros(2, 2))
    print(model)


def summary_4_1() -> None:
    """d4-summary-linear-4-1: Four features, one score: 5 parameters.

    Look at: in the summary the only row, Linear-1, counts four weights and one bias.
    """
    model = nn.Sequential(nn.Linear(4, 1))
    model(torch.zeros(2, 4))
    print(model)


if __name__ == "__main__":
    for example in [f for f in globals().values() if hasattr(f, "__code__")]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
