"""What an op is to the reader: its name, its kind, and why it cuts the gradient.

Separate from `ops`, which watches calls: these are decisions on finished records.
"""

from typing import Any, Final

import torch

from graphscope.capture.records import RawOp, RawValue
from graphscope.model.graph import OpKind, ValueKind

READOUTS: Final = frozenset(
    {"item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__"}
    | {"__complex__", "__array__", "__contains__", "equal", "allclose"}
)
_SHAPE_ONLY: Final = frozenset(
    {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"}
    | {"randint_like", "new_zeros", "new_ones", "new_empty", "new_full"}
)


def writes_silently(func: Any) -> bool:
    """Whether a function may change arguments without counting a new version.

    >>> writes_silently(torch.batch_norm), writes_silently(torch.add)
    (True, False)
    """
    name = getattr(func, "__name__", "")
    return "batch_norm" in name or "instance_norm" in name


def kind_of(op: RawOp, called: str) -> OpKind:
    """Decide the kind of a finished op; results of a creation become inputs."""
    inputs = [v for _, v, _ in op.arguments if v and v.kind != ValueKind.CONSTANT]
    if called in READOUTS and not op.outputs:
        return OpKind.READOUT
    if op.outputs and (not inputs or called in _SHAPE_ONLY):
        for output in op.outputs:
            if output.kind is ValueKind.RESULT:
                output.kind = ValueKind.INPUT
        return OpKind.CREATE
    if any(_is_leaf_update(output) for output in op.outputs):
        return OpKind.UPDATE
    return OpKind.COMPUTE


def _is_leaf_update(output: RawValue) -> bool:
    """An in-place change of a leaf, or of an alias of one (`w.data`)."""
    if output.previous is None:
        return False
    leaf = output.alias_of or output.previous
    return leaf.is_leaf and leaf.requires_grad and output.op is not None


def is_rebinding(op: RawOp) -> bool:
    """`w = w - lr * w.grad` without gradient: a new tensor takes the leaf's name."""
    if len(op.outputs) != 1 or torch.is_grad_enabled():
        return False
    output = op.outputs[0]
    if output.name is None:
        return False
    for _, value, _ in op.arguments:
        is_parameter = value is not None and value.kind is ValueKind.PARAMETER
        if is_parameter and value is not None and value.name == output.name:
            output.previous = value
            return True
    return False


def aliased_leaf(op: RawOp) -> RawValue | None:
    """Return the leaf that the result of `.data` or `detach()` shares storage with."""
    source = next((v for _, v, _ in op.arguments if v is not None), None)
    if source is None:
        return None
    leaf = source.alias_of or source
    return leaf if leaf.is_leaf and leaf.requires_grad else None


def cut_of(op: RawOp, called: str) -> str:
    """Say why no gradient flows back through an op, if one was wanted."""
    wanted = any(
        v.requires_grad for _, v, _ in op.arguments if v is not None and v.op != op
    )
    if not wanted or op.kind in (OpKind.UPDATE, OpKind.CREATE):
        return ""
    if any(v.requires_grad for v in op.outputs):
        return ""
    if op.kind is OpKind.READOUT:
        return f".{called}()" if not called.startswith("_") else "Python number"
    if called in ("detach", "data", "tensor", "as_tensor"):
        return {"detach": "detach()", "data": ".data"}.get(called, "torch.tensor()")
    if torch.is_inference_mode_enabled():
        return "inference_mode"
    if not torch.is_grad_enabled():
        return "no_grad"
    kinds = {v.dtype for v in op.outputs}
    whole = sorted(k for k in kinds if not k.startswith(("float", "bfloat", "complex")))
    return f"{whole[0]} result" if whole else "not differentiable"


def qualified_name(func: Any) -> str:
    """Return where users find a function of torch's: `torch.Tensor.add`.

    Not `torch.overrides.resolve_name`: the first call of that imports half of torch,
    with warnings that the user's program would not have shown.

    >>> qualified_name(torch.Tensor.add), qualified_name(torch.sigmoid)
    ('torch.Tensor.add', 'torch.sigmoid')
    >>> qualified_name(torch.nn.functional.linear)
    'torch.nn.functional.linear'
    """
    name = getattr(func, "__name__", "")
    if name == "__get__":
        owner = getattr(func, "__self__", None)
        return f"torch.Tensor.{getattr(owner, '__name__', name)}"
    if getattr(func, "__objclass__", None) is torch._C.TensorBase:
        return f"torch.Tensor.{name}"
    module = getattr(func, "__module__", None) or "torch"
    if module == "torch._C._nn":
        module = "torch.nn.functional"
    inside = getattr(func, "__qualname__", name)
    if module == "torch._tensor" or inside.startswith("Tensor."):
        return f"torch.Tensor.{name}"
    return f"{module}.{name}"
