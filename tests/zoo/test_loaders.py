"""Data loaders with workers, by fork and by spawn."""

import multiprocessing
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from tests.zoo.asking import gaps, op_names
from tests.zoo.watching import Look, Program, check_harmless, three_parts, watch

# Python gives this one itself when a process with threads forks.
pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded")


class Noisy(Dataset[torch.Tensor]):
    """Draws random numbers and computes, in whatever process it runs."""

    def __len__(self) -> int:
        """Return the number of items."""
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        """Return item `index`."""
        return torch.full((2,), float(index)) + torch.rand(2)


class Counting(IterableDataset[torch.Tensor]):
    """A stream."""

    def __iter__(self) -> Any:
        """Yield three tensors."""
        for index in range(3):
            yield torch.tensor([float(index)])


def _train(look: Look, loader: Any) -> Any:
    w = torch.ones(2, requires_grad=True)
    batches = []
    for batch in loader:
        loss = (batch * w).sum()
        look(loss, w=w)
        loss.backward()
        with torch.no_grad():
            assert w.grad is not None
            w -= 0.1 * w.grad
        w.grad = None
        batches.append(batch)
    return [batches, w.detach().clone()]


def in_the_same_process(look: Look) -> Any:
    return _train(look, DataLoader(Noisy(), batch_size=2, shuffle=True))


def with_forked_workers(look: Look) -> Any:
    loader = DataLoader(
        Noisy(), batch_size=2, num_workers=2, multiprocessing_context="fork"
    )
    return _train(look, loader)


def with_spawned_workers(look: Look) -> Any:
    loader = DataLoader(
        Noisy(), batch_size=2, num_workers=1, multiprocessing_context="spawn"
    )
    return _train(look, loader)


def with_pinned_pairs(look: Look) -> Any:
    data = TensorDataset(torch.arange(4.0).view(2, 2), torch.ones(2, 2))
    pairs = DataLoader(data, batch_size=1)
    return _train(look, (x + y for x, y in pairs))


def from_a_stream(look: Look) -> Any:
    return _train(look, DataLoader(Counting(), batch_size=None))


PROGRAMS: list[Program] = [
    in_the_same_process,
    with_forked_workers,
    with_pinned_pairs,
    from_a_stream,
]
(
    test_it_is_harmless,
    test_it_is_complete,
    test_it_is_true,
    test_it_can_be_drawn,
) = three_parts(PROGRAMS)


def test_spawned_workers_are_harmless() -> None:
    check_harmless(with_spawned_workers)


@pytest.mark.parametrize("program", [in_the_same_process, with_forked_workers])
def test_every_batch_is_a_step(program: Program) -> None:
    traces = watch(program).traces
    trained = [trace for trace in traces if trace.graph.roots]
    assert len(trained) == 2
    assert all(gaps(trace) == [] for trace in traces)
    assert [
        [name for name in op_names(trace) if name in ("mul", "sum")][:2]
        for trace in trained
    ] == [["mul", "sum"]] * 2


def test_the_work_of_another_process_is_not_in_the_graph() -> None:
    trace = watch(with_forked_workers).traces[0]
    assert "rand" not in [op.name for op in trace.graph.ops]
    batch = trace.resolve("batch")
    assert batch.kind.value == "input"
    assert batch.op is None


def test_no_worker_is_left() -> None:
    watch(with_forked_workers)
    assert multiprocessing.active_children() == []
