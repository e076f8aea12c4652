"""Tensors: making, shaping, joining, comparing and reducing them.

What every later topic is built of: where a tensor's numbers, shape and dtype come from,
and which operations make a new tensor, look at the same memory, or write in place.
Each function is one example of a lecture and runs by itself: `graphscope demo ID`.
"""

from pathlib import Path

import numpy as np
import torch


def tensor_from_list() -> None:
    """d4-tensor-from-list: A tensor from a Python list.

    Look at: t has shape [3] and dtype int64, because the list holds whole numbers.
    """
    t = torch.tensor([1, 2, 3])
    print(t)


def tensor_from_numpy() -> None:
    """d4-tensor-from-numpy: A tensor from a NumPy array.

    Look at: t keeps the array's int64; the slide's int32 is NumPy 1's on Windows.
    """
    t = torch.from_numpy(np.array([1, 2, 3]))
    doubled = 2 * t  # torch's first operation: t comes from outside
    print(t, doubled)


def rand_3x3() -> None:
    """d4-rand-3x3: Random numbers, all values of [0, 1) equally likely.

    Look at: the numbers differ in every run; in_unit_interval is always True.
    """
    t = torch.rand(3, 3)
    in_unit_interval = ((t >= 0) & (t < 1)).all()
    print(t, in_unit_interval)


def randn_3x3() -> None:
    """d4-randn-3x3: Random numbers of the normal distribution.

    Look at: t has the shape [3, 3]; its numbers lie around 0 and differ in every run.
    """
    t = torch.randn(3, 3)
    print(t)


def arange() -> None:
    """d4-arange: Numbers in a row.

    Look at: t runs from start = 0 to before end = 5, as Python's range does.
    """
    t = torch.arange(start=0, end=5, step=1)
    print(t)


def cat_slide() -> None:
    """d4-cat: Joining two matrices below or beside each other.

    Look at: dim 0 puts y below x, shape [4, 2]; dim 1 puts it beside x, shape [2, 4].
    """
    x = torch.tensor([[1, 2], [3, 4]])
    y = torch.tensor([[3, 4], [5, 6]])
    x_over_y = torch.cat((x, y), dim=0)
    x_beside_y = torch.cat((x, y), dim=1)
    print(x_over_y, x_beside_y)


def argmax_slide() -> None:
    """d4-argmax: Where the largest number of a column or a row is.

    Look at: an index for each column, or row. Of the tie in the last row the first.
    """
    data = torch.tensor([[3, 4], [4, 2], [1, 1]])  # drawn without a seed on the slide
    argmax0 = torch.argmax(data, dim=0)
    argmax1 = torch.argmax(data, dim=1)
    print(argmax0, argmax1)


def dtype_inference() -> dict[str, object]:
    """41-dtype-inference: Four ways from NumPy to torch, and the dtype of each.

    Look at: only t1 = torch.Tensor(…) is float32, torch's default. The others keep the
    array's int64, which can never carry a gradient. Added, int64 gives way: mixed.
    """
    data = np.array([1, 2, 3])
    t1 = torch.Tensor(data)
    t2 = torch.tensor(data)
    t3 = torch.as_tensor(data)
    t4 = torch.from_numpy(data)
    zero = torch.tensor(0.0)
    mixed = t1 + t4
    print(data.dtype, t1.dtype, t2.dtype, t3.dtype, t4.dtype, zero.dtype, mixed.dtype)
    return {"numpy": str(data.dtype)}


def share_memory() -> None:
    """41-share-memory: Which tensors copy an array, and which look into its memory.

    Look at: data[0] = 0 shows in t3 and t4, though no operation wrote to them.
    """
    data = np.array([1, 2, 3])
    t1 = torch.Tensor(data)
    t2 = torch.tensor(data)
    t3 = torch.as_tensor(data)
    t4 = torch.from_numpy(data)
    data[0] = 0
    t1_now, t2_now, t3_now, t4_now = t1.clone(), t2.clone(), t3.clone(), t4.clone()
    print(t1_now, t2_now, t3_now, t4_now)


def creation() -> None:
    """41-creation: Identity matrix, zeros and ones.

    Look at: nothing but a shape goes in. The trace of the 4 x 4 identity is 4.
    """
    eye2 = torch.eye(2)
    zeros = torch.zeros([2, 2])
    ones = torch.ones([2, 2])
    eye4_trace = torch.eye(4).trace()
    print(eye2, zeros, ones, eye4_trace)


def rand_2x2() -> None:
    """41-rand-2x2: The shape of random numbers as a list.

    Look at: t has the shape [2, 2]; without a seed its numbers differ in every run.
    """
    t = torch.rand([2, 2])
    print(t)


def reshape() -> None:
    """41-reshape: The same twelve numbers in other shapes.

    Look at: every shape holds the twelve numbers in the same order, row by row.
    """
    t = torch.tensor([[1.0] * 4, [2.0] * 4, [3.0] * 4])
    r1x12 = t.reshape(1, 12)
    r2x6 = t.reshape(2, 6)
    r2x2x3 = t.reshape(2, 2, 3)
    print(t.shape, len(t.shape), t.numel(), r1x12, r2x6, r2x2x3)


def squeeze() -> None:
    """41-squeeze: Removing axes of length 1, and adding one.

    Look at: the shapes on the way: [1, 12] to [12], and back to [1, 12] or [12, 1].
    """
    t = torch.tensor([[1.0] * 4, [2.0] * 4, [3.0] * 4]).reshape(1, 12)
    squeezed = t.squeeze()
    row = squeezed.unsqueeze(dim=0)
    column = squeezed.unsqueeze(dim=1)
    print(t.shape, squeezed.shape, row.shape, column.shape)


def flatten() -> None:
    """41-flatten: Flattening, by hand and built in.

    Look at: reshape(1, -1) and squeeze() give what flatten() gives: same is True.
    """
    t = torch.tensor([[1.0] * 4, [2.0] * 4, [3.0] * 4])
    by_hand = t.reshape(1, -1).squeeze()  # -1: as many as there are
    flat = t.flatten()
    same = (by_hand == flat).all()
    print(flat, same)


def cat_notebook() -> None:
    """41-cat: Joining along rows or columns.

    Look at: nothing is computed. cat copies its inputs; the other axis must agree.
    """
    t1 = torch.tensor([[1, 2], [3, 4]])
    t2 = torch.tensor([[5, 6], [7, 8]])
    rows = torch.cat((t1, t2), dim=0)
    columns = torch.cat((t1, t2), dim=1)
    print(rows, columns)


def stack() -> None:
    """41-stack: Stacking vectors adds an axis, joining does not.

    Look at: x, y, z are rows of s0 and columns of s1. cat needs unsqueeze first.
    """
    x = torch.tensor([2, 3, 4, 5])
    y = torch.tensor([4, 10, 30, 40])
    z = torch.tensor([8, 7, 16, 14])
    s0 = torch.stack((x, y, z), dim=0)
    s1 = torch.stack((x, y, z), dim=1)
    joined = torch.cat((x.unsqueeze(0), y.unsqueeze(0), z.unsqueeze(0)), dim=0)
    cat_equal = (s0 == joined).all()
    print(s0, s1, cat_equal)


def stack_3d_index() -> None:
    """41-stack-3d-index: Three images in a batch: stack, index, flatten.

    Look at: every index takes the first axis off: [3, 1, 4, 4], [1, 4, 4], [4, 4], [4],
    []. flatten(start_dim=1) keeps the batch axis, [3, 16]; the others do not.
    """
    t1 = torch.tensor([[1] * 4, [2] * 4, [3] * 4, [4] * 4])
    t = torch.stack((t1, t1, t1))
    u = t.reshape(3, 1, 4, 4)  # batch, channel, height, width
    image = u[0]
    channel = image[0]
    row = channel[0]
    pixel = row[0]
    flat, view, one_row = u.reshape(-1), u.view(u.numel()), u.reshape(1, -1)
    per_image = u.flatten(start_dim=1)
    print(pixel, flat.shape, view.shape, one_row.shape, per_image)


def compare() -> None:
    """41-compare: Comparing each element with a number.

    Look at: the results are bool tensors without grad_fn: a comparison ends the graph.
    """
    t = torch.tensor([[0.0, 5, 0], [6, 0, 7], [0, 8, 0]])
    eq0, ge0, gt0 = t.eq(0), t.ge(0), t.gt(0)
    lt0, le7 = t.lt(0), t.le(7)
    print(eq0, ge0, gt0, lt0, le7)


def abs_sqrt_neg() -> None:
    """41-abs-sqrt-neg: Absolute value, square root, sign; and a slope without end.

    Look at: √0 is 0, but the gradient of x there is inf: the root is vertical at 0.
    """
    t = torch.tensor([[0.0, 5, 0], [6, 0, 7], [0, 8, 0]])
    absolute = t.abs()
    root = t.sqrt()
    negative = t.neg()
    negabs = negative.abs()
    x = t.clone().requires_grad_()  # not in the lecture: the gradient of the root
    x.sqrt().sum().backward()
    print(absolute, root, negative, negabs, x.grad)


def inplace() -> None:
    """41-inplace: In place or not: add makes a new tensor, add_ overwrites its own.

    Look at: a_add gets the numbers of added, as its version 1; a has only version 0.
    """
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    b = torch.tensor([[9.0, 8.0], [7.0, 6.0]])
    added, subtracted, multiplied = a.add(b), a.sub(b), a.mul(b)
    a_add, a_sub, a_mul = a.clone(), a.clone(), a.clone()
    a_add.add_(b)
    a_sub.sub_(b)
    a_mul.mul_(b)
    print(added, a_add, subtracted, a_sub, multiplied, a_mul)


def reductions() -> None:
    """41-reductions: Sum, mean, standard deviation and product of all elements.

    Look at: each arrow ends in a single number. std divides by N − 1 = 8, not by 9.
    """
    t = torch.tensor([[0.0, 1, 0], [2, 0, 2], [0, 3, 0]])
    total = t.sum()
    mean = t.mean()
    std = t.std()
    prod = t.prod()
    print(total, mean, std, prod)


def sum_dims() -> None:
    """41-sum-dims: Summing along one axis.

    Look at: dim is the axis that disappears; rows_added is sum0 by hand.
    """
    t = torch.tensor([[1.0] * 4, [2.0] * 4, [3.0] * 4])
    sum0 = t.sum(dim=0)
    sum1 = t.sum(dim=1)
    rows_added = t[0] + t[1] + t[2]
    print(sum0, sum1, rows_added)


def max_argmax() -> None:
    """41-max-argmax: The largest numbers and where they are.

    Look at: max(dim) gives values and indices, argmax only the indices. Without a dim
    the index counts in the flattened tensor: 11. Row 1 has 3 twice: the first counts.
    """
    t = torch.tensor([[1.0, 0, 0, 2], [0, 3, 3, 0], [4, 0, 0, 5]])
    largest = t.max()
    values0, indices0 = t.max(dim=0)
    values1, indices1 = t.max(dim=1)
    argmax, argmax0, argmax1 = t.argmax(), t.argmax(dim=0), t.argmax(dim=1)
    flat = t.flatten()
    print(largest, values0, indices0, values1, indices1, argmax, argmax0, argmax1, flat)


def mean_item() -> None:
    """41-mean-item: From a tensor of one number to a Python number.

    Look at: mean is a tensor of shape []; item() makes a number, and the graph ends.
    """
    t = torch.arange(1.0, 10.0).reshape(3, 3)
    mean = t.mean()
    print(mean.item())


def randn3() -> None:
    """41-randn3: What autograd begins with: a vector of random numbers.

    Look at: shape [3] and dtype float32; without a seed the numbers differ every time.
    """
    x = torch.randn(3)
    print(x)


def masks() -> None:
    """ee-masks: Choosing rows by a condition.

    Look at: the 20 truth values y == 0, used as an index, keep ten rows of X.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    y = torch.cat([torch.zeros(10), torch.ones(10)])
    X_0 = X[y == 0, :]
    X_1 = X[y == 1, :]
    print(X_0, X_1)


def normalize_as_shown() -> None:
    """ee-normalize-as-shown: Scaling the data with the formula on the slide.

    Look at: X.max() is that of before the subtraction: the largest result is 0.8080.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    X = (X - X.min()) / X.max()
    largest = X.max()
    print(X[:11], largest)


def normalize_cell_run_twice() -> None:
    """ee-normalize-cell-run-twice: What a notebook keeps when a cell is run again.

    Look at: X.min() is 0 the second time, so that only now the largest number is 1.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    for _run in range(2):
        X = (X - X.min()) / X.max()
    print(X[:11])


def flamingo_data() -> None:
    """ee-flamingo-data: Two kinds of birds: random data around two centres.

    Look at: the int64 centre becomes float32 in the sum. X has a row for each bird.
    """
    torch.manual_seed(0)
    flamingos = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([8, 7])
    seagulls = torch.randn(size=(10, 2)) * 1.5 + torch.tensor([5, 3])
    X = torch.cat([flamingos, seagulls])
    print(X, X.shape)


def labels() -> None:
    """ee-labels: The labels of the birds: 0 for flamingos, 1 for seagulls.

    Look at: y has 20 entries, one for each row of the data: ten zeros, then ten ones.
    """
    y = torch.cat([torch.zeros(10), torch.ones(10)])
    print(y, y.shape)


def gray_image() -> None:
    """d4-gray-image: An image is a tensor: 10 x 10 pixels between 0 and 255.

    Look at: in_0_255 is True. Whole numbers have no mean: float() comes first.
    """
    table = Path(__file__).with_name("data") / "gray_image.csv"
    pixels = torch.tensor(np.loadtxt(table, delimiter=",", dtype=int))
    darkest = pixels.min()
    brightest = pixels.max()
    in_0_255 = (darkest >= 0) & (brightest <= 255)
    mean = pixels.float().mean()
    print(pixels.shape, darkest, brightest, in_0_255, mean)


if __name__ == "__main__":
    for example in [item for item in globals().values() if callable(item)]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
