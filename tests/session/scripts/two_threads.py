"""Two threads that each train a model of their own, and a third that loads data."""

import sys
import threading
from queue import Queue

import torch
from torch import nn

STEPS = 5


def load(batches: "Queue[torch.Tensor]") -> None:
    """Prepare batches, as a data loader's thread does."""
    for step in range(2 * STEPS):
        batches.put(torch.arange(4.0).reshape(2, 2) / (1 + step))


def train(batches: "Queue[torch.Tensor]", weights: dict[str, list[float]]) -> None:
    """Fit a line to nothing much."""
    name = threading.current_thread().name
    line = nn.Linear(2, 1)
    nn.init.constant_(line.weight, 0.5)
    nn.init.zeros_(line.bias)
    optimizer = torch.optim.SGD(line.parameters(), lr=0.1)
    for _ in range(STEPS):
        x = batches.get()
        optimizer.zero_grad()
        loss = line(x).pow(2).mean()
        loss.backward()
        optimizer.step()
    weights[name] = line.weight.detach().flatten().tolist()


def main() -> None:
    """Start everything, and wait for it."""
    torch.set_num_threads(1)
    weights: dict[str, list[float]] = {}
    queues: list[Queue[torch.Tensor]] = [Queue(), Queue()]
    threads = [
        threading.Thread(target=train, args=(queue, weights), name=name)
        for queue, name in zip(queues, ("first", "second"), strict=True)
    ]
    threads += [
        threading.Thread(target=load, args=(queue,), name="loader") for queue in queues
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in sorted(weights):
        sys.stdout.write(f"{name} {weights[name]}\n")


if __name__ == "__main__":
    main()
