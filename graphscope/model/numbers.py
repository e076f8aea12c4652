"""How numbers, shapes and dtypes are written: one way, for every output."""

from math import isinf, isnan
from typing import Final

import numpy as np

from graphscope.model.observation import Array, Observation, Stats

DTYPE_NAMES: Final = {
    "float64": "f64",
    "float32": "f32",
    "float16": "f16",
    "bfloat16": "bf16",
    "float8_e4m3fn": "f8e4m3",
    "float8_e5m2": "f8e5m2",
    "complex64": "c64",
    "complex128": "c128",
    "int64": "i64",
    "int32": "i32",
    "int16": "i16",
    "int8": "i8",
    "uint8": "u8",
    "bool": "b8",
}

_FIXED_LOW: Final = 1e-3
_FIXED_HIGH: Final = 1e6
_SHOWN_ELEMENTS: Final = 4
_SMALL_ELEMENTS: Final = 16
_SMALL_TEXT: Final = 36


def format_number(number: float | complex) -> str:  # noqa: PYI041 - both are meant
    """Write a number to about five significant digits, with a real minus sign.

    >>> [format_number(n) for n in (14.0, -0.481401, 128.550247, 1e-7, 0.0, True)]
    ['14', '−0.4814', '128.55', '1.000e−07', '0', 'True']
    """
    if isinstance(number, bool):
        return str(number)
    if isinstance(number, complex):
        sign = "+" if number.imag >= 0 or isnan(number.imag) else "−"
        return f"{format_number(number.real)}{sign}{format_number(abs(number.imag))}i"
    if isnan(number):
        return "NaN"
    if isinf(number):
        return "∞" if number > 0 else "−∞"
    if number == int(number) and abs(number) < _FIXED_HIGH:
        return _with_minus(str(int(number)))
    if _FIXED_LOW <= abs(number) < _FIXED_HIGH:
        decimals = 4 if abs(number) < 100 else 3  # noqa: PLR2004 - width, not policy
        text = f"{number:.{decimals}f}".rstrip("0").rstrip(".")
        return _with_minus(text)
    return _with_minus(f"{number:.3e}")


def _with_minus(text: str) -> str:
    return text.replace("-", "−")


def format_array(data: Array, limit: int = _SHOWN_ELEMENTS) -> str:
    """Write an array on one line, cut after `limit` elements.

    >>> import numpy as np
    >>> format_array(np.array([[1.0, 2.0], [3.0, 4.0]])), format_array(np.array(3.5))
    ('[[1, 2], [3, 4]]', '3.5')
    >>> format_array(np.arange(6).reshape(2, 3))
    '[[0, 1, 2], [3, …]]'
    """
    if data.ndim == 0:
        return format_number(data.item())
    parts: list[str] = []
    left = limit
    for row in data:
        if left <= 0:
            parts.append("…")
            break
        parts.append(format_array(np.asarray(row), left))
        left -= max(row.size, 1)
    return f"[{', '.join(parts)}]"


def format_small(data: Array) -> str:
    """Write a small tensor whole, or return nothing when it is too long for a line.

    Up to four elements are always written, more where their text is short: small whole
    numbers, and the truth values of a comparison as 1 and 0.

    >>> import numpy as np
    >>> format_small(np.arange(6).reshape(2, 3)), format_small(np.arange(6) < 2)
    ('[[0, 1, 2], [3, 4, 5]]', '[1, 1, 0, 0, 0, 0]')
    >>> format_small(np.linspace(0, 1, 7)), format_small(np.array([]))
    ('', '')
    """
    if data.size == 0 or data.size > _SMALL_ELEMENTS:
        return ""
    if data.size == 1:
        return format_number(data.reshape(()).item())
    if data.size <= _SHOWN_ELEMENTS:
        return format_array(data)
    plain = data.astype(np.int8) if data.dtype == np.bool_ else data
    text = format_array(plain, plain.size)
    return text if len(text) <= _SMALL_TEXT else ""


def format_observation(seen: Observation | None) -> str:
    """Write what was seen: the number, a few elements, or mean and spread.

    None is the absent tensor, as in `w.grad is None`, and differs from 0. Of many truth
    values it is how many are true.
    """
    if seen is None:
        return "None"
    if seen.data is not None:
        small = format_small(seen.data)
        if small:
            return small
        if seen.data.dtype == np.bool_ and seen.data.size:
            return f"{int(seen.data.sum())} of {seen.data.size} true"
    return format_stats(seen.stats)


def format_stats(stats: Stats | None) -> str:
    """Write mean and spread, and how many elements are not finite."""
    if stats is None:
        return "not read"
    if stats.numel == 0:
        return "empty"
    parts: list[str] = []
    if stats.nans + stats.infs < stats.numel:  # else there is no mean
        parts.append(f"μ {format_number(stats.mean)} σ {format_number(stats.std)}")
    if stats.nans:
        parts.append(f"{stats.nans} NaN")
    if stats.infs:
        parts.append(f"{stats.infs} Inf")
    return " ".join(parts)


def format_type(dtype: str, shape: tuple[int, ...]) -> str:
    """Write dtype and shape.

    >>> format_type("float32", (2, 3)), format_type("int64", ())
    ('f32[2, 3]', 'i64[]')
    """
    return f"{DTYPE_NAMES.get(dtype, dtype)}[{', '.join(map(str, shape))}]"
