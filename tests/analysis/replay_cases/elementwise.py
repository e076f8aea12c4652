"""Arithmetic, functions put together of pieces, and activations."""

from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn

from tests.analysis.replay_cases.inputs import Case, like


def masks_in_place(x: Any) -> Any:
    mask = x > -1
    mask &= x < 1
    mask |= x < -1.5
    mask ^= x > 0.6
    return x * mask.to(x.dtype)


ARITHMETIC: Final[dict[str, Case]] = {
    "sub of an expression": lambda x: x - 3 / 2,
    "subtract": lambda x: x.subtract(0.5),
    "multiply": lambda x: x.multiply(2),
    "divide": lambda x: x.divide(2),
    "negative": lambda x: x.negative(),
    "logaddexp2": lambda x: torch.logaddexp2(x, x * x),
    "nan_to_num": lambda x: x.nan_to_num() * 2,
    "long names of inverses": lambda x: (
        torch.arcsin(x / 3)
        + torch.arccos(x / 3)
        + torch.arctan(x)
        + torch.arcsinh(x)
        + torch.arccosh(x * x + 1.5)
        + torch.arctanh(x / 3)
        + torch.arctan2(x, x * x + 1)
    ),
    "add": lambda x: x + x * 2,
    "add a number": lambda x: 1 + x,
    "add with alpha": lambda x: torch.add(x, x * x, alpha=3),
    "sub": lambda x: x - x * x,
    "sub with alpha": lambda x: x.sub(x * x, alpha=2),
    "reflected sub": lambda x: 2 - x,
    "rsub": lambda x: torch.rsub(x, 2),
    "rsub with alpha": lambda x: torch.rsub(x, 3, alpha=2),
    "mul": lambda x: 3 * x * x,
    "div": lambda x: x / (x * x + 1),
    "reflected div": lambda x: 2 / x,
    "true_divide": lambda x: torch.true_divide(x, 3),
    "div rounded": lambda x: torch.div(x, 0.3, rounding_mode="floor") * x,
    "pow": lambda x: x**3,
    "pow with an expression": lambda x: x ** (1 + 1),
    "pow of two tensors": lambda x: x.abs() ** x,
    "torch.pow": lambda x: torch.pow(2, x),
    "reflected pow": lambda x: 2**x,
    "float_power": lambda x: torch.float_power(x, 2),
    "remainder": lambda x: x % 0.3,
    "fmod": lambda x: torch.fmod(x, 0.3),
    "torch.floor_divide": lambda x: torch.floor_divide(x.detach(), 0.3) * x,
    "floor_divide": lambda x: (x.detach() // 0.3) * x,
    "reflected remainder": lambda x: 2 % (x.detach().abs() + 0.2) * x,
    "reflected floor_divide": lambda x: 2 // (x.detach() + 0.2) * x,
    "neg": lambda x: -x,
    "abs": lambda x: x.abs(),
    "builtin abs": abs,
    "sqrt": lambda x: (x * x).sqrt(),
    "square": lambda x: x.square(),
    "exp": lambda x: x.exp(),
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": lambda x: (x * x).log(),
    "log2": lambda x: (x * x).log2(),
    "log10": lambda x: (x * x).log10(),
    "log1p": lambda x: torch.log1p(x * x),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "tan": lambda x: x.tan(),
    "asin": lambda x: torch.asin(x / 3),
    "acos": lambda x: torch.acos(x / 3),
    "atan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": lambda x: x.tanh(),
    "asinh": torch.asinh,
    "acosh": lambda x: torch.acosh(x * x + 1.5),
    "atanh": lambda x: torch.atanh(x / 3),
    "atan2": lambda x: torch.atan2(x, x * x + 1),
    "hypot": lambda x: torch.hypot(x, x * x),
    "sinc": torch.sinc,
    "reciprocal": lambda x: x.reciprocal(),
    "rsqrt": lambda x: (x * x).rsqrt(),
    "erf": torch.erf,
    "erfc": torch.special.erfc,
    "lgamma": lambda x: torch.lgamma(x * x + 0.5),
    "xlogy": lambda x: torch.xlogy(x, x * x),
    "logaddexp": lambda x: torch.logaddexp(x, x * x),
    "lerp": lambda x: torch.lerp(x, x * x, 0.3),
    "lerp with a tensor": lambda x: torch.lerp(x, x * x, x * 2),
    "addcmul": lambda x: torch.addcmul(x, x, x * x, value=0.5),
    "addcdiv": lambda x: torch.addcdiv(x, x, x * x + 1, value=0.5),
    "complex": lambda x: torch.complex(x, x * x).abs(),
    "conj": lambda x: (torch.complex(x, x * x) * torch.complex(x, x).conj()).real,
    "imag": lambda x: (torch.complex(x, x * x) ** 2).imag,
    "angle": lambda x: torch.complex(x, x * x).angle(),
    "polar": lambda x: torch.polar(x * x, x).imag,
}


PIECES: Final[dict[str, Case]] = {
    "absolute": lambda x: x.absolute(),
    "sgn": lambda x: torch.complex(x, x * x).sgn().real,
    "clip": lambda x: x.clip(-0.5, 0.6),
    "fmax": lambda x: torch.fmax(x, x * x * x),
    "fmin": lambda x: torch.fmin(x, x * x * x),
    "fix": lambda x: torch.fix(x) * x,
    "comparisons": lambda x: x * ((x >= 0.2) & (x <= 1) & (x != 3)).logical_not(),
    "other comparisons": lambda x: (
        x
        * torch.stack(
            [
                torch.greater(x, 0.2).to(x.dtype) * 1.5,
                torch.less(x, 0.2).to(x.dtype) * 2.5,
                torch.greater_equal(x, 0.3).to(x.dtype) * 3.5,
                torch.less_equal(x, 0.3).to(x.dtype) * 4.5,
                torch.not_equal(x, 0.3).to(x.dtype) * 5.5,
                torch.eq(x, 0.3).to(x.dtype) * 6.5,
            ]
        )
    ),
    "logic": lambda x: (
        x
        * torch.logical_xor(
            torch.logical_and(x > 0, x < 1), torch.logical_or(x > -1, x < -2)
        )
    ),
    "bits": lambda x: (
        x
        * torch.bitwise_xor(
            torch.bitwise_and(x > 0, x < 1),
            torch.bitwise_not(torch.bitwise_or(x > -1, x < -2)),
        ).float()
    ),
    "exclusive or": lambda x: x * ((x > 0) ^ (x < 1)).to(x.dtype),
    "finite": lambda x: x * (x.isfinite() & ~x.isnan() & ~x.isinf()).to(x.dtype),
    "masks in place": masks_in_place,
    "sign": lambda x: x.sign() * x,
    "clamp": lambda x: x.clamp(-0.5, 0.6),
    "clamp by keywords": lambda x: torch.clamp(x, min=-0.5, max=0.6),
    "clamp from above": lambda x: x.clamp(max=0.6),
    "clamp with tensors": lambda x: torch.clamp(x, x * x - 1, x * 0 + 0.6),
    "clamp_min": lambda x: torch.clamp_min(x, -0.5),
    "clamp_max": lambda x: x.clamp_max(0.6),
    "where": lambda x: torch.where(x > 0, x * x, x),
    "where with a number": lambda x: torch.where(x > 0, 2.0, x),
    "masked_fill": lambda x: x.masked_fill(x > 0, 3.0) * x,
    "maximum": lambda x: torch.maximum(x, x * x * x),
    "minimum": lambda x: torch.minimum(x, x * x * x),
    "max of two": lambda x: torch.max(x, x * x * x),
    "mask as numbers": lambda x: (x > 0.2).float() * x,
    "combined masks": lambda x: ((x > 0.2) | ~(x < 1)).to(x.dtype) * x,
    "round": lambda x: x.round() * x,
    "floor": lambda x: x.floor() * x,
    "ceil": lambda x: x.ceil() * x,
    "trunc": lambda x: x.trunc() * x,
    "frac": lambda x: x.frac() * x,
    "heaviside": lambda x: torch.heaviside(x.detach(), x.detach()) * x,
}


ACTIVATIONS: Final[dict[str, Case]] = {
    "relu": F.relu,
    "relu in place": lambda x: F.relu(x * 2, inplace=True),
    "nn.ReLU": nn.ReLU(),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "nn.LeakyReLU in place": lambda x: nn.LeakyReLU(0.1, inplace=True)(x * 2),
    "prelu": lambda x: F.prelu(x, like(x, 0.3)),
    "prelu by channel": lambda x: F.prelu(x, like(x, 0.3, 0.2, 0.1)),
    "rrelu in eval": lambda x: F.rrelu(x, training=False),
    "elu": lambda x: F.elu(x, 0.7),
    "celu": lambda x: F.celu(x, 0.7),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu with tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softplus with beta": lambda x: F.softplus(x, 2, 3),
    "softsign": F.softsign,
    "tanhshrink": F.tanhshrink,
    "softshrink": lambda x: F.softshrink(x, 0.4),
    "hardshrink": lambda x: F.hardshrink(x, 0.4),
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 0.6),
    "nn.Hardtanh": nn.Hardtanh(),
    "relu6": F.relu6,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "threshold": lambda x: F.threshold(x, 0.1, -2),
    "sigmoid": lambda x: x.sigmoid(),
    "torch.special.expit": torch.special.expit,
    "logsigmoid": F.logsigmoid,
    "logit": lambda x: torch.logit(x.sigmoid()),
    "glu": lambda x: F.glu(torch.cat([x, x * x], dim=1)),
    "softmax": lambda x: x.softmax(1),
    "softmax along another axis": lambda x: F.softmax(x, dim=0),
    "nn.Softmax": nn.Softmax(dim=-1),
    "softmin": lambda x: F.softmin(x, dim=1),
    "log_softmax": lambda x: F.log_softmax(x, dim=1),
    "dropout of nothing": lambda x: F.dropout(x * 2, 0.0) + x,
    "dropout in eval": lambda x: nn.Dropout(0.5).eval()(x * 2) + x,
}
