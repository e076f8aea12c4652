"""Two processes that train one model together; run it under `torchrun`.

With a file's name as its argument, rank 1 comes to the second step's backward only
when there is such a file: rank 0 then waits there, where gradients are exchanged.
"""

import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

STEPS = 4
PATIENCE_S = 120.0


def wait_for(file: Path) -> None:
    """Wait until there is such a file."""
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def main() -> None:
    """Train."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(0)
    model = DistributedDataParallel(nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(STEPS):
        x = torch.tensor([[1.0 + rank, 2.0 + step]])
        optimizer.zero_grad()
        loss = model(x).pow(2).sum()
        if sys.argv[1:] and rank == 1 and step == 1:
            wait_for(Path(sys.argv[1]))
        loss.backward()
        optimizer.step()
    dist.barrier()
    weights = [p.detach().flatten().tolist() for p in model.parameters()]
    sys.stdout.write(f"rank {rank}: {weights}\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
