"""A bare run under a mode of the test's own, which keeps what it sees.

It is the reference for "every call that ran through Python is in the graph" and for
every number: it copies arguments and results at the moment they are passed.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.overrides import TorchFunctionMode

from tests.oracle.databases import UNWRITTEN
from tests.oracle.reading import (
    Numbers,
    cotangent_of,
    kind_of,
    numbers_of,
    tensors_in,
    unseen,
)
from tests.oracle.walking import TrueGraph, walk

_MAKING_PROPERTIES: Final = frozenset({"T", "mT", "H", "mH", "real", "imag", "data"})
_NOT_OPERATORS: Final = frozenset(
    {torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad}
)


@dataclass(slots=True)
class Seen:
    """A tensor that a call made or changed.

    Attributes:
        shape: Sizes of its axes.
        dtype: torch's name of its dtype.
        kind: What kind of tensor it is, in words.
        numbers: A copy, None where the kind has none.
        is_written: Whether anything has written to its memory: not after `empty`.
        entry: The live autograd node and output number, dropped after use.
        arrival: The same as positions in a `TrueGraph`; None when it is not in it.
        tensor: The tensor itself, dropped after use.
    """

    shape: tuple[int, ...]
    dtype: str
    kind: str
    numbers: Numbers | None
    is_written: bool = True
    entry: Any = None
    arrival: tuple[int, int] | None = None
    tensor: Any = None


@dataclass(slots=True)
class SeenCall:
    """One torch call that made or changed tensors."""

    name: str
    made: list[Seen]
    is_transformed: bool = False


@dataclass(slots=True)
class Testimony:
    """Everything that the witness has to say of one sample.

    Attributes:
        calls: In order; those inside of an optimizer's step are left out.
        given: Copies of every argument, by shape and dtype.
        graph: The graph of the outputs.
        outputs: For each output the call and result that made it, if one did.
        gradients: For each (node, output) of the graph what `torch.autograd.grad`
            returns for it, None where it returns None.
        failed: Whether that call raised, so that there is nothing to compare.
    """

    calls: list[SeenCall] = field(default_factory=list)
    given: dict[tuple[tuple[int, ...], str], list[Numbers]] = field(
        default_factory=dict
    )
    graph: TrueGraph = field(default_factory=lambda: TrueGraph((), ()))
    outputs: list[tuple[int, int] | None] = field(default_factory=list)
    gradients: dict[tuple[int, int], Seen | None] = field(default_factory=dict)
    failed: bool = False


class Witness(TorchFunctionMode):
    """Keeps what every call on this thread was given, made and changed."""

    def __init__(self) -> None:
        super().__init__()
        self.testimony = Testimony()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the call unchanged and keep what it did."""
        del types
        kwargs = kwargs or {}
        name = _name_of(func)
        if name is None:
            return func(*args, **kwargs)
        given = tensors_in((args, kwargs))
        before = [_version_of(t) for t in given]
        with torch._C.DisableTorchFunction():
            kept = [self._keep(tensor) for tensor in given]
        result = func(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            changed = _once(
                tensor
                for tensor, version, numbers in zip(given, before, kept, strict=True)
                if _version_of(tensor) != version or _is_rewritten(tensor, numbers)
            )
            made = [t for t in tensors_in(result) if not any(t is g for g in given)]
            self._note(name, [*changed, *made], [*given, *made])
        return result

    def _keep(self, tensor: torch.Tensor) -> Numbers | None:
        numbers = numbers_of(tensor)
        if numbers is not None:
            self.testimony.given.setdefault(_type_of(tensor), []).append(numbers)
        return numbers

    def _note(
        self, name: str, results: list[torch.Tensor], touched: list[torch.Tensor]
    ) -> None:
        if results and not _is_inside_optimizer():
            is_transformed = any(is_functorch_wrapped_tensor(t) for t in touched)
            call = SeenCall(name, [], is_transformed)
            if not is_transformed:
                call.made = [see(t) for t in results]
                for seen in call.made:
                    seen.is_written = not UNWRITTEN.match(name)
            self.testimony.calls.append(call)

    def conclude(
        self,
        outputs: list[torch.Tensor],
        roots: list[torch.Tensor],
    ) -> Testimony:
        """Ask torch for all gradients of `roots`, then let go of every tensor."""
        told = self.testimony
        with torch._C.DisableTorchFunction():
            told.graph, live = walk(outputs)
            places = {node: place for place, node in enumerate(live)}
            for call in told.calls:
                for seen in call.made:
                    if seen.entry is not None and seen.entry[0] in places:
                        seen.arrival = places[seen.entry[0]], seen.entry[1]
            told.outputs = [_maker_of(t, told.calls) for t in outputs]
            self._ask(roots, live)
            for node in live:
                if hasattr(node, "variable"):
                    self._keep(node.variable)
            for call in told.calls:
                for seen in call.made:
                    seen.entry = seen.tensor = None
        return told

    def _ask(self, roots: list[torch.Tensor], live: list[Any]) -> None:
        told = self.testimony
        arrivals = told.graph.arrivals
        if not roots or not arrivals:
            return
        entries = [torch.autograd.graph.GradientEdge(live[n], o) for n, o in arrivals]
        try:
            cotangents = [cotangent_of(t, i) for i, t in enumerate(roots)]
            found = torch.autograd.grad(roots, entries, cotangents, allow_unused=True)
        except Exception:  # noqa: BLE001 - a backward that raises has no gradients
            told.failed = True
            return
        for arrival, gradient in zip(arrivals, found, strict=True):
            told.gradients[arrival] = None if gradient is None else see(gradient)


def see(tensor: torch.Tensor) -> Seen:
    """Copy what can be told of `tensor`; keeps it until the witness concludes."""
    shape, dtype = _type_of(tensor)
    entry = None
    if tensor.requires_grad and not tensor.is_leaf:
        entry = tensor.grad_fn, tensor.output_nr
    return Seen(
        shape, dtype, kind_of(tensor), numbers_of(tensor), entry=entry, tensor=tensor
    )


def _type_of(tensor: torch.Tensor) -> tuple[tuple[int, ...], str]:
    shape = () if tensor.is_nested else tuple(int(size) for size in tensor.shape)
    return shape, str(tensor.dtype).removeprefix("torch.")


def _name_of(func: Any) -> str | None:
    """Return the operator's name; None for what is no operator."""
    name: str = getattr(func, "__name__", "")
    if name == "__get__":
        name = getattr(getattr(func, "__self__", None), "__name__", "")
        return name if name in _MAKING_PROPERTIES else None
    is_other = name == "__set__" or func in _NOT_OPERATORS
    return None if is_other else name


def _version_of(tensor: torch.Tensor) -> int | None:
    with unseen():
        return None if tensor.is_inference() else tensor._version


def _is_rewritten(tensor: torch.Tensor, before: Numbers | None) -> bool:
    """Whether the numbers moved without a new version: batch norm's statistics do."""
    now = None if before is None else numbers_of(tensor)
    return now is not None and before is not None and now.tobytes() != before.tobytes()


def _once(tensors: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())


def _maker_of(tensor: torch.Tensor, calls: list[SeenCall]) -> tuple[int, int] | None:
    """Return the last call, and which of its results, that made `tensor`."""
    for number in range(len(calls) - 1, -1, -1):
        for position, seen in enumerate(calls[number].made):
            if seen.tensor is tensor:
                return number, position
    return None


def _is_inside_optimizer() -> bool:
    """Whether torch's optimizer code runs, not a closure of the user's inside it."""
    frame = sys._getframe(3)
    while frame is not None and "/torch/" in frame.f_code.co_filename:
        if "/torch/optim/" in frame.f_code.co_filename:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
