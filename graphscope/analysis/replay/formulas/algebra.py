"""Formulas of linear algebra: products of matrices and vectors, systems, distances."""

from math import prod, sqrt
from typing import Any, Final

import numpy as np

from graphscope.analysis.replay.formula import Formula, Table, elementwise, pairwise
from graphscope.analysis.replay.formulas.reductions import vector_norm
from graphscope.analysis.replay.formulas.special import softmax
from graphscope.analysis.replay.given import Given
from graphscope.model.observation import Array

_MAX_OPERANDS: Final = 8
_MAX_LOOPS: Final = 1 << 26


def multiply(given: Given, one: Array, two: Array) -> Array:
    """Return the product of two matrices, or batches of them, or vectors."""
    batch = np.broadcast_shapes(one.shape[:-2], two.shape[:-2])
    rows = one.shape[-2:-1]
    columns = two.shape[-1:] if two.ndim > 1 else ()
    given.require_size([*batch, *rows, *columns])
    return np.asarray(np.matmul(one, two))


def _product(*names: str) -> Formula:
    first, second = names
    return Formula(
        f"{first} {second}",
        lambda given: multiply(given, given.array(first), given.array(second)),
    )


def _linear(given: Given) -> Array:
    found = multiply(given, given.array("input"), given.array("weight").T)
    bias = given.optional("bias")
    return np.asarray(found if bias is None else found + bias)


def _added(given: Given, product: Array) -> Array:
    beta, alpha = given.number("beta", 1.0), given.number("alpha", 1.0)
    return np.asarray(beta * given.array("input") + alpha * product)


def _matrix_added(first: str, second: str) -> Formula:
    def compute(given: Given) -> Array:
        return _added(given, multiply(given, given.array(first), given.array(second)))

    return Formula(f"input {first} {second} beta~ alpha~", compute)


def _batches_added(given: Given) -> Array:
    products = multiply(given, given.array("batch1"), given.array("batch2"))
    return _added(given, products.sum(axis=0))


def _outer_added(given: Given) -> Array:
    return _added(given, _outer(given, "vec1", "vec2"))


def _outer(given: Given, first: str, second: str) -> Array:
    one, two = given.array(first), given.array(second)
    given.require_size([one.size, two.size])
    return np.outer(one, two)


def _kronecker(given: Given) -> Array:
    one, two = given.array("input"), given.array("other")
    given.require_size([one.size, two.size])
    return np.kron(one, two)


def _bilinear(given: Given) -> Array:
    one, two = given.array("input1"), given.array("input2")
    found = np.einsum("...i,oij,...j->...o", one, given.array("weight"), two)
    bias = given.optional("bias")
    return np.asarray(found if bias is None else found + bias)


def _einsum(given: Given) -> Array:
    equation, operands = str(given.plain("equation", "")), given.arrays("operands")
    if len(operands) > _MAX_OPERANDS or _loops(equation, operands) > _MAX_LOOPS:
        raise given.refuse("it would take too long")
    return np.asarray(np.einsum(equation, *operands))


def _loops(equation: str, operands: list[Array]) -> int:
    """Return how many products are added up, at most."""
    labels = equation.replace(" ", "").partition("->")[0].split(",")
    lengths: dict[str, int] = {}
    for number, (names, operand) in enumerate(zip(labels, operands, strict=False)):
        plain = names if "." not in names else [f"{number}.{i}" for i in range(9)]
        lengths |= dict(zip(plain, operand.shape, strict=False))
    return prod(lengths.values())


def _tensordot(given: Given) -> Array:
    dims: Any = given.plain("dims", 2)
    one, two = given.array("a"), given.array("b")
    given.require_size(given.shape)
    if dims == 0:
        given.require_size([one.size, two.size])
    return np.asarray(np.tensordot(one, two, axes=dims))


def _chained(given: Given) -> Array:
    parts = given.arrays("tensors")
    found = parts[0]
    for part in parts[1:]:
        found = multiply(given, found, part)
    return found


def _solve(given: Given) -> Array:
    matrix, right = given.array("A"), given.array("B")
    is_vector = right.ndim == matrix.ndim - 1
    found = np.linalg.solve(matrix, right[..., None] if is_vector else right)
    return np.asarray(found[..., 0] if is_vector else found)


def _log_det(given: Given) -> Array:
    sign, size = np.linalg.slogdet(given.array("input"))
    return np.asarray(np.where(sign > 0, size, np.nan))


def _sign_and_log_det(given: Given) -> tuple[Array, Array]:
    sign, size = np.linalg.slogdet(given.array("input"))
    return np.asarray(sign), np.asarray(size)


def _distances(given: Given) -> Array:
    one, two = given.array("x1"), given.array("x2")
    given.require_size([one.size, two.shape[-2]])
    gaps = one[..., :, None, :] - two[..., None, :, :]
    return vector_norm(gaps, given.number("p", 2.0), (-1,), keepdims=False)


def _zero_gaps(given: Given) -> Array:
    one, two = given.array("x1"), given.array("x2")
    return np.asarray((one[..., :, None, :] == two[..., None, :, :]).all(axis=-1))


def _attention(given: Given) -> Array:
    """Source: torch.nn.functional.scaled_dot_product_attention, its docstring."""
    query, key = given.array("query"), given.array("key")
    if given.number("dropout_p", 0.0) > 0:
        raise given.refuse("it is random, and its mask was not recorded")
    if given.flag("enable_gqa"):
        raise given.refuse("there is no formula for grouped queries")
    scale = given.number("scale", 1 / sqrt(query.shape[-1]))
    scores = query @ np.swapaxes(key, -1, -2) * scale
    if given.flag("is_causal"):
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    mask = given.optional("attn_mask")
    if mask is not None:
        scores = (
            np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        )
    return np.asarray(softmax(scores, -1) @ given.array("value"))


_SOLVE: Final = Formula("A B", _solve)
_INVERSE: Final = elementwise(np.linalg.inv)
_DETERMINANT: Final = elementwise(lambda x: np.asarray(np.linalg.det(x)))

ALGEBRA: Final[Table] = {
    "matmul": _product("input", "other"),
    "rmatmul": Formula(  # a method of the factor on the right
        "input other",
        lambda given: multiply(given, given.array("other"), given.array("input")),
    ),
    "mm": _product("input", "mat2"),
    "bmm": _product("input", "mat2"),
    "mv": _product("input", "vec"),
    "dot": _product("input", "tensor"),
    "vdot": Formula(
        "input other",
        lambda given: np.asarray(np.vdot(given.array("input"), given.array("other"))),
    ),
    "inner": pairwise(lambda a, b: np.asarray(np.inner(a, b))),
    **dict.fromkeys(
        ("outer", "ger"),
        Formula("input vec2", lambda given: _outer(given, "input", "vec2")),
    ),
    "kron": Formula("input other", _kronecker),
    "linear": Formula("input weight bias", _linear),
    "bilinear": Formula("input1 input2 weight bias", _bilinear),
    "addmm": _matrix_added("mat1", "mat2"),
    "addmv": _matrix_added("mat", "vec"),
    "baddbmm": _matrix_added("batch1", "batch2"),
    "addbmm": Formula("input batch1 batch2 beta~ alpha~", _batches_added),
    "addr": Formula("input vec1 vec2 beta~ alpha~", _outer_added),
    "einsum": Formula("equation: *operands", _einsum),
    "tensordot": Formula("a b dims:", _tensordot),
    "linalg_multi_dot": Formula("tensors", _chained),
    **dict.fromkeys(("inverse", "linalg_inv"), _INVERSE),
    **dict.fromkeys(("det", "linalg_det"), _DETERMINANT),
    "logdet": Formula("input", _log_det),
    **dict.fromkeys(("slogdet", "linalg_slogdet"), Formula("input", _sign_and_log_det)),
    "linalg_solve": _SOLVE,
    **dict.fromkeys(("cholesky", "linalg_cholesky"), elementwise(np.linalg.cholesky)),
    "cdist": Formula("x1 x2 p:", _distances, _zero_gaps, "has a kink at 0", "x1"),
    "scaled_dot_product_attention": Formula(
        "query key value attn_mask dropout_p: is_causal:", _attention
    ),
}
