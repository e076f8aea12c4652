"""Programs whose threads train, load data or fail, for `test_threads`."""

import threading
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import nn

STEPS = 3
WARNINGS = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
]


def train_leaf(seed: int) -> list[Any]:
    """Fit a leaf that no module owns."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        x = torch.rand(2, generator=generator)
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return [losses, w]


def make_model(seed: int) -> nn.Module:
    """Make a model whose numbers depend on `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.copy_(torch.rand(parameter.shape, generator=generator))
    return model


def train_model(model: nn.Module) -> list[Any]:
    """Fit a model."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    losses = []
    for step in range(STEPS):
        xb = torch.full((4, 2), 0.5 + step)
        optimizer.zero_grad()
        out = model(xb)
        loss = out.pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return [losses, list(model.parameters())]


def in_threads(*targets: Callable[[], Any]) -> list[Any]:
    """Run each in a thread of its own, at once; return what they return."""
    results: list[Any] = [None] * len(targets)

    def run(index: int, target: Callable[[], Any]) -> None:
        results[index] = target()

    threads = [
        threading.Thread(target=run, args=(index, target), name=f"trainer {index}")
        for index, target in enumerate(targets)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def two_that_train() -> Any:
    return in_threads(lambda: train_leaf(1), lambda: train_model(make_model(2)))


def main_and_another_train() -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(train_leaf(3)))
    thread.start()
    results.append(train_model(make_model(4)))
    thread.join()
    return sorted(results, key=lambda result: len(result[1]))


def a_pool_that_trains() -> Any:
    with ThreadPoolExecutor(2, "worker") as pool:
        tasks = [pool.submit(train_leaf, seed) for seed in range(4)]
        return [task.result() for task in tasks]


def a_timer_that_trains() -> Any:
    results: list[Any] = []
    timer = threading.Timer(0.01, lambda: results.append(train_leaf(5)))
    timer.start()
    timer.join()
    return results


class _Trainer(threading.Thread):
    """Overrides what it can, and calls none of what it overrides."""

    def __init__(self) -> None:
        super().__init__(name="own", daemon=True)
        self.result: Any = None

    def run(self) -> None:
        self.result = train_leaf(6)


def a_subclass_that_trains() -> Any:
    thread = _Trainer()
    thread.start()
    thread.join()
    return [thread.result, thread.name, thread.daemon, thread.is_alive()]


def replicas_in_threads() -> Any:
    """Do what `torch.nn.parallel.parallel_apply` does on accelerators."""
    model = make_model(7)
    replicas = [deepcopy(model), deepcopy(model)]
    inputs = [torch.ones(1, 2), torch.full((1, 2), 2.0)]
    losses = []
    for _ in range(STEPS):
        parts = in_threads(
            lambda: replicas[0](inputs[0]), lambda: replicas[1](inputs[1])
        )
        loss = torch.cat(parts).sum()
        loss.backward()
        losses.append(loss.item())
    return [losses, [[p.grad for p in one.parameters()] for one in replicas]]


def one_model_in_two_threads() -> Any:
    """Train the same parameters from two threads, one after the other."""
    model = make_model(8)
    first = in_threads(lambda: train_model(model))
    return [first, in_threads(lambda: train_model(model))]


def backward_of_another_threads_graph() -> Any:
    x = torch.ones(2, requires_grad=True)
    loss = (x * 3).sum()
    thread = threading.Thread(target=loss.backward)
    thread.start()
    thread.join()
    return x.grad


def fused_inference_in_a_thread() -> Any:
    """Torch computes something else where it sees a mode."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    model = nn.TransformerEncoder(layer, 2).eval()
    x = torch.arange(24.0).reshape(2, 3, 4)
    padding = torch.tensor([[False, False, True], [False, True, True]])

    def run() -> Any:
        with torch.no_grad():
            return model(x, src_key_padding_mask=padding)

    return in_threads(run)


def data_in_a_thread() -> Any:
    """Work with tensors that require no gradient."""

    def run() -> Any:
        x = torch.arange(6.0).reshape(2, 3)
        return [x.mean(), F.normalize(x), F.pad(x, (1, 1)), nn.ReLU()(x - 2)]

    return in_threads(run)


def modes_in_a_thread() -> Any:
    """Use function modes, and take everything off their stack."""

    def run() -> Any:
        torch.set_default_device("meta")
        first = torch.ones(2).device.type
        torch.set_default_device(None)
        with torch.device("meta"):
            second = torch.ones(2).device.type
        result = train_leaf(9)
        while torch._C._len_torch_function_stack():
            torch._C._pop_torch_function_stack()
        return [first, second, result, train_leaf(10)]

    return in_threads(run)


class Double(torch.autograd.Function):
    """A function that torch sees only from inside."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Double."""
        del ctx
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Double as well."""
        del ctx
        return gradients[0] * 2


def a_function_of_its_own_in_a_thread() -> Any:
    def run() -> Any:
        w = torch.nn.Parameter(torch.ones(2))
        loss = Double.apply(w).sum()
        loss.backward()
        return [loss, w.grad]

    return in_threads(run)


def warnings_in_a_thread() -> Any:
    """Return the places of what torch warns about."""

    def run() -> Any:
        w = torch.ones(2, requires_grad=True)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = F.softmax(torch.ones(2, 2))
            (w * 2).grad  # noqa: B018 - it warns
            nn.Softmax()(w.reshape(1, 2))
        told = [(str(one.message)[:60], one.filename, one.lineno) for one in caught]
        return [result, told]

    return in_threads(run)


class _TrainingError(ValueError):
    """What a program raises."""


def exceptions_in_threads() -> Any:
    """Return what is told of threads that exceptions have ended."""
    told: list[Any] = []

    def note(given: Any) -> None:
        entries = traceback.extract_tb(given.exc_traceback)
        places = [(one.filename, one.lineno, one.name) for one in entries]
        text = str(given.exc_value)
        told.append([given.exc_type.__name__, text, places, given.thread.name])

    def fail() -> None:
        w = torch.ones(2, requires_grad=True)
        (w * 2).sum().backward()
        raise _TrainingError("after a backward")

    def fail_in_torch() -> None:
        w = torch.ones(2, requires_grad=True)
        w @ torch.ones(3)

    def fail_early() -> None:
        F.cross_entropy(torch.ones(2, 3), torch.ones(5).long())

    def leave() -> None:
        train_leaf(1)
        raise SystemExit(3)

    before, threading.excepthook = threading.excepthook, note
    try:
        for run in (fail, fail_in_torch, fail_early, leave):
            thread = threading.Thread(target=run, name=run.__name__)
            thread.start()
            thread.join()
    finally:
        threading.excepthook = before
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(fail).exception()
    return [told, type(error).__name__, str(error)]


def a_compiled_function_in_a_thread() -> Any:
    """Return what the compiler counts, of frames, graphs and breaks."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    w = torch.ones(2, requires_grad=True)

    @torch.compile(backend="eager")
    def double(x: torch.Tensor) -> torch.Tensor:
        return x * 2 + 1

    def run() -> Any:
        with torch.no_grad():
            plain = [double(torch.ones(2)), double(torch.ones(2))]
        loss = double(w).sum()
        loss.backward()
        with torch.no_grad():  # known to the compiler, unless modes came or went
            plain.append(double(torch.ones(2)))
        return [plain, loss, w.grad]

    results = in_threads(run)
    counters = torch._dynamo.utils.counters
    return [results, {name: dict(found) for name, found in counters.items()}]


PROGRAMS: list[Callable[[], Any]] = [
    two_that_train,
    main_and_another_train,
    a_pool_that_trains,
    a_timer_that_trains,
    a_subclass_that_trains,
    replicas_in_threads,
    one_model_in_two_threads,
    backward_of_another_threads_graph,
    fused_inference_in_a_thread,
    data_in_a_thread,
    modes_in_a_thread,
    a_function_of_its_own_in_a_thread,
    warnings_in_a_thread,
    exceptions_in_threads,
    a_compiled_function_in_a_thread,
]
