"""One run of one sample, and everything about it that a capture could disturb."""

import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.modules import module
from torch.optim import optimizer
from torch.utils._pytree import tree_flatten

from tests.oracle.databases import Item, seed_all
from tests.oracle.reading import bits_of, cotangent_of, facts_of, tensors_in

_RUNNING_SEED: Final = 99
_PLAIN: Final = (int, float, complex, str, bool, type(None), torch.Size, torch.dtype)
_MODULE_HOOKS: Final = [
    n
    for n in dir(module)
    if n.startswith("_global_")
    and n.endswith(("hooks", "hooks_always_called", "hooks_with_kwargs"))
]
_OPTIMIZER_HOOKS: Final = [
    n for n in dir(optimizer) if n.startswith("_global_") and "hook" in n
]

Record = dict[str, Any]


@dataclass(slots=True)
class Run:
    """What one run left: comparable facts, and its results while they are needed."""

    facts: Record = field(default_factory=dict)
    result: Any = None

    @property
    def outputs(self) -> list[torch.Tensor]:
        """The tensors among the results, in order."""
        return tensors_in(self.result)


def run_sample(
    item: Item,
    sample: Any,
    around: AbstractContextManager[Any],
    *,
    rehearsals: Sequence[Any] = (),
    backward: bool = True,
) -> Run:
    """Run `sample` inside `around` from fixed seeds, forward and then backward.

    `rehearsals` are equal samples that run before it, on the same lines and each in a
    step of its own, which `around` gives: a capture may do less where a step repeats
    what it has seen. Nothing of them is compared.
    """
    run = Run()
    given = tensors_in(sample)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with around as step:
            for each in (*rehearsals, sample):
                told.clear()
                seed_all(_RUNNING_SEED)
                with step() if rehearsals else nullcontext():
                    _run_through(run, item, each, backward=backward)
    run.facts["warnings"] = [
        (w.category.__name__, _without_addresses(str(w.message)), w.filename, w.lineno)
        for w in told
    ]
    run.facts["random states"] = _random_states()
    run.facts["outputs"] = _describe(run.result)
    run.facts["output numbers"] = [bits_of(t) for t in run.outputs]
    run.facts["inputs"] = [(bits_of(t), _version_of(t)) for t in given]
    run.facts["gradients"] = [_gradient_of(t) for t in given]
    run.facts["state"] = [bits_of(t) for t in _state_in(sample)]
    run.facts["left behind"] = _surroundings(given)
    return run


def _run_through(run: Run, item: Item, sample: Any, *, backward: bool) -> None:
    # Every run goes through these very lines: warnings name a line.
    run.result, run.facts["raised"] = _attempt(lambda: item.call(sample))
    if backward:
        _, run.facts["raised in backward"] = _attempt(lambda: _go_back(run))


def _attempt(act: Callable[[], Any]) -> tuple[Any, tuple[str, str] | None]:
    try:
        return act(), None
    except Exception as error:  # noqa: BLE001 - what is raised is what is compared
        text = _without_addresses(str(error))
        kind = type(error).__name__
        error.__traceback__ = None
        return None, (kind, text)


def _go_back(run: Run) -> None:
    wanting = differentiable(run.outputs)
    if wanting:
        torch.autograd.backward(
            wanting, [cotangent_of(t, i) for i, t in enumerate(wanting)]
        )


def differentiable(outputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the outputs that a backward can start from."""
    with torch._C.DisableTorchFunction():
        return [
            t
            for t in outputs
            if t.requires_grad and (t.is_floating_point() or t.is_complex())
        ]


def _without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def _random_states() -> tuple[object, ...]:
    _, keys, place, *rest = np.random.get_state()  # noqa: NPY002
    return (
        torch.get_rng_state().numpy().tobytes(),
        random.getstate(),
        (np.asarray(keys).tobytes(), place, *rest),
    )


def _describe(result: Any) -> object:
    leaves, structure = tree_flatten(result)
    told: list[object] = [str(structure)]
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor):
            told.append(facts_of(leaf))
        else:
            told.append(repr(leaf) if isinstance(leaf, _PLAIN) else type(leaf).__name__)
    return told


def _version_of(tensor: torch.Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


def _gradient_of(tensor: torch.Tensor) -> object:
    if not tensor.is_leaf or tensor.grad is None:
        return None
    return facts_of(tensor.grad), bits_of(tensor.grad)


def _state_in(sample: Any) -> list[torch.Tensor]:
    """Return what optimizers in `sample` remember, and buffers of its modules."""
    found: list[torch.Tensor] = []
    for part in sample:
        if isinstance(part, torch.optim.Optimizer):
            found += tensors_in([list(state.values()) for state in part.state.values()])
        if isinstance(part, torch.nn.Module):
            found += part.buffers()
    return found


def _surroundings(given: list[torch.Tensor]) -> dict[str, object]:
    """Return the state of the process and the hooks on the sample's own tensors."""
    return {
        "function modes": torch._C._len_torch_function_stack(),
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "module hooks": [len(getattr(module, name) or ()) for name in _MODULE_HOOKS],
        "optimizer hooks": [len(getattr(optimizer, n)) for n in _OPTIMIZER_HOOKS],
        "tensor hooks": [_hooks_on(t) for t in given],
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "default dtype": str(torch.get_default_dtype()),
        "anomaly mode": torch.is_anomaly_enabled(),
        "recursion limit": sys.getrecursionlimit(),
        "profiling": sys.getprofile() is not None or sys.gettrace() is not None,
    }


def _hooks_on(tensor: torch.Tensor) -> tuple[int, int]:
    after = getattr(tensor, "_post_accumulate_grad_hooks", None)
    return len(tensor._backward_hooks or ()), len(after or ())


class _Mark:
    """Lives in an autograd node's metadata, and so exactly as long as the node."""

    __slots__ = ("__weakref__",)


def watch_lives(sample: Any, run: Run) -> Callable[[], dict[str, int]]:
    """Return a function that counts what of `sample` and `run` is still alive.

    It holds weak references only. Storages are those of the inputs, of the outputs and
    of the gradients; nodes are the `grad_fn` of the outputs.
    """
    import weakref

    given = tensors_in(sample)
    gradients = [t.grad for t in given if t.is_leaf and t.grad is not None]
    storages = []
    for tensor in [*given, *run.outputs, *gradients]:
        try:
            storages.append(StorageWeakRef(tensor.untyped_storage()))
        except (RuntimeError, NotImplementedError):
            continue  # sparse tensors have none of their own
    marks = []
    for tensor in run.outputs:
        node: Any = tensor.grad_fn
        if node is not None:
            mark = node.metadata.setdefault("oracle", _Mark())
            marks.append(weakref.ref(mark))
    tensors = [
        weakref.ref(t) for t in run.outputs if not isinstance(t, torch.nn.Parameter)
    ]

    def count() -> dict[str, int]:
        return {
            "storages": sum(not s.expired() for s in storages),
            "autograd nodes": sum(m() is not None for m in marks),
            "tensors": sum(t() is not None for t in tensors),
        }

    return count


@contextmanager
def bare() -> Iterator[None]:
    """Run without anything around it."""
    yield
