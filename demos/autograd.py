"""Autograd: graphs, leaves, gradients.

Torch writes down every operation on a tensor that requires a gradient. backward() walks
that graph back from its end and multiplies the derivatives on the way. Where the walk
stops, what is kept, and what is added up, is the topic of these examples. Each function
runs by itself: `graphscope demo ID`.
"""

import torch
import torch.nn.functional as F
from torch import nn


def autograd_z14() -> None:
    """d4-autograd-z14: The first autograd graph, y = x² and z = 3y + 2.

    Look at: the gradient walks back from z over * and (·)² to x: dz/dy = 3 and
    dz/dx = 3 · 2x = 12. The constants 3 and 2 get none.
    """
    x = torch.tensor(2.0, requires_grad=True)
    y = x**2
    z = 3 * y + 2
    z.backward()
    print("z =", z.item())
    print("Gradient of z with respect to x:", x.grad)


def z_diagram() -> None:
    """7e-z-diagram: The drawing of z = 3x² + 2.

    Look at: x, (·)², *, 3, + and 2, as on the slide. The three operations are nodes of
    autograd; the constants are drawn too, but no gradient goes to them.
    """
    x = torch.tensor(2.0, requires_grad=True)
    z = 3 * x**2 + 2
    z.backward()
    print(z, x.grad)


def leaves() -> None:
    """x-leaves: A leaf, a non-leaf and a constant.

    Look at: w is a leaf: backward() stores 2 in its .grad. The gradient 1 passes
    through u, a non-leaf, where torch keeps none. x requires none and gets none.
    """
    w = torch.tensor(5.0, requires_grad=True)  # leaf: made by hand, to be learned
    x = torch.tensor(2.0)  # constant: data
    u = w * x  # non-leaf: computed from a leaf
    z = u + 1
    z.backward()
    print(w.is_leaf, x.is_leaf, u.is_leaf)
    print(w.requires_grad, x.requires_grad, u.requires_grad)
    print(w.grad, x.grad)


def none_zero_value() -> None:
    """x-none-zero-value: Three leaves whose .grad is None, 0 and a number.

    Look at: no path leads from the loss back to a: not reached, a.grad is None. b is
    reached by 6 times x = 0: b.grad is 0. c.grad is 2 · y_hat = 6.
    """
    a = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(2.0, requires_grad=True)
    c = torch.tensor(3.0, requires_grad=True)
    x = torch.tensor(0.0)
    unused = a * x
    y_hat = b * x + c
    loss = y_hat**2
    loss.backward()
    print(unused, a.grad, b.grad, c.grad)


def autograd_mean() -> None:
    """41-autograd-mean: A vector, two operations and their mean.

    Look at: y is used twice in z = y · y · 2, and the two gradients that come back are
    added: x.grad is 4y / 3, which hand_grad computes by hand.
    """
    x = torch.tensor([-0.80217, 1.06103, 1.187839], requires_grad=True)
    y = x + 2
    z = y * y * 2
    mean = z.mean()
    mean.backward()
    with torch.no_grad():
        hand_grad = 4 * y / 3
    print(y, z, mean)
    print(x.grad, hand_grad)


def scalar_only_error() -> None:
    """41-scalar-only-error: What backward() begins with: a single number.

    Look at: c has three elements, and the gradient of which of them is asked for? The
    forward pass is there, the backward pass never began.
    """
    x = torch.tensor([-0.8022, 1.0610, 1.1878], requires_grad=True)
    y = x + 2
    c = y * y * 2
    c.backward()


def seed() -> None:
    """x-seed: The seed v of backward(v) picks from the Jacobian.

    Look at: the Jacobian of y = W x is W. v enters at y, and v · W reaches x, which for
    v = [0, 1] is the second row of W: [3, 4]. No Jacobian is ever built.
    """
    W = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    x = torch.tensor([5.0, 6.0], requires_grad=True)
    y = W @ x
    v = torch.tensor([0.0, 1.0])
    y.backward(v)
    by_hand = v @ W
    print(x.grad, by_hand)


def vjp() -> None:
    """41-vjp: A vector times the Jacobian, added to an older gradient.

    Look at: z and c share y = x + 2. The second backward brings v · 4y, and .grad shows
    the sum with the first one's: that sum is what the lecture prints.
    """
    x = torch.tensor([-0.80217, 1.06103, 1.187839], requires_grad=True)
    y = x + 2
    z = y * y * 2
    mean = z.mean()
    mean.backward()
    print(x.grad)

    c = y * y * 2
    v = torch.tensor([0.1, 1.0, 0.001])
    c.backward(v)
    with torch.no_grad():
        v_times_4y = v * 4 * y
    print(x.grad, v_times_4y)


def shared_prefix() -> None:
    """x-shared-prefix: Two graphs that begin with the same operation.

    Look at: both backwards end in the one y = x², which gets 3 from z and 5 from c. The
    first must keep the graph, because x² has stored x and would drop it.
    """
    x = torch.tensor(2.0, requires_grad=True)
    y = x**2
    z = 3 * y
    c = 5 * y
    z.backward(retain_graph=True)
    print(x.grad)
    c.backward()
    print(x.grad)


def retain_graph() -> None:
    """35-retain-graph: The graph is used up by the first walk.

    Look at: the gradient of w_1 is there, −0.4814, that of b is not: the first walk
    freed what the operations had stored. retain_graph=True would have kept it.
    """
    x_1 = torch.tensor([3.7])
    y = torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)
    dl_dw_1 = torch.autograd.grad(l, w_1)
    print(dl_dw_1)
    torch.autograd.grad(l, b)


def retained_graph() -> None:
    """x-retained-graph: Walking twice through a graph that is kept.

    Look at: the same graph as in 35-retain-graph, walked once for w_1 and once for b:
    −0.4814 and −0.1301. autograd.grad hands them back; no .grad is written.
    """
    x_1 = torch.tensor([3.7])
    y = torch.tensor([1.0])
    w_1 = torch.tensor([0.5], requires_grad=True)
    b = torch.tensor([0.05], requires_grad=True)
    u = x_1 * w_1
    z = u + b
    a = torch.sigmoid(z)
    l = F.binary_cross_entropy(a, y)
    dl_dw_1 = torch.autograd.grad(l, w_1, retain_graph=True)
    dl_db = torch.autograd.grad(l, b)
    print(dl_dw_1, dl_db, w_1.grad, b.grad)


def no_grad() -> dict[str, object]:
    """41-no-grad: Three ways to compute without a graph.

    Look at: all the sums have the same numbers, but only y has a grad_fn, AddBackward0.
    detach() is no copy, as the lecture says, but a view of the same memory.
    """
    x = torch.tensor([1.3164, -0.5736, 0.3020], requires_grad=True)
    y = x + 2
    with torch.no_grad():
        y_no_grad = x + 2
    x_detached = x.detach()
    y_detached = x_detached + 2
    x_plain = x.clone().detach().requires_grad_(False)
    y_plain = x_plain + 2
    is_shared = x_detached.data_ptr() == x.data_ptr()
    print(y, y_no_grad, y_detached, y_plain, is_shared)
    return {"detach_shares_memory": is_shared}


def detach_wall() -> None:
    """x-detach-wall: A branch behind detach() learns nothing.

    Look at: both branches reach y_hat and the loss with their numbers. The gradient
    comes back to w_1 alone: 12. At detach() it ends, and w_2.grad stays None.
    """
    x = torch.tensor(2.0)
    y = torch.tensor(5.0)
    w_1 = torch.tensor(3.0, requires_grad=True)
    w_2 = torch.tensor(1.0, requires_grad=True)
    branch_1 = w_1 * x
    branch_2 = w_2 * x
    wall = branch_2.detach()
    y_hat = branch_1 + wall
    loss = (y_hat - y) ** 2
    loss.backward()
    print(loss, w_1.grad, w_2.grad)


def detach_numpy() -> dict[str, object]:
    """41-detach-numpy: From the model to a plot: detach() first.

    Look at: output requires a gradient, and NumPy knows of none: numpy() refuses.
    Behind detach() the same numbers are free of the graph.
    """
    model = nn.Linear(1, 1)
    x = torch.ones(3, 1)
    output = model(x)
    message = ""
    try:
        output.numpy()
    except RuntimeError as error:
        message = str(error)
    detached = output.detach()
    predicted = detached.numpy()
    print(message, predicted.dtype)
    return {"dtype": str(predicted.dtype), "error_without_detach": message}


def predict_builds_graph() -> None:
    """41-predict-builds-graph: A prediction outside of no_grad() still builds a graph.

    Look at: y_predicted has a grad_fn, SigmoidBackward0, that holds the whole graph
    alive. Under no_grad() the same operations leave nothing: grad_fn is None.
    """
    model = nn.Linear(30, 1)
    row = torch.zeros(30)  # one patient with 30 features
    y_predicted = torch.sigmoid(model(row))
    with torch.no_grad():
        y_no_grad = torch.sigmoid(model(row))
    print(y_predicted, y_no_grad)


def eval_no_grad() -> None:
    """d4-mnist-eval-no-grad: Evaluating under no_grad().

    Look at: the layer's output requires no gradient and has no grad_fn. The images are
    scikit-learn's digits, 8 x 8 enlarged to 28 x 28, in place of MNIST.
    """
    from sklearn import datasets

    digits = torch.tensor(datasets.load_digits().images[:4], dtype=torch.float32)
    images = F.interpolate(digits.unsqueeze(1), size=(28, 28)) / 16
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    with torch.no_grad():
        outputs = model(images)
        predicted = torch.argmax(outputs, dim=1)
    print(outputs.requires_grad, outputs.grad_fn, predicted)


def accumulate() -> None:
    """41-accumulate: Three backwards without zeroing: gradients add up in .grad.

    Look at: each backward brings the same gradient 3 to the weights, but .grad reads 3,
    then 6, then 9. Without an update all three passes are one step.
    """
    weights = torch.ones(4, requires_grad=True)
    for _pass in range(3):
        out = (weights * 3).sum()
        out.backward()
        print(weights.grad)


def accumulate_zero() -> None:
    """41-accumulate-zero: Setting .grad back to zero in between.

    Look at: .grad goes 3, 0, 3, 0, 3, 0. zero_() leaves a tensor of zeros behind; an
    optimizer's zero_grad() leaves None.
    """
    weights = torch.ones(4, requires_grad=True)
    for _pass in range(3):
        out = (weights * 3).sum()
        out.backward()
        print(weights.grad)
        weights.grad.zero_()
        print(weights.grad)


def chain_wx() -> None:
    """41-chain-wx: The chain rule from the loss to the weight, factor by factor.

    Look at: ∂loss/∂s = 2s = −2, ∂s/∂y_hat = 1 and ∂y_hat/∂w = x = 1 stand on the edges;
    their product −2 is w.grad.
    """
    x = torch.tensor(1.0)
    y = torch.tensor(2.0)
    w = torch.tensor(1.0, requires_grad=True)
    y_hat = w * x
    s = y_hat - y
    loss = s**2
    loss.backward()
    print(loss, w.grad)


def no_grad_update() -> dict[str, object]:
    """ee-no-grad-update: Updating a parameter in place needs no_grad().

    Look at: without it torch refuses the −=. outside is a new tensor and no leaf. Under
    no_grad() params stays the leaf that it was and becomes its version 1.
    """
    params = torch.tensor([-1.0, 5.0], requires_grad=True)
    loss = (params**2).sum()
    loss.backward()
    message = ""
    try:
        params -= 0.1 * params.grad
    except RuntimeError as error:
        message = str(error)
    outside = params - 0.1 * params.grad
    with torch.no_grad():
        params -= 0.1 * params.grad
    print(message, outside.is_leaf, params.is_leaf, params)
    return {"error": message}


def call_hooks() -> dict[str, object]:
    """ee-call-hooks: What model(x) does more than model.forward(x): its hooks.

    Look at: o and p are equal, but o has a further node, BackwardHookFunction:
    a module's backward hook changes the graph.
    """
    log: list[str] = []

    class Model(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            log.append("forward")
            return super().forward(x)

    model = Model(1, 1)
    model.register_forward_pre_hook(lambda *_: log.append("pre"))
    model.register_forward_hook(lambda *_: log.append("post"))
    model.register_full_backward_pre_hook(lambda *_: log.append("bwd_pre"))
    model.register_full_backward_hook(lambda *_: log.append("bwd"))

    x = torch.ones(1, 1, requires_grad=True)
    o = model(x)
    o.sum().backward()
    via_call = list(log)
    log.clear()
    p = model.forward(x)
    p.sum().backward()
    same_value = (o == p).all()
    print(via_call, log, same_value)
    return {"via_call": via_call, "via_forward": log}


if __name__ == "__main__":
    for example in [item for item in globals().values() if callable(item)]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        try:
            example()
        except RuntimeError as error:
            print(f"RuntimeError: {error}")
