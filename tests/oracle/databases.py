"""The samples: what the torch wheel ships to test its operators with.

Each database becomes a list of items; an item makes equal copies of its samples as
often as it is asked, and runs one of them. One file per database would repeat the
same twenty lines five times.
"""

import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
import torch

FULL_DTYPE: Final = torch.float32
CAPPED_DTYPES: Final = (
    torch.float64,
    torch.complex64,
    torch.bfloat16,
    torch.int64,
    torch.bool,
)
DTYPES: Final = {str(d).removeprefix("torch."): d for d in (FULL_DTYPE, *CAPPED_DTYPES)}
CAP: Final = 6
"""Samples per item for every dtype but the first."""

_MAKING_SEED: Final = 1234
_STEPS: Final = 3
_SHAPES: Final = ((4, 3), (3, 5), (2, 2))

# These return memory that nothing has written to, so two runs need not agree. Their
# types, shapes and nodes are compared, their numbers are not.
UNWRITTEN: Final = re.compile(
    r"(inplace:)?(new_)?empty(_like|_permuted|_strided)?$|linalg_lstsq(_grad_oriented)?$"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a database.

    Attributes:
        name: Its name there, with a prefix for what is not an operator.
        make: Makes fresh, equal samples: trees of tensors and plain values.
        call: Runs one sample and returns a tree of results.
    """

    name: str
    make: Callable[[], list[Any]]
    call: Callable[[Any], Any]


def seed_all(number: int) -> None:
    """Seed the three generators that samples draw from."""
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - the global state is what is compared


def items_of(database: str, dtype: torch.dtype) -> list[Item]:
    """Return the items of `database` that run with `dtype` on CPU, in its order."""
    with warnings.catch_warnings():
        # Importing the databases, and asking them, raises deprecations of torch's own.
        warnings.simplefilter("ignore")
        return list(DATABASES[database](dtype))


def _capped(samples: Iterable[Any], dtype: torch.dtype) -> Iterator[Any]:
    return islice(samples, None if dtype is FULL_DTYPE else CAP)


def _wants_gradient(operator: Any, dtype: torch.dtype) -> bool:
    is_continuous = dtype.is_floating_point or dtype.is_complex
    return bool(operator.supports_autograd and is_continuous)


def _op_items(dtype: torch.dtype) -> Iterator[Item]:
    from torch.testing._internal.common_methods_invocations import op_db

    for operator in op_db:
        if operator.supports_dtype(dtype, "cpu"):
            wants = _wants_gradient(operator, dtype)
            yield Item(
                operator.formatted_name,
                _operator_samples(operator, dtype, wants=wants),
                _caller(operator),
            )


def _operator_samples(
    operator: Any, dtype: torch.dtype, *, wants: bool
) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        seed_all(_MAKING_SEED)
        found = operator.sample_inputs("cpu", dtype, requires_grad=wants)
        return [(s.input, s.args, s.kwargs) for s in _capped(found, dtype)]

    return make


def _caller(operator: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda sample: operator(sample[0], *sample[1], **sample[2])


def _inplace_items(dtype: torch.dtype) -> Iterator[Item]:
    """In-place variants, applied to a copy: autograd forbids them on a leaf."""
    from torch.testing._internal.common_methods_invocations import op_db

    for operator in op_db:
        variant = operator.get_inplace()
        if variant is None or not operator.supports_dtype(dtype, "cpu"):
            continue
        wants = operator.supports_inplace_autograd and _wants_gradient(operator, dtype)
        yield Item(
            f"inplace:{operator.formatted_name}",
            _inplace_samples(operator, dtype, wants=wants),
            _inplace_caller(variant),
        )


def _inplace_samples(
    operator: Any, dtype: torch.dtype, *, wants: bool
) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        seed_all(_MAKING_SEED)
        found = operator.sample_inputs("cpu", dtype, requires_grad=wants)
        fitting = (
            s
            for s in found
            if isinstance(s.input, torch.Tensor) and not s.broadcasts_input
        )
        return [(s.input, s.args, s.kwargs) for s in _capped(fitting, dtype)]

    return make


def _inplace_caller(variant: Callable[..., Any]) -> Callable[[Any], Any]:
    def call(sample: Any) -> Any:
        copied = sample[0].clone()
        return copied, variant(copied, *sample[1], **sample[2])

    return call


def _module_items(dtype: torch.dtype) -> Iterator[Item]:
    from torch.testing._internal.common_modules import module_db

    for entry in module_db:
        if dtype not in entry.dtypes:
            continue
        for training in (True, False) if entry.train_and_eval_differ else (True,):
            mode = "train" if training else "eval"
            yield Item(
                f"module:{entry.name}:{mode}",
                _module_samples(entry, dtype, training=training),
                lambda sample: sample[-1](*sample[0], **sample[1]),
            )


def _module_samples(
    entry: Any, dtype: torch.dtype, *, training: bool
) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        seed_all(_MAKING_SEED)
        inputs = entry.module_inputs_func(
            entry, device="cpu", dtype=dtype, requires_grad=True, training=training
        )
        made = []
        for given in _capped((i for i in inputs if i.forward_input), dtype):
            how = given.constructor_input
            model = entry.module_cls(*how.args, **how.kwargs).to(dtype).train(training)
            held = [*model.parameters(), *model.buffers()]
            made.append(
                (given.forward_input.args, given.forward_input.kwargs, held, model)
            )
        return made

    return make


def _optimizer_items(dtype: torch.dtype) -> Iterator[Item]:
    from torch.testing._internal.common_optimizers import optim_db

    if not (dtype.is_floating_point or dtype.is_complex):
        return
    entry: Any
    for entry in optim_db:
        kinds = ["forloop"]
        kinds += [k for k in entry.supported_impls if k == "foreach"]
        if "fused" in entry.supported_impls and "cpu" in (
            entry.supports_fused_on or ()
        ):
            kinds.append("fused")
        for kind in kinds:
            name = f"optimizer:{entry.optim_cls.__name__}:{kind}"
            yield Item(name, _optimizer_samples(entry, dtype, kind), train_briefly)


def _optimizer_samples(
    entry: Any, dtype: torch.dtype, kind: str
) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        made = []
        for given in _capped(entry.optim_inputs_func("cpu", dtype), dtype):
            seed_all(_MAKING_SEED)
            weights = [torch.nn.Parameter(torch.randn(s, dtype=dtype)) for s in _SHAPES]
            options = dict(given.kwargs)
            if kind != "forloop":
                options[kind] = True
            elif "foreach" in entry.supported_impls:
                options["foreach"] = False
            try:
                made.append((weights, entry.optim_cls(weights, **options)))
            except (RuntimeError, ValueError):
                continue  # a combination that the optimizer itself refuses
        return made

    return make


def train_briefly(sample: Any) -> Any:
    """Train three small weights; return copies of them and of their gradients.

    The result is `[(weights, gradients), ...]`, one pair for each step.
    """
    weights, optimizer = sample
    x = torch.linspace(-1, 1, 3, dtype=weights[0].dtype)

    def loss_and_gradients() -> torch.Tensor:
        optimizer.zero_grad()
        parts = (weights[0] @ x, weights[1].t() @ x, weights[2])
        loss = sum((part * part.conj()).real.sum() for part in parts)
        if isinstance(optimizer, torch.optim.SparseAdam):
            loss = torch.nn.functional.embedding(
                torch.tensor([0, 2]), weights[0], sparse=True
            ).sum()
        assert isinstance(loss, torch.Tensor)
        loss.backward()
        return loss

    history = []
    for _ in range(_STEPS):
        if isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(loss_and_gradients)
        else:
            loss_and_gradients()
            optimizer.step()
        gradients = [None if w.grad is None else w.grad.clone() for w in weights]
        history.append(([w.detach().clone() for w in weights], gradients))
    return history


def _function_items(dtype: torch.dtype) -> Iterator[Item]:
    """The user's own functions: `torch.autograd.Function` and custom operators."""
    from torch.testing._internal.autograd_function_db import autograd_function_db
    from torch.testing._internal.custom_op_db import custom_op_db

    for operator in [*autograd_function_db, *custom_op_db]:
        if operator.supports_dtype(dtype, "cpu"):
            wants = _wants_gradient(operator, dtype)
            yield Item(
                f"custom:{operator.formatted_name}",
                _operator_samples(operator, dtype, wants=wants),
                _caller(operator),
            )


DATABASES: Final[dict[str, Callable[[torch.dtype], Iterator[Item]]]] = {
    "op": _op_items,
    "inplace": _inplace_items,
    "module": _module_items,
    "optimizer": _optimizer_items,
    "custom": _function_items,
}
