"""Linear regression: a line through points, found by gradient descent.

One iteration in five steps and whole trainings, by hand and with nn.Linear, on houses,
budgets and made-up points. Each function runs by itself: `graphscope demo ID`.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

DATA = Path(__file__).parent / "data"


def linear_init() -> None:
    """d4-linear-init: A new nn.Linear draws its parameters at random.

    Look at: in_range: for one input weight and bias lie between −1 and 1.
    """
    linear = nn.Linear(1, 1)
    w, b = linear.weight.detach(), linear.bias.detach()
    in_range = (w.abs() <= 1).all() & (b.abs() <= 1).all()
    print(linear.bias, linear.weight, in_range)


def linear_set_values() -> None:
    """d4-linear-set-values: Setting the parameters by hand, through .data.

    Look at: −0.34 and 0.04 come from no operation; both still require a gradient.
    """
    linear = nn.Linear(1, 1)
    linear.bias.data = torch.Tensor([0.04])
    linear.weight.data = torch.Tensor([[-0.34]])
    x = torch.tensor([6.7])
    y_hat = linear(x)
    print(linear.bias, linear.weight, y_hat)


def linreg_init() -> None:
    """7e-linreg-init-0655: The drawing of the line, from the parameters drawn at first.

    Look at: L'_w = −181.27 and L'_b = −27.06; before step 4 they are None (drawn: 0).
    """
    x, y = torch.tensor(6.7), torch.tensor(9.1)
    w = torch.tensor(-0.655, requires_grad=True)
    b = torch.tensor(-0.0393, requires_grad=True)
    y_hat = x * w + b  # 1 prediction
    loss = (y_hat - y) ** 2  # 2 loss
    w.grad = b.grad = None  # 3 zero the gradients
    loss.backward()  # 4 backward
    with torch.no_grad():  # 5 update
        w -= 0.01 * w.grad
        b -= 0.01 * b.grad
    print(f"y_hat = {y_hat:.4f}, loss = {loss:.4f}, w = {w:.4f}, b = {b:.4f}")


def linreg_step() -> None:
    """7e-linreg-step: One iteration by hand, every intermediate result with its name.

    Look at: from the loss 128.55 the gradient −22.676 = 2d goes unchanged over d, y_hat
    and p to b; on its way to w it is multiplied by x = 6.7: −151.93.
    """
    x, y = torch.tensor(6.7), torch.tensor(9.1)
    w = torch.tensor(-0.34, requires_grad=True)
    b = torch.tensor(0.04, requires_grad=True)
    p = x * w
    y_hat = p + b
    d = y_hat - y
    loss = d**2
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        b -= 0.01 * b.grad
    print(f"y_hat = {y_hat:.4f}, loss = {loss:.4f}, w = {w:.6f}, b = {b:.5f}")


def five_steps() -> None:
    """d4-five-steps: One training iteration in its five numbered steps.

    Look at: step 4 gives weight −151.93 and bias −22.68 as gradients, and step 5 moves
    both by 0.01 of that: −0.34 to 1.1793, 0.04 to 0.2668.
    """
    x, y = torch.tensor([[6.7]]), torch.tensor([[9.1]])
    linear = nn.Linear(1, 1)
    linear.bias.data = torch.Tensor([0.04])
    linear.weight.data = torch.Tensor([[-0.34]])
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)
    y_hat = linear(x)  # 1 prediction
    loss = criterion(y_hat, y)  # 2 loss
    optimizer.zero_grad()  # 3 zero the gradients
    loss.backward()  # 4 backward
    optimizer.step()  # 5 update
    print(y_hat.item(), loss.item(), linear.weight.item(), linear.bias.item())


def house_train() -> None:
    """d4-house-train: The five steps, 100 times, over four houses at once.

    Look at: over the steps the loss falls from 72.37 to 0.1052, nearly all of it in the
    first ten. weight then hardly moves: its gradient is close to 0.
    """
    data = np.genfromtxt(DATA / "house_prices.csv", delimiter=",", skip_header=1)
    X = torch.tensor(data[:, :1], dtype=torch.float32)
    Y = torch.tensor(data[:, 1:], dtype=torch.float32)
    linear = nn.Linear(1, 1)
    linear.weight.data = torch.tensor([[-0.34]])  # drawn at random in the lecture
    linear.bias.data = torch.tensor([0.04])
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.01)
    for _epoch in range(100):
        y_hat = linear(X)  # 1 prediction
        loss = criterion(y_hat, Y)  # 2 loss
        optimizer.zero_grad()  # 3 zero the gradients
        loss.backward()  # 4 backward
        optimizer.step()  # 5 update
    print(f"w = {linear.weight.item():.4f}, b = {linear.bias.item():.4f}")


def advertising() -> None:
    """d4-advertising-forward: Three features: the budgets for TV, radio, newspaper.

    Look at: the gradient of weight is in the thousands, −4596 for TV, but −31.6 for
    bias: with budgets in the hundreds a learning rate of 0.01 would overshoot.
    """
    data = np.genfromtxt(DATA / "advertising.csv", delimiter=",", skip_header=1)
    X = torch.tensor(data[:, :3], dtype=torch.float32)
    Y = torch.tensor(data[:, 3:], dtype=torch.float32)
    linear = nn.Linear(3, 1)
    linear.weight.data, linear.bias.data = torch.zeros(1, 3), torch.zeros(1)
    y_hat = linear(X)
    loss = nn.MSELoss()(y_hat, Y)
    loss.backward()
    print(loss, linear.weight.grad, linear.bias.grad)


def boston() -> None:
    """d4-boston-forward: Thirteen features of houses in Boston, 14 parameters.

    Look at: chas, the fourth feature, is 0 in every row: so is its weight's gradient.
    """
    data = np.genfromtxt(DATA / "boston.csv", delimiter=",", skip_header=1)
    X = torch.tensor(data[:, :13], dtype=torch.float32)
    Y = torch.tensor(data[:, 13:], dtype=torch.float32)
    linear = nn.Linear(13, 1)
    linear.weight.data, linear.bias.data = torch.zeros(1, 13), torch.zeros(1)
    y_hat = linear(X)
    loss = nn.MSELoss()(y_hat, Y)
    loss.backward()
    print(loss, linear.weight.grad, linear.bias.grad)


def numpy_gd_table() -> None:
    """41-numpy-gd-table: Gradient descent with a slope that is written by hand.

    Look at: w walks from 0 to 2 and dw shrinks from −120 to −0.03. Autograd takes
    no part: nothing requires a gradient. NumPy in the lecture; its dtypes here.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    y = 2 * x
    w = torch.tensor(0.0, dtype=torch.float64)  # float32 for all but w
    before = w * 5
    for epoch in range(10):
        y_pred = w * x
        l = ((y_pred - y) ** 2).mean()
        dw = torch.dot(2 * x, y_pred - y)  # dot adds up: the slope of 4 · l
        w -= 0.01 * dw.double()  # in float64, as NumPy did then
        print(f"epoch {epoch}: w = {w:.3f}, loss = {l:.6f}, dw = {dw:.4f}")
    after = w * 5
    print(f"f(5) = {before:.3f} before, {after:.3f} after")


def linreg_four_samples() -> None:
    """41-linreg-4samples: nn.Linear on y = 2x, 100 epochs.

    Look at: the loss is from before an update, the weight shown beside it from after.
    The lecture's loss_fn(y, y_pred) has its arguments swapped: harmless for squares.
    """
    X = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    Y = torch.tensor([[2.0], [4.0], [6.0], [8.0]])
    model = nn.Linear(1, 1)
    model.weight.data = torch.tensor([[-0.65051447]])  # drawn at random in the lecture:
    model.bias.data = torch.tensor([-0.10438969])  # these give its table
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = model(torch.tensor([5.0]))
    for epoch in range(1, 101):
        y_pred = model(X)
        loss = loss_fn(Y, y_pred)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if epoch % 10 == 0:
            w, b = model.weight.item(), model.bias.item()
            print(f"epoch {epoch}: loss {loss.item():.8f}, w {w:.3f}, b {b:.3f}")
    after = model(torch.tensor([5.0]))
    print(f"f(5) = {before.item():.3f} before, {after.item():.3f} after")


def make_regression_data() -> dict[str, object]:
    """41-make-regression-data: 100 points around a line, by scikit-learn.

    Look at: y_train has shape [100], y_column [100, 1]: without it a loss would compare
    every prediction with every label. scikit-learn gives float64, torch wants float32.
    """
    from sklearn import datasets

    x_numpy, y_numpy = datasets.make_regression(100, 1, noise=20, random_state=1)
    x, y = torch.tensor(x_numpy), torch.tensor(y_numpy)
    y_train = y.float()
    y_column = y_train.view(100, 1)
    print(x[:5], y[:5], y_train.shape, y_column.shape)
    return {"dtypes": [str(x_numpy.dtype), str(y_numpy.dtype)]}


def make_regression_train() -> None:
    """41-make-regression-train: A line through these points, 100 epochs.

    Look at: the loss falls from 5643 to 559; the best line would leave 333.
    """
    from sklearn import datasets

    x_numpy, y_numpy = datasets.make_regression(100, 1, noise=20, random_state=1)
    X = torch.from_numpy(x_numpy.astype(np.float32))
    y = torch.from_numpy(y_numpy.astype(np.float32))
    Y = y.view(100, 1)
    model = nn.Linear(1, 1)
    model.weight.data = torch.tensor([[0.811448]])  # drawn at random in the lecture:
    model.bias.data = torch.tensor([-0.18966204])  # these give its table
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(1, 101):
        loss = criterion(model(X), Y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if epoch % 10 == 0:
            print(f"epoch {epoch}: loss {loss.item():.6f}")


def regression_data() -> None:
    """ee-regression-data: 50 points around the line 2x + 3.

    Look at: labels gets the noise in place: its version 1. No gradient is required.
    """
    torch.manual_seed(42)
    samples = torch.rand(size=(50,))
    noise = 0.05 * torch.randn(size=(50,))
    labels = 2 * samples + 3
    labels += noise
    print(samples[:5], labels[:5], labels.requires_grad)


def gradient_descent_1000() -> None:
    """ee-gd-1000: Gradient descent by hand, 1000 epochs.

    Look at: params is one leaf of two numbers; w, b = params takes it apart, so its
    gradient [−0.11, 0.61] comes back along two arrows into one. It ends near [2, 3].
    """
    torch.manual_seed(42)
    samples = torch.rand(size=(50,))
    labels = 2 * samples + 3 + 0.05 * torch.randn(size=(50,))
    params = torch.tensor([-1.0, 5.0], requires_grad=True)
    for epoch in range(1000):
        w, b = params
        predictions = w * samples + b
        loss = ((predictions - labels) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            params -= 0.1 * params.grad
        params.grad.zero_()
        if epoch % 100 == 0:
            print(f"epoch {epoch}: loss {loss.item():.6f}")


def builtin_linear() -> None:
    """ee-builtin-linear: The same descent with nn.Linear, MSELoss and SGD.

    Look at: the losses of ee-gd-1000 again; linear and mse_loss replace six boxes.
    """
    torch.manual_seed(42)
    samples = torch.rand(size=(50,))
    labels = 2 * samples + 3 + 0.05 * torch.randn(size=(50,))
    model = nn.Linear(1, 1)
    model.weight.data, model.bias.data = torch.tensor([[-1.0]]), torch.tensor([5.0])
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _epoch in range(1000):
        loss = loss_fn(model(samples.unsqueeze(1)), labels.unsqueeze(1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(model.weight, model.bias)


def line_on_parabola() -> None:
    """ee-nonlinear-linear: A line on a parabola: it learns, but not enough.

    Look at: the loss stays at 0.079586 and the gradients are 0: the best line is found,
    and no line is good. The model is what has to change.
    """
    torch.manual_seed(42)
    samples = torch.rand(size=(100,))
    labels = (2 * samples - 1) ** 2 + torch.rand(size=(100,)) * 0.1
    model = nn.Linear(1, 1)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(1000):
        loss = loss_fn(model(samples.unsqueeze(1)), labels.unsqueeze(1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if epoch % 100 == 0:
            print(f"epoch {epoch}: loss {loss.item():.6f}")


def linear_seed_123() -> None:
    """35-linear-seed123: The parameters of nn.Linear(2, 1) with a seed.

    Look at: w and b are drawn at random, but with this seed the same in every run.
    """
    torch.manual_seed(123)
    linear = nn.Linear(in_features=2, out_features=1)
    w, b = linear.weight.detach(), linear.bias.detach()
    print(w, b)


def single_matmul() -> None:
    """35-linear-single-matmul: One sample by a matrix product.

    Look at: weight is transposed, multiplied, and bias added: three operations.
    """
    torch.manual_seed(123)
    linear = nn.Linear(in_features=2, out_features=1)
    x = torch.tensor([[1.2, 0.5]])
    z = torch.matmul(x, linear.weight.T) + linear.bias
    print(z)


def single_layer() -> None:
    """35-linear-single-layer: The same sample by calling the layer.

    Look at: the same z = −0.6855 as by matmul, but from one operation, linear.
    """
    torch.manual_seed(123)
    linear = nn.Linear(in_features=2, out_features=1)
    x = torch.tensor([[1.2, 0.5]])
    z = linear(x)
    print(z)


def batch_matmul() -> None:
    """35-linear-batch-matmul: Three samples by one matrix product.

    Look at: x has a row for each sample, and so has z; bias is added to every row.
    """
    torch.manual_seed(123)
    linear = nn.Linear(in_features=2, out_features=1)
    x = torch.tensor([[1.2, 0.5], [0.45, 1.5], [0.3, 2.0]])
    z = torch.matmul(x, linear.weight.T) + linear.bias
    print(z)


def batch_layer() -> None:
    """35-linear-batch-layer: Three samples by calling the layer.

    Look at: the same three numbers z as by matmul, from one operation, linear.
    """
    torch.manual_seed(123)
    linear = nn.Linear(in_features=2, out_features=1)
    x = torch.tensor([[1.2, 0.5], [0.45, 1.5], [0.3, 2.0]])
    z = linear(x)
    print(z)


def summary_3_1() -> None:
    """d4-summary-linear-3-1: Three features, one number: 4 parameters.

    Look at: in the summary the only row, Linear-1, counts three weights and one bias.
    """
    model = nn.Sequential(nn.Linear(3, 1))
    model(torch.zeros(2, 3))
    print(model)


def summary_13_1() -> None:
    """d4-summary-linear-13-1: Thirteen features, one number: 14 parameters.

    Look at: in the summary the only row, Linear-1, counts 13 weights and one bias.
    """
    model = nn.Sequential(nn.Linear(13, 1))
    model(torch.zeros(2, 13))
    print(model)


if __name__ == "__main__":
    for example in [f for f in globals().values() if hasattr(f, "__code__")]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
