"""Broadcasting: a small tensor meets a large one.

Where shapes differ, torch repeats the smaller tensor along the missing axes without a
copy. On the way back the gradients of all the repetitions are summed. Each function is
one example of a lecture and runs by itself: `graphscope demo ID`.
"""

import warnings

import numpy as np
import torch
from torch import nn


def broadcast_tensor() -> None:
    """d4-broadcast-tensor: A matrix plus a vector of one element.

    Look at: the shapes [2, 2] and [1] meet in +, and the result is [2, 2]: the one
    element of b is added to each of the four.
    """
    a = torch.tensor([[1, 2], [3, 4]])
    b = torch.tensor([1])
    total = a + b
    print(total)


def broadcast_scalar() -> None:
    """d4-broadcast-scalar: A matrix plus a Python number.

    Look at: the constant 2 has no shape and is added to each of the four elements.
    """
    a = torch.tensor([[1, 2], [3, 4]])
    total = a + 2
    print(total)


def broadcast_gradient() -> None:
    """x-broadcast-gradient: The gradient of what was broadcast is summed.

    Look at: each element of total has gradient 1. a gets them as they are; b was used
    four times, so that its gradient is 1 + 1 + 1 + 1 = 4, in b's own shape [1].
    """
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = torch.tensor([1.0], requires_grad=True)
    total = a + b
    loss = total.sum()
    loss.backward()
    print(a.grad, b.grad)


def elementwise() -> None:
    """41-elementwise: Arithmetic on each element, as an operator and as a method.

    Look at: t1 + t2 pairs the elements, t1 + 2 takes the 2 for all. An operator and its
    method are the same operation: methods_equal is True.
    """
    t1 = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    t2 = torch.tensor([[9.0, 8.0], [7.0, 6.0]])
    first_row = t1[0]
    first = first_row[0]
    print(first_row, first)

    total = t1 + t2
    plus = t1 + 2
    minus = t1 - 2
    times = t1 * 2
    divided = t1 / 2
    print(total, plus, minus, times, divided)

    operators = torch.stack((plus, minus, times, divided))
    methods = torch.stack((t1.add(2), t1.sub(2), t1.mul(2), t1.div(2)))
    methods_equal = (operators == methods).all()
    print(methods_equal)


def broadcast_numpy() -> dict[str, object]:
    """41-broadcast-numpy: Adding a NumPy array to a tensor.

    Look at: x is float32, but total is float64: NumPy added, out of torch's sight, and
    torch only wrapped the result. For tensor_total everything stays in torch.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = torch.tensor([2, 2])
    repeated = np.broadcast_to(y.numpy(), x.shape)
    y_repeated = torch.tensor(repeated)  # the same numbers, where torch has them
    plus2 = x + 2
    print(y_repeated, plus2)

    with warnings.catch_warnings():  # NumPy 2 calls this way of adding deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        total = x + repeated
    twos = torch.tensor(np.broadcast_to(2, x.shape), dtype=torch.float32)
    tensor_total = x + twos
    print(total, total.dtype, tensor_total)

    message = ""
    try:
        x.clone().requires_grad_() + repeated
    except RuntimeError as error:
        message = str(error)
    print(message)
    return {"error_if_requires_grad": message}


def squared_difference() -> None:
    """d4-squared-difference: (x − y)² for each element.

    Look at: y = 5 is taken from each element of x: 16, 9, 4, 1.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    y = 5
    difference = x - y
    squared = difference**2
    print(squared)


def unsqueeze() -> dict[str, object]:
    """ee-unsqueeze: A layer wants samples as rows, and a vector is one sample.

    Look at: nn.Linear(1, 1) takes the 50 numbers for one sample of 50 features and
    refuses. unsqueeze(1) makes them 50 rows of one feature: [50, 1].
    """
    model = nn.Linear(1, 1)
    samples = torch.rand(50)
    message = ""
    try:
        model(samples)
    except RuntimeError as error:
        message = str(error)
    rows = samples.unsqueeze(1)
    output = model(rows)
    print(message, output.shape)
    return {"error": message}


if __name__ == "__main__":
    for example in [item for item in globals().values() if callable(item)]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
