"""Losses: how far a prediction is from its label, as one number.

Squared and absolute distances for numbers, cross-entropy for classes: built in and
written out, and what gradient each of them starts backward with. Each function runs by
itself: `graphscope demo ID`.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def mse_builtin() -> None:
    """d4-mse-4: The mean squared error of four numbers.

    Look at: the gradient of x is 2(x − y) / N. The further from 5, the larger: −2 for
    the 1, −0.5 for the 4.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)  # plain in the lecture
    y = torch.tensor([5.0, 5.0, 5.0, 5.0])
    criterion = nn.MSELoss()
    mse = criterion(x, y)
    mse.backward()
    print("mse:", mse.item(), "gradient:", x.grad)


def mse_diagram() -> None:
    """7e-mse-diagram: The same error step by step: subtract, square, add up, divide.

    Look at: the squares 16, 9, 4, 1 add up to 30; divided by N = 4 that is 7.5. The
    slide's sum has no 1/N, but its result has.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    y = torch.tensor([5.0, 5.0, 5.0, 5.0])
    d = x - y
    sd = d**2
    total = sd.sum()
    mse = total / 4
    print(sd, total, mse)


def cross_entropy_builtin() -> None:
    """d4-cross-entropy: Cross-entropy of two samples from their scores.

    Look at: the gradient of logits is softmax − 1 at the right class and softmax at the
    other, divided by the two samples; a row adds up to 0.
    """
    logits = torch.tensor([[0.38, -0.09], [1.0, -0.4]], requires_grad=True)
    y_true = torch.tensor([0, 1])
    criterion = nn.CrossEntropyLoss()
    loss = criterion(logits, y_true)
    loss.backward()
    print("loss:", loss.item(), "gradient:", logits.grad)


def cross_entropy_diagram() -> None:
    """7e-cross-entropy: Two linear heads, softmax and cross-entropy, as drawn.

    Look at: of each sample the loss sees one probability only, 0.615 and 0.198: −log of
    them is 0.4855 and 1.6204, and L = 1.0530 their mean. w_0 and w_1 are pulled apart.
    """
    x = torch.tensor([1.4, 4.5])  # two samples
    y_0, y_1 = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    w_0 = torch.tensor(0.2, requires_grad=True)
    b_0 = torch.tensor(0.1, requires_grad=True)
    w_1 = torch.tensor(-0.1, requires_grad=True)
    b_1 = torch.tensor(0.05, requires_grad=True)

    z_0 = w_0 * x + b_0
    z_1 = w_1 * x + b_1
    z = torch.stack((z_0, z_1))
    y_hat = torch.softmax(z, dim=0)
    y_hat_0, y_hat_1 = y_hat
    L_each = -y_0 * torch.log(y_hat_0) - y_1 * torch.log(y_hat_1)
    L = L_each.mean()
    L.backward()
    print("z:", z, "y_hat:", y_hat, "L:", L.item())


def l1() -> None:
    """41-l1: The mean absolute error, number by number and as a mean.

    Look at: the gradient of x knows only the sign of x − y: +1/6 or −1/6, however far
    away. A far point pulls no harder than a near one.
    """
    x = torch.tensor(  # drawn without a seed in the lecture: from its printed digits
        [[0.11874012, 0.3279747, -1.1895835], [0.7771386, -0.08891078, 0.8224128]],
        requires_grad=True,
    )
    y = torch.tensor([[-0.1714, 0.5595, -0.5074], [-0.3716, -0.42996, -1.1684]])
    absolute = nn.L1Loss(reduction="none")(x, y)
    mae = nn.L1Loss()(x, y)
    mae.backward()
    print(absolute, mae, x.grad)


def smooth_l1() -> None:
    """41-smoothl1: Smooth L1: a parabola near zero, a line further out.

    Look at: where d < 1 is true, by_hand is d²/2, elsewhere d − 1/2; both agree with
    the built-in each. At d = 1 both are 1/2: no jump.
    """
    x = torch.tensor(  # drawn without a seed in the lecture: from its printed digits
        [[0.11874012, 0.3279747, -1.1895835], [0.7771386, -0.08891078, 0.8224128]]
    )
    y = torch.tensor([[-0.1714, 0.5595, -0.5074], [-0.3716, -0.42996, -1.1684]])
    each = nn.SmoothL1Loss(reduction="none")(x, y)
    mean = nn.SmoothL1Loss()(x, y)

    d = (x - y).abs()
    parabola = 0.5 * d**2
    line = d - 0.5
    by_hand = torch.where(d < 1, parabola, line)  # the lecture's `if`, for all at once
    by_hand_mean = by_hand.mean()
    print(each, mean, by_hand, by_hand_mean)


def mse_notebook() -> None:
    """41-mse: The mean squared error of the same numbers.

    Look at: squaring makes large errors larger: 1.99 becomes 3.96, two thirds of the
    sum, and small ones smaller: 0.23 becomes 0.05.
    """
    x = torch.tensor(  # drawn without a seed in the lecture: from its printed digits
        [[0.11874012, 0.3279747, -1.1895835], [0.7771386, -0.08891078, 0.8224128]]
    )
    y = torch.tensor([[-0.1714, 0.5595, -0.5074], [-0.3716, -0.42996, -1.1684]])
    each = nn.MSELoss(reduction="none")(x, y)
    mean = nn.MSELoss()(x, y)
    print(each, mean)


def gaussian_nll() -> None:
    """41-gaussian-nll-formula: The negative log-likelihood of a Gaussian.

    Look at: plus_signs is what torch gives, 4.3995; with the slide's minus signs it
    would be −2.1383. The logarithms are of the factor before the exponential.
    """
    x = torch.tensor([1.0, -1.0, 0.5])  # the lecture prints no numbers
    Sigma = torch.tensor([[2.0, 0.3, 0.0], [0.3, 1.0, 0.2], [0.0, 0.2, 1.5]])
    quadratic = 0.5 * (x @ torch.linalg.inv(Sigma) @ x)
    logs = 3 / 2 * math.log(2 * math.pi) + 0.5 * torch.logdet(Sigma)
    plus_signs = quadratic + logs
    minus_signs = quadratic - logs

    gaussian = torch.distributions.MultivariateNormal(
        torch.zeros(3), Sigma, validate_args=False
    )
    nll = -gaussian.log_prob(x)
    print(plus_signs, minus_signs, nll)


def bce_formula() -> None:
    """41-bce-formula: Binary cross-entropy is −log p or −log(1 − p).

    Look at: with p = 0.8 the label 1 costs 0.2231 and the label 0 costs 1.6094; the
    label only chooses which of the two logarithms counts.
    """
    p = torch.tensor(0.8)
    y_1, y_0 = torch.tensor(1.0), torch.tensor(0.0)
    l_1 = F.binary_cross_entropy(p, y_1)
    l_0 = F.binary_cross_entropy(p, y_0)
    minus_log_p = -torch.log(p)
    minus_log_1_minus_p = -torch.log(1 - p)
    print("y = 1:", l_1, minus_log_p, "y = 0:", l_0, minus_log_1_minus_p)


def cross_entropy_numpy() -> None:
    """41-cross-entropy-numpy: Cross-entropy written out, for a good and a bad guess.

    Look at: y = [1, 0, 0] leaves one logarithm: −log 0.7 = 0.3567 is a good loss,
    −log 0.1 = 2.3026 a bad one. NumPy in the lecture; float64 here, as there.
    """
    y = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    y_hat_good = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    y_hat_bad = torch.tensor([0.1, 0.3, 0.6], dtype=torch.float64)

    def cross_entropy(y_hat: torch.Tensor) -> torch.Tensor:
        clipped = y_hat.clip(1e-15, 1 - 1e-15)  # so that no log is of 0
        return -(y * torch.log(clipped)).sum()

    good = cross_entropy(y_hat_good)
    bad = cross_entropy(y_hat_bad)
    print(f"good: {good.item():.6f}, bad: {bad.item():.6f}")


def cross_entropy_one() -> None:
    """41-cross-entropy-torch-1: nn.CrossEntropyLoss of one sample: scores, not softmax.

    Look at: both losses are of class y = 0. y_pred_good has its largest score there,
    y_pred_bad at class 1: 0.4170 against 1.8406.
    """
    criterion = nn.CrossEntropyLoss()
    y = torch.tensor([0])
    y_pred_good = torch.tensor([[2.0, 1.0, 0.1]], requires_grad=True)
    y_pred_bad = torch.tensor([[0.5, 2.0, 0.3]])
    good = criterion(y_pred_good, y)
    bad = criterion(y_pred_bad, y)
    max_value, class_good = torch.max(y_pred_good, dim=1)
    _, class_bad = torch.max(y_pred_bad, dim=1)
    good.backward()  # not in the lecture
    print(good.item(), bad.item(), max_value, class_good, class_bad)


def cross_entropy_three() -> None:
    """41-cross-entropy-torch-3: nn.CrossEntropyLoss of three samples.

    Look at: the loss is the mean over the rows. The good guesses are all right, class
    2, 0, 1 as in y; the bad ones are all wrong.
    """
    criterion = nn.CrossEntropyLoss()
    y = torch.tensor([2, 0, 1])
    y_pred_good = torch.tensor([[0.1, 0.2, 3.9], [1.2, 0.1, 0.3], [0.3, 2.2, 0.2]])
    y_pred_bad = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.3, 1.5], [1.2, 0.2, 0.5]])
    good = criterion(y_pred_good, y)
    bad = criterion(y_pred_bad, y)
    class_good = y_pred_good.argmax(dim=1)
    class_bad = y_pred_bad.argmax(dim=1)
    print(good.item(), bad.item(), class_good, class_bad)


def cross_entropy_wrong() -> None:
    """ee-ce-1.77: Cross-entropy of a wrong guess: the right class got 0.17.

    Look at: H = −log 0.17 = 1.77, and the gradient of y_hat is −1/0.17 = −5.88 for the
    right class, 0 for the other.
    """
    y_hat = torch.tensor([0.83, 0.17], requires_grad=True)
    y = torch.tensor([0.0, 1.0])
    log_y_hat = torch.log(y_hat)
    H = -(y * log_y_hat).sum()
    H.backward()
    print("H:", H.item(), "gradient:", y_hat.grad)


def cross_entropy_right() -> None:
    """ee-ce-0.23: Cross-entropy of a right guess: the right class got 0.79.

    Look at: H = −log 0.79 = 0.2357; the slide cuts it off to 0.23.
    """
    y_hat = torch.tensor([0.21, 0.79])
    y = torch.tensor([0.0, 1.0])
    log_y_hat = torch.log(y_hat)
    H = -(y * log_y_hat).sum()
    print("H:", H.item())


def mse_scalar() -> None:
    """ee-mse-scalar: Squared and absolute error of one number.

    Look at: the output is 1.5 too small: mse = 1.5² = 2.25, mae = 1.5. The gradient
    2 · (−1.5) = −3 is negative: a larger output would be better.
    """
    output = torch.tensor([23.5], requires_grad=True)
    label = torch.tensor([25.0])
    mse = nn.MSELoss()(output, label)
    mae = nn.L1Loss()(output, label)
    mse.backward()
    print(mse.item(), mae.item(), output.grad)


def regularization() -> None:
    """ee-regularization: A loss that also keeps the weights small.

    Look at: weight has two arrows out, to the layer and to its norm: its
    gradient is the sum of what comes back along both.
    """
    torch.manual_seed(0)
    linear = nn.Linear(4, 3)
    x = torch.rand(6, 4)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    scores = linear(x)
    ce = F.cross_entropy(scores, y)
    norm = linear.weight.norm(2)
    loss = ce + norm
    loss.backward()
    print(ce, norm, loss)


def r_squared() -> None:
    """41-r2: R², how much of the spread a line explains, in two ways.

    Look at: 1 − SS_res / SS_tot and SS_reg / SS_tot are both 0.99566, but only because
    the line is the best one. For any other line they differ.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])  # the lecture has only the formulas
    y = torch.tensor([2.1, 3.9, 6.2, 7.8])
    A = torch.stack((x, torch.ones(4)), dim=1)
    w_and_b = torch.linalg.lstsq(A, y.unsqueeze(1)).solution
    y_hat = (A @ w_and_b).squeeze()
    y_mean = y.mean()
    SS_res = ((y - y_hat) ** 2).sum()
    SS_reg = ((y_hat - y_mean) ** 2).sum()
    SS_tot = ((y - y_mean) ** 2).sum()
    one_minus_res_over_tot = 1 - SS_res / SS_tot
    reg_over_tot = SS_reg / SS_tot
    print(one_minus_res_over_tot, reg_over_tot)


if __name__ == "__main__":
    for example in [item for item in globals().values() if callable(item)]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
