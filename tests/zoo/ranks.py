"""What each of two processes does for `test_distributed`: bare, then under capture.

Run as `python -m tests.zoo.ranks FOLDER PORT RANK`; writes `result<RANK>.json`.
"""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import graphscope as gs

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bucket_view": {"gradient_as_bucket_view": True},
    "static_graph": {"static_graph": True},
}
STEPS = 3


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))


def _train(model: nn.Module) -> list[Any]:
    """Train on data of this rank's own; return losses, gradients and parameters."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found: list[Any] = []
    for step in range(STEPS):
        x = torch.tensor([[1.0 + dist.get_rank(), 2.0 + step]])
        optimizer.zero_grad()
        loss = model(x).pow(2).sum()
        loss.backward()
        found += [loss.item(), *(_listed(p.grad) for p in model.parameters())]
        optimizer.step()
    return [*found, *(_listed(p) for p in model.parameters())]


def _listed(tensor: Any) -> Any:
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    return None if tensor is None else tensor.tolist()


def replicated(name: str) -> list[Any]:
    """Train with DDP."""
    return _train(DistributedDataParallel(_model(), **SETTINGS[name]))


def sharded(_: str) -> list[Any]:
    """Train with FSDP2."""
    from torch.distributed.fsdp import fully_shard

    model = _model()
    for child in (model[0], model[2]):  # type: ignore[index]
        fully_shard(child)
    fully_shard(model)
    return _train(model)


def distributed_tensors(_: str) -> list[Any]:
    """Multiply DTensors that are split over the ranks."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (2,))
    w = distribute_tensor(torch.arange(4.0).view(2, 2), mesh, [Shard(0)])
    w.requires_grad_()
    x = distribute_tensor(torch.ones(2, 2), mesh, [Replicate()])
    out: Any = (x @ w).sum()
    out.backward()
    return [out.full_tensor().item(), _listed(w.grad)]


def run_each(folder: Path) -> dict[str, Any]:
    """Run every program bare and recorded; return both results of each."""
    programs: dict[str, Callable[[str], list[Any]]] = {
        **dict.fromkeys(SETTINGS, replicated),
        "sharded": sharded,
        "dtensor": distributed_tensors,
    }
    found: dict[str, Any] = {}
    own = folder / str(dist.get_rank())  # so that one failing rank blocks no other
    own.mkdir()
    for name, program in programs.items():
        program(name)
        found[name] = {"bare": _run(program, name)}
        try:
            with gs.record(own / f"{name}.gscope") as recording:
                found[name]["seen"] = _run(program, name)
            path, faults = str(recording.path), recording.faults
        except Exception as error:  # noqa: BLE001 - the test tells it, for each program
            path, faults = "", {repr(error)[:300]: 1}
            found[name].setdefault("seen", None)
        found[name] |= {"path": path, "faults": faults}
    return found


def _run(program: Callable[[str], list[Any]], name: str) -> list[Any]:
    """Return results and warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = program(name)
    told = [(w.category.__name__, str(w.message), w.filename, w.lineno) for w in caught]
    return [result, told]


def main() -> None:
    """Join the group, run everything, write what was found."""
    folder, port, rank = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    found = run_each(folder)
    (folder / f"result{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
