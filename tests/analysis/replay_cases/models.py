"""Linear algebra, losses and layers."""

from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn

from tests.analysis.replay_cases.inputs import Case, gram, image, like, module

mse_loss: Any = F.mse_loss  # its stub does not know `weight`


ALGEBRA: Final[dict[str, Case]] = {
    "addbmm": lambda x: torch.addbmm(x[:, :2], x[None], x.T[None], alpha=2),
    "ger": lambda x: torch.ger(x[0], x[1]),
    "reflected matmul": lambda x: x.T.__rmatmul__(x * 2),
    "inverse": lambda x: torch.inverse(x[:, :2] + 3 * torch.eye(2, dtype=x.dtype)),
    "linalg.det": lambda x: torch.linalg.det(x[:, :2]),
    "linalg.slogdet": lambda x: torch.linalg.slogdet(x[:, :2])[1],
    "torch.cholesky": lambda x: torch.cholesky(gram(x)),
    "matmul": lambda x: x @ x.T,
    "matmul with a vector": lambda x: x @ x[0],
    "mm": lambda x: torch.mm(x, x.t()),
    "mv": lambda x: torch.mv(x, x[1]),
    "bmm": lambda x: torch.bmm(x[None], x.T[None]),
    "dot": lambda x: torch.dot(x[0], x[1]),
    "vdot": lambda x: torch.vdot(x[0], x[1]),
    "inner": lambda x: torch.inner(x, x),
    "outer": lambda x: torch.outer(x[0], x[1]),
    "kron": lambda x: torch.kron(x, x[:, :2]),
    "addmm": lambda x: torch.addmm(x[:, :2], x, x.T, beta=0.5, alpha=2),
    "addmv": lambda x: torch.addmv(x[:, 0], x, x[0]),
    "baddbmm": lambda x: torch.baddbmm(x[None, :, :2], x[None], x.T[None]),
    "addr": lambda x: torch.addr(x, x[:, 0], x[0]),
    "linear": lambda x: F.linear(x, like(x, [1, 2, 3], [4, 5, 6]), like(x, 1, 2)),
    "linear of the leaf": lambda x: F.linear(like(x, [1, 2, 3]), x),
    "nn.Linear": lambda x: module(nn.Linear(3, 2), x)(x),
    "bilinear": lambda x: module(nn.Bilinear(3, 3, 2), x)(x, x * x),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "einsum of a list": lambda x: torch.einsum("ij,ij", [x, x * x]),
    "einsum with dots": lambda x: torch.einsum("...j,j->...", x, x[0]),
    "tensordot": lambda x: torch.tensordot(x, x, dims=2),
    "multi_dot": lambda x: torch.linalg.multi_dot([x, x.T, x]),
    "inv": lambda x: torch.linalg.inv(x[:, :2] + 3 * torch.eye(2, dtype=x.dtype)),
    "det": lambda x: torch.det(x[:, :2]),
    "logdet": lambda x: torch.logdet(gram(x)),
    "slogdet": lambda x: torch.slogdet(x[:, :2])[1],
    "solve": lambda x: torch.linalg.solve(gram(x), x),
    "solve a vector": lambda x: torch.linalg.solve(gram(x), x[:, 0]),
    "cholesky": lambda x: torch.linalg.cholesky(gram(x)),
    "cdist": lambda x: torch.cdist(x, x * x + 1),
    "attention": lambda x: F.scaled_dot_product_attention(
        x[None], x[None] * 2, x[None] ** 2
    ),
    "causal attention": lambda x: F.scaled_dot_product_attention(
        x[None], x[None] * 2, x[None] ** 2, is_causal=True
    ),
    "masked attention": lambda x: F.scaled_dot_product_attention(
        x[None], x[None], x[None], torch.tensor([[True, False], [True, True]])
    ),
    "nn.MultiheadAttention": lambda x: module(nn.MultiheadAttention(3, 3), x)(
        x, x * x, x
    )[0],
}


LOSSES: Final[dict[str, Case]] = {
    "mse_loss": lambda x: F.mse_loss(x, x.detach() + 1),
    "nn.MSELoss summed": lambda x: nn.MSELoss(reduction="sum")(x, x.detach() * 2),
    "mse_loss unreduced": lambda x: F.mse_loss(x, x * x, reduction="none"),
    "mse_loss weighted": lambda x: mse_loss(x, x * x, weight=x.detach() ** 2),
    "l1_loss": lambda x: F.l1_loss(x, x * x + 2),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, x * x * x, beta=0.5),
    "smooth_l1_loss with beta 0": lambda x: F.smooth_l1_loss(x, x * x + 2, beta=0.0),
    "huber_loss": lambda x: F.huber_loss(x, x * x * x, delta=0.7),
    "nn.HuberLoss": lambda x: nn.HuberLoss(reduction="sum", delta=0.3)(x, x * x),
    "binary_cross_entropy": lambda x: F.binary_cross_entropy(
        x.sigmoid(), like(x, [0, 1, 0], [1, 0.3, 1])
    ),
    "binary_cross_entropy weighted": lambda x: F.binary_cross_entropy(
        x.sigmoid(), (x > 0).to(x.dtype), like(x, 1, 2, 3), reduction="sum"
    ),
    "nn.BCELoss": lambda x: nn.BCELoss()(x.sigmoid(), (x * 2).sigmoid()),
    "nn.BCEWithLogitsLoss": lambda x: nn.BCEWithLogitsLoss()(x, (x * 2).sigmoid()),
    "binary_cross_entropy_with_logits weighted": lambda x: (
        F.binary_cross_entropy_with_logits(
            x, like(x, [0, 1, 0], [1, 0.3, 1]), pos_weight=like(x, 1, 2, 3)
        )
    ),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.tensor([2, 0])),
    "nn.CrossEntropyLoss": lambda x: nn.CrossEntropyLoss()(x, torch.tensor([2, 0])),
    "cross_entropy weighted": lambda x: F.cross_entropy(
        x, torch.tensor([2, 0]), weight=like(x, 1, 2, 3)
    ),
    "cross_entropy smoothed": lambda x: F.cross_entropy(
        x, torch.tensor([2, 0]), label_smoothing=0.2
    ),
    "cross_entropy weighted and smoothed": lambda x: F.cross_entropy(
        x, torch.tensor([2, 0]), weight=like(x, 1, 2, 3), label_smoothing=0.2
    ),
    "cross_entropy ignoring": lambda x: F.cross_entropy(
        x, torch.tensor([2, 1]), ignore_index=1, label_smoothing=0.1
    ),
    "cross_entropy unreduced": lambda x: F.cross_entropy(
        x, torch.tensor([2, 0]), reduction="none"
    ),
    "cross_entropy of chances": lambda x: F.cross_entropy(x, (x * 2).softmax(1)),
    "cross_entropy of weighted chances": lambda x: F.cross_entropy(
        x, (x * 2).softmax(1), weight=like(x, 1, 2, 3), label_smoothing=0.1
    ),
    "cross_entropy of one": lambda x: F.cross_entropy(x[0], torch.tensor(1)),
    "cross_entropy of pixels": lambda x: F.cross_entropy(
        x[None], torch.tensor([[1, 0, 1]]), reduction="sum"
    ),
    "nll_loss": lambda x: F.nll_loss(x.log_softmax(1), torch.tensor([2, 0])),
    "nll_loss weighted": lambda x: F.nll_loss(
        x.log_softmax(1), torch.tensor([2, 0]), like(x, 1, 2, 3)
    ),
    "kl_div": lambda x: F.kl_div(
        x.log_softmax(1), (x * 2).softmax(1), reduction="batchmean"
    ),
    "kl_div of logarithms": lambda x: F.kl_div(
        x.log_softmax(1), (x * 2).log_softmax(1), reduction="sum", log_target=True
    ),
    "gaussian_nll_loss": lambda x: F.gaussian_nll_loss(x, x * x, x * x + 0.1),
    "poisson_nll_loss": lambda x: F.poisson_nll_loss(x, x.detach() ** 2 * 3, full=True),
    "nn.PoissonNLLLoss": lambda x: nn.PoissonNLLLoss(log_input=False)(
        x * x, x.detach() ** 2
    ),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x * x, dim=1),
    "pairwise_distance": lambda x: F.pairwise_distance(x, x * x),
    "normalize": lambda x: F.normalize(x, dim=1),
    "hinge_embedding_loss": lambda x: F.hinge_embedding_loss(
        x, like(x, [1, -1, 1], [-1, 1, -1]), margin=0.5
    ),
    "margin_ranking_loss": lambda x: F.margin_ranking_loss(
        x[0], x[1], like(x, -1, 1, -1), margin=0.3
    ),
    "cosine_embedding_loss": lambda x: F.cosine_embedding_loss(
        x, x * x, like(x, 1, -1)
    ),
    "triplet_margin_loss": lambda x: F.triplet_margin_loss(x, x * x, x * 2),
    "multi_margin_loss": lambda x: F.multi_margin_loss(x, torch.tensor([2, 0])),
    "multi_margin_loss squared": lambda x: F.multi_margin_loss(
        x, torch.tensor([2, 0]), p=2, margin=0.7, weight=like(x, 1, 2, 3)
    ),
    "soft_margin_loss": lambda x: F.soft_margin_loss(
        x, like(x, [1, -1, 1], [-1, 1, -1])
    ),
    "multilabel_soft_margin_loss": lambda x: F.multilabel_soft_margin_loss(
        x, like(x, [1, 0, 1], [0, 1, 0])
    ),
    "hinge by hand": lambda x: (
        (1 - x * like(x, [1, -1, 1], [-1, 1, 1])).clamp(min=0).mean()
    ),
}


LAYERS: Final[dict[str, Case]] = {
    "nn.ConvTranspose3d": lambda x: module(nn.ConvTranspose3d(1, 1, 2), x)(
        image(x)[None, :, :, :2]
    ),
    "pooling in three dimensions": lambda x: (
        F.max_pool3d(image(x), 2)
        + F.avg_pool3d(image(x), 2)
        + F.adaptive_avg_pool3d(image(x), (1, 2, 2))
        + F.adaptive_max_pool3d(image(x), (1, 2, 2))
    ),
    "adaptive pooling": lambda x: (
        F.adaptive_avg_pool1d(x[None], 2) + F.adaptive_max_pool2d(image(x), (2, 2))
    ),
    "nn.RNNCell with relu": lambda x: module(nn.RNNCell(3, 2, nonlinearity="relu"), x)(
        x + 2, x[:, :2]
    ),
    "nn.LayerNorm": lambda x: module(nn.LayerNorm(3), x)(x),
    "layer_norm over two axes": lambda x: F.layer_norm(x, [2, 3], eps=0.1),
    "rms_norm": lambda x: F.rms_norm(x, (3,)),
    "weight_norm": lambda x: torch._weight_norm(x, x.detach()[:, :1], 0),
    "weight_norm of all": lambda x: torch._weight_norm(x, like(x, 3.0), -1),
    "nn.RMSNorm": lambda x: module(nn.RMSNorm(3, eps=0.1), x)(x),
    "nn.BatchNorm1d": lambda x: module(nn.BatchNorm1d(3), x)(torch.cat([x, x * x])),
    "nn.BatchNorm1d in eval": lambda x: module(nn.BatchNorm1d(3), x).eval()(x),
    "nn.BatchNorm1d without affine": lambda x: module(
        nn.BatchNorm1d(3, affine=False), x
    )(torch.cat([x, x * x])),
    "nn.BatchNorm2d": lambda x: module(nn.BatchNorm2d(2), x)(image(x)),
    "batch_norm without statistics": lambda x: module(
        nn.BatchNorm1d(3, track_running_stats=False), x
    )(torch.cat([x, x * x])),
    "nn.GroupNorm": lambda x: module(nn.GroupNorm(2, 4), x)(
        torch.cat([x, x * x])[None]
    ),
    "nn.InstanceNorm1d": lambda x: nn.InstanceNorm1d(2)(x[None]),
    "nn.Conv1d": lambda x: module(nn.Conv1d(2, 3, 2), x)(x[None]),
    "conv1d without batch": lambda x: F.conv1d(x, like(x, [[1, 2], [3, 4]])),
    "conv1d of the leaf": lambda x: F.conv1d(
        like(x, [1, 2, 3, 4], [5, 6, 8, 7]), x[None]
    ),
    "nn.Conv2d": lambda x: module(
        nn.Conv2d(2, 2, 3, stride=(2, 1), padding=1, dilation=(1, 2)), x
    )(image(x)),
    "nn.Conv2d in groups": lambda x: module(nn.Conv2d(2, 4, 2, groups=2), x)(image(x)),
    "nn.Conv2d keeping the size": lambda x: module(
        nn.Conv2d(2, 1, (2, 3), padding="same"), x
    )(image(x)),
    "nn.Conv3d": lambda x: module(nn.Conv3d(1, 1, 2), x)(image(x)[None]),
    "nn.ConvTranspose1d": lambda x: module(
        nn.ConvTranspose1d(2, 2, 3, stride=2, padding=1, output_padding=1), x
    )(x[None]),
    "nn.ConvTranspose2d": lambda x: module(
        nn.ConvTranspose2d(2, 2, 2, groups=2, dilation=2), x
    )(image(x)[..., :2, :3]),
    "max_pool1d": lambda x: F.max_pool1d(x[None], 2, stride=1),
    "nn.MaxPool2d": lambda x: nn.MaxPool2d(2)(image(x)),
    "max_pool2d padded": lambda x: F.max_pool2d(
        image(x), 3, stride=2, padding=1, ceil_mode=True
    ),
    "avg_pool1d": lambda x: F.avg_pool1d(x[None], 2),
    "nn.AvgPool2d": lambda x: nn.AvgPool2d(2, stride=1, padding=1)(image(x)),
    "avg_pool2d without padding": lambda x: F.avg_pool2d(
        image(x), 2, padding=1, count_include_pad=False
    ),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(image(x), (2, 3)),
    "nn.AdaptiveAvgPool2d": lambda x: nn.AdaptiveAvgPool2d(1)(image(x)),
    "adaptive_max_pool1d": lambda x: F.adaptive_max_pool1d(x[None], 2),
    "nn.RNNCell": lambda x: module(nn.RNNCell(3, 2), x)(x, x[:, :2]),
    "nn.LSTMCell": lambda x: module(nn.LSTMCell(3, 2), x)(x, (x[:, :2], x[:, 1:]))[1],
    "nn.GRUCell": lambda x: module(nn.GRUCell(3, 2), x)(x, x[:, :2]),
    "nn.RNN": lambda x: module(nn.RNN(3, 2), x)(x)[0],
    "nn.RNN with relu": lambda x: module(nn.RNN(3, 2, nonlinearity="relu"), x)(x + 2)[
        0
    ],
    "nn.LSTM": lambda x: module(nn.LSTM(3, 2, num_layers=2), x)(x)[0],
    "nn.LSTM both ways": lambda x: module(
        nn.LSTM(3, 2, bidirectional=True, batch_first=True), x
    )(x[None])[1][1],
    "nn.GRU": lambda x: module(nn.GRU(3, 2, bias=False), x)(x)[0],
}
