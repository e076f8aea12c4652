"""Two processes on gloo: one recording for each rank, with true labels."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import graphscope as gs
from graphscope.model.trace import Trace
from tests.zoo.asking import numbers, picture, seen_as
from tests.zoo.ranks import SETTINGS, STEPS

REPLICATED = list(SETTINGS)
EVERY = [*REPLICATED, "sharded", "dtensor"]

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without distributed"
)


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.zoo.ranks",
        str(folder),
        port,
    ]
    root = Path(__file__).parents[2]
    ranks = [
        subprocess.Popen(
            [*command, str(rank)], stderr=subprocess.PIPE, text=True, cwd=root
        )
        for rank in (0, 1)
    ]
    try:
        told = [rank.communicate(timeout=120)[1] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(told)[-4000:]
    results = [(folder / f"result{rank}.json").read_text() for rank in (0, 1)]
    return folder, [json.loads(text) for text in results]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("rank", [0, 1])
def test_training_is_bit_for_bit_the_same_on_every_rank(
    found: Any, name: str, rank: int
) -> None:
    ran = found[1][rank][name]
    assert ran["seen"] == ran["bare"]
    assert ran["faults"] == {}


@pytest.mark.parametrize("name", EVERY)
def test_each_rank_has_a_recording_named_after_it(found: Any, name: str) -> None:
    folder, results = found
    assert [result[name]["path"] for result in results] == [
        str(folder / "0" / f"{name}.rank0.gscope"),
        str(folder / "1" / f"{name}.rank1.gscope"),
    ]
    for rank, result in enumerate(results):
        with gs.load(result[name]["path"]) as recording:
            assert recording.environment["rank"] == f"{rank} of 2"


def _trained(found: Any, name: str, rank: int) -> list[Trace]:
    with gs.load(found[1][rank][name]["path"]) as recording:
        return [step.trace for step in recording if step.trace.graph.roots]


@pytest.mark.parametrize("name", [*REPLICATED, "sharded"])
def test_every_iteration_is_a_step(found: Any, name: str) -> None:
    for rank in (0, 1):
        assert len(_trained(found, name, rank)) == STEPS


@pytest.mark.parametrize("name", REPLICATED)
def test_what_arrives_is_this_ranks_own_and_is_labelled_so(
    found: Any, name: str
) -> None:
    weights = []
    for rank in (0, 1):
        trace = _trained(found, name, rank)[0]
        value = _leaf(trace, (2, 2))
        weights.append(seen_as(trace, "arrived", value)[0])
        labels = {s.label for s in trace.graph.slots if s.role.value == "arrived"}
        assert labels == {"before all-reduce"}
        assert "before all-reduce" in picture(trace)
    assert weights[0] != weights[1]


@pytest.mark.parametrize("name", REPLICATED)
def test_the_reduced_gradient_is_read_again_at_the_step(found: Any, name: str) -> None:
    arrived, used = [], []
    for rank in (0, 1):
        trace = _trained(found, name, rank)[0]
        value = _leaf(trace, (2, 2))
        arrived.append(torch.tensor(seen_as(trace, "arrived", value)[0]))
        used.append(torch.tensor(seen_as(trace, "used", value)[0]))
        # losses, then the gradients of the first step
        bare = torch.tensor(found[1][rank][name]["bare"][0][1])
        assert torch.allclose(used[-1], bare, atol=1e-4)
    assert torch.equal(used[0], used[1])
    assert torch.allclose(sum(arrived) / 2, used[0], atol=2e-4)  # type: ignore[arg-type]


def _leaf(trace: Trace, shape: tuple[int, ...]) -> str:
    """Return the name of the first layer's weight, whatever wraps the model."""
    named = [v.name for v in trace.graph.values if v.is_leaf and v.shape == shape]
    name = next(n for n in named if n and n.endswith("0.weight"))
    assert name in ("0.weight", "module.0.weight")
    return name


def test_sharded_parameters_have_their_gradients_and_updates(found: Any) -> None:
    for rank in (0, 1):
        trace = _trained(found, "sharded", rank)[0]
        ops = [op.name for op in trace.graph.ops]
        assert ops.count("linear") == 2
        assert "tanh" in ops
        updates = [e for e in trace.graph.events if e.kind.value == "update"]
        assert len(updates) == 1
        names = [trace.graph.values[v].name for v in updates[0].values]
        assert "0.weight" in names
        shard = seen_as(trace, "updated", "0.weight")
        assert shard[0] is not None


def test_a_distributed_tensor_is_shown_with_its_placement_and_local_numbers(
    found: Any,
) -> None:
    for rank, rows in ((0, [[0, 1]]), (1, [[2, 3]])):
        trace = _trained(found, "dtensor", rank)[0]
        w = trace.resolve("w")
        assert numbers(trace.value_of(w.id)) == rows
        assert "Shard(dim=0)" in picture(trace)
        assert "matmul" in [op.name for op in trace.graph.ops]
