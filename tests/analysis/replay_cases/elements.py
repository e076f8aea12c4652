"""Reductions, and what moves, takes or writes elements."""

from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn

from tests.analysis.replay_cases.inputs import Case, like


def written_in_place(x: Any) -> Any:
    y = x * 2
    y += 1
    y.mul_(x)
    y[0] = 5.0
    y[1, 1:] = x[0, :2] * 3
    return y.sigmoid_()


def written_through_a_view(x: Any) -> Any:
    y = x * 1.5
    row = y[0]
    row.mul_(x[1])
    flat = y.view(-1)
    flat[2:4] = x[1, :2] ** 2
    y.t()[1] += x[0, :2]
    return y * row


def written_to_columns(x: Any) -> Any:
    y = torch.zeros(2, 4, dtype=x.dtype)
    y[:, 0] = x[:, 1]
    y[:, 1:] += x * 2
    y[:, 3] *= x[:, 0]
    return y


def written_by_mask(x: Any) -> Any:
    y = x * 3
    y[x > 0] = 0.5
    y[torch.tensor([0, 1]), torch.tensor([2, 0])] = x[0, :2]
    return y * x


def written_with_out(x: Any) -> Any:
    with torch.no_grad():
        out = torch.empty(2, 3, dtype=x.dtype)
        torch.mul(x.detach(), 2, out=out)
    return out * x


def joined_in_a_loop(x: Any) -> Any:
    hidden = torch.zeros(2, dtype=x.dtype)
    for t in range(3):
        hidden = torch.tanh(x[:, t] + 0.5 * hidden)
    return hidden


def argument_is_a_variable(x: Any) -> Any:
    rows, columns = x.shape
    return x.view(columns, rows).reshape(-1, 1).expand(rows * columns, 2).unsqueeze(0)


REDUCTIONS: Final[dict[str, Case]] = {
    "nansum": lambda x: x.nansum(1),
    "nanmean": lambda x: x.nanmean(),
    "argmin": lambda x: x[0] * x.argmin(1)[1],
    "argsort": lambda x: x[0] * x[1].argsort(),
    "sum": lambda x: (x * x).sum(),
    "sum along": lambda x: (x * x).sum(dim=1, keepdim=True),
    "sum along two": lambda x: torch.sum(x * x, (0, 1)),
    "builtin sum": lambda x: sum([x, x * x]),
    "mean": lambda x: (x * x).mean(),
    "mean along": lambda x: (x * x).mean(0),
    "prod": lambda x: x.prod(),
    "prod along": lambda x: x.prod(1),
    "var": lambda x: x.var(),
    "var without correction": lambda x: x.var(dim=1, unbiased=False),
    "var by flag": lambda x: x.var(False),
    "var with correction": lambda x: torch.var(x, dim=1, correction=0),
    "std": lambda x: x.std(1, keepdim=True),
    "var_mean": lambda x: torch.stack(torch.var_mean(x, dim=1)),
    "std_mean": lambda x: torch.stack(torch.std_mean(x, dim=1)),
    "max": lambda x: x.max(),
    "max along": lambda x: x.max(dim=1).values,
    "min": lambda x: x.min(),
    "min along": lambda x: x.min(0)[0],
    "amax": lambda x: x.amax(1),
    "amin": lambda x: x.amin((0, 1)),
    "aminmax": lambda x: torch.stack(torch.aminmax(x)),
    "norm": lambda x: x.norm(),
    "norm of order 1": lambda x: x.norm(1),
    "norm along": lambda x: x.norm(dim=1, p=3),
    "torch.norm": lambda x: torch.norm(x, 2, 1),
    "linalg.norm": lambda x: torch.linalg.norm(x, dim=1),
    "linalg.vector_norm": lambda x: torch.linalg.vector_norm(x, ord=3),
    "norm of infinite order": lambda x: x.norm(float("inf")),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(1),
    "logcumsumexp": lambda x: x.logcumsumexp(1),
    "cummax": lambda x: x.cummax(1)[0],
    "cummin": lambda x: x.cummin(1)[0],
    "sort": lambda x: x.sort(dim=1, descending=True)[0],
    "topk": lambda x: x.topk(2)[0],
    "median": lambda x: x.median(),
    "median along": lambda x: x.median(dim=1)[0],
    "argmax": lambda x: x[0] * x.argmax(1)[1],
    "counted": lambda x: x * (x > 0).sum() / torch.count_nonzero(x),
    "all and any": lambda x: x * (x > -5).all() * (x > 0).any(),
}


SHAPES: Final[dict[str, Case]] = {
    "ravel": lambda x: x.ravel(),
    "view_as": lambda x: x.view_as(torch.zeros(3, 2)),
    "reshape_as": lambda x: x.reshape_as(torch.zeros(3, 2)),
    "unflatten": lambda x: x.unflatten(1, (3, 1)),
    "atleast": lambda x: torch.atleast_3d(torch.atleast_2d(torch.atleast_1d(x[0, 0]))),
    "swapdims": lambda x: x.swapdims(0, 1),
    "moveaxis": lambda x: x[None].moveaxis((0, 1), (2, 0)),
    "long names of joins": lambda x: torch.concat(
        [torch.concatenate([x, x * 2]), torch.row_stack([x, x * 3])]
    ),
    "dstack": lambda x: torch.dstack([x, x * x]),
    "split_with_sizes": lambda x: x.split_with_sizes([1, 2], 1)[1],
    "vsplit": lambda x: x.vsplit(2)[1],
    "hsplit": lambda x: x.hsplit([1])[1],
    "dsplit": lambda x: x[None].dsplit(3)[1],
    "flips": lambda x: x.fliplr() + x.flipud() * 2,
    "half": lambda x: x.half().to(x.dtype) * 2,
    "bfloat16": lambda x: x.bfloat16().to(x.dtype) * 2,
    "whole numbers": lambda x: (
        x
        * (x.detach() * 3).long()
        * (x.detach() * 4).int()
        * (x.detach() * 5).short()
        * (x.detach() * 6).char()
        * (x.detach() ** 2 * 7).byte()
        * x.bool()
    ),
    "complex numbers": lambda x: (x.cfloat() * x.cdouble()).real,
    "data": lambda x: x.data * x,
    "copies": lambda x: torch.tensor(x.detach().sum().item()) * x,
    "view": lambda x: x.view(3, 2) * like(x, [1, 2], [3, 4], [5, 6]),
    "reshape": lambda x: x.reshape(-1),
    "flatten": lambda x: nn.Flatten()(x[None]),
    "squeeze": lambda x: x[None].squeeze(0),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "transpose": lambda x: x.transpose(0, 1),
    "swapaxes": lambda x: x[None].swapaxes(0, 2),
    "t": lambda x: x.t(),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "permute": lambda x: x[None].permute(2, 0, 1),
    "torch.permute": lambda x: torch.permute(x[None], (1, 2, 0)),
    "movedim": lambda x: x[None].movedim(0, 2),
    "expand": lambda x: x.expand(2, 2, -1),
    "expand_as": lambda x: x[0].expand_as(x),
    "broadcast_to": lambda x: torch.broadcast_to(x, (2, 2, 3)),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x[0], x)[0],
    "repeat": lambda x: x.repeat(2, 1),
    "tile": lambda x: torch.tile(x, (2, 2)),
    "repeat_interleave of all": lambda x: x.repeat_interleave(2),
    "repeat_interleave by a tensor": lambda x: x.repeat_interleave(
        torch.tensor([1, 2]), dim=0
    ),
    "repeat_interleave": lambda x: x.repeat_interleave(2, dim=1),
    "cat": lambda x: torch.cat([x, x * x], dim=1),
    "stack": lambda x: torch.stack((x, x * x)),
    "hstack": lambda x: torch.hstack([x, x * x]),
    "vstack": lambda x: torch.vstack([x, x * x]),
    "column_stack": lambda x: torch.column_stack([x[0], x[1]]),
    "chunk": lambda x: x.chunk(2, dim=1)[0],
    "split": lambda x: x.split(1)[1],
    "split in sizes": lambda x: torch.split(x, [1, 2], dim=1)[1],
    "tensor_split": lambda x: x.tensor_split(2, dim=1)[0],
    "unbind": lambda x: x.unbind(1)[2],
    "unpacked": lambda x: next(a * b for a, b in [x]),
    "iterated": lambda x: sum(row.sum() * row for row in x),
    "unfold": lambda x: x.unfold(1, 2, 1),
    "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.T.contiguous(),
    "to float64": lambda x: x.to(torch.float64) * 2,
    "to float32": lambda x: x.float() * 2,
    "double": lambda x: x.double() ** 2,
    "type_as": lambda x: x.type_as(x.double()) ** 2,
    "flip": lambda x: x.flip(1),
    "roll": lambda x: x.roll(1, 1),
    "pad": lambda x: F.pad(x, (1, 2)),
    "pad on all sides": lambda x: F.pad(x, (1, 0, 2, 1), value=3.0),
    "pad by reflection": lambda x: F.pad(x[None], (1, 1), mode="reflect"),
    "meshgrid": lambda x: torch.meshgrid(x[0], x[1], indexing="ij")[0] ** 2,
}


INDEXING: Final[dict[str, Case]] = {
    "number and tensor": lambda x: x[1, torch.tensor([2, 0])],
    "row": lambda x: x[1],
    "column": lambda x: x[:, 1],
    "slices": lambda x: x[:, ::2],
    "negative": lambda x: x[-1, -2:],
    "ellipsis": lambda x: x[..., 0],
    "new axis": lambda x: x[:, None, 1:],
    "long index": lambda x: x[None, None, :, :][:, :, 0, 1:],
    "two integers": lambda x: x[1, 2],
    "list": lambda x: x[[1, 0, 1]],
    "list in a tuple": lambda x: x[:, [0, 2]],
    "tensor": lambda x: x[torch.tensor([1, 1, 0])],
    "tensors": lambda x: x[torch.arange(2), torch.tensor([2, 0])],
    "range and tensor": lambda x: x[range(2), torch.tensor([2, 0])],
    "slice and tensor": lambda x: x[:, torch.tensor([2, 0])],
    "integer beside an array": lambda x: x[None][0, :, torch.tensor([2, 0])],
    "mask": lambda x: x[x > 0],
    "select": lambda x: x.select(1, 2),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "index_select": lambda x: x.index_select(1, torch.tensor([0, 2, 2])),
    "gather": lambda x: x.gather(1, torch.tensor([[0, 2], [1, 1]])),
    "take": lambda x: torch.take(x, torch.tensor([0, 5, 5])),
    "take_along_dim": lambda x: torch.take_along_dim(x, torch.tensor([[0], [2]]), 1),
    "masked_select": lambda x: x.masked_select(x > 0),
    "scatter": lambda x: torch.zeros(2, 3, dtype=x.dtype).scatter(
        1, torch.tensor([[0, 2, 1], [1, 0, 2]]), x
    ),
    "scatter_add": lambda x: (x * 2).scatter_add(
        1, torch.tensor([[0, 0, 2], [1, 1, 0]]), x
    ),
    "index_add": lambda x: (x * 2).index_add(0, torch.tensor([0, 0]), x, alpha=2),
    "index_copy": lambda x: (x * 2).index_copy(0, torch.tensor([1, 0]), x * x),
    "index_fill": lambda x: (x * 2).index_fill(1, torch.tensor([1]), 4.0) * x,
    "embedding": lambda x: F.embedding(torch.tensor([[0, 1], [1, 1]]), x),
    "one_hot": lambda x: F.one_hot(torch.tensor([2, 0]), 3) * x,
    "tril": lambda x: x.tril(),
    "triu": lambda x: torch.triu(x, diagonal=1),
    "diag": lambda x: torch.diag(x[0]),
    "diag of a matrix": lambda x: torch.diag(x, 1),
    "diagonal": lambda x: x.diagonal(),
    "trace": lambda x: x[:, :2].trace(),
}


WRITES: Final[dict[str, Case]] = {
    "in place": written_in_place,
    "through a view": written_through_a_view,
    "to columns": written_to_columns,
    "by mask": written_by_mask,
    "with out": written_with_out,
    "fill_": lambda x: (x * 2).fill_(3.0) + x,
    "zero_": lambda x: (x * 2).zero_() + x,
    "copy_": lambda x: (x * 2).copy_(x * x),
    "clamp_": lambda x: (x * 2).clamp_(-0.7, 1.0),
    "masked_fill_": lambda x: (x * 2).masked_fill_(x > 0, 1.0) * x,
    "pow_": lambda x: (x * 2).pow_(2),
    "div_": lambda x: (x * 2).div_(x * x + 1),
    "sub_": lambda x: (x * 2).sub_(x * x),
    "exp_": lambda x: (x * 2).exp_(),
    "add_ with alpha": lambda x: (x * 2).add_(x * x, alpha=3),
    "in a loop": joined_in_a_loop,
    "variables": argument_is_a_variable,
}
