"""Two processes that wait for each other, for `test_waiting`.

Run as `python -m tests.debugger.waiting_ranks PORT RANK`. Rank 0 enters a call first;
rank 1 follows when a thread of rank 0 has told in what its main thread waits. Rank 0
writes to stdout, as JSON, what was told for each call.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from graphscope.debugger.waiting import find_waiting

_PATIENCE_S = 60.0


class Meeting:
    """Lets rank 1 be late for a call until rank 0 has been seen to wait in it."""

    def __init__(self, port: int, rank: int) -> None:
        self.rank = rank
        self.told: dict[str, str] = {}
        self._store: Any = torch._C._distributed_c10d.TCPStore(
            "127.0.0.1", port, 2, rank == 0, timedelta(seconds=_PATIENCE_S)
        )

    def wait_for(self, name: str, call: Callable[[], Any]) -> Any:
        """Make the call that `name` stands for."""
        if self.rank == 1:
            self._store.wait([name])
            return call()
        watcher = threading.Thread(
            target=self._watch, args=(name, threading.get_ident())
        )
        watcher.start()
        result = call()
        watcher.join()
        return result

    def _watch(self, name: str, ident: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        before = ""
        while time.monotonic() < deadline:
            now = find_waiting(ident)
            if now and now == before:  # it stays there
                break
            before = now
            time.sleep(0.1)
        self.told[name] = before
        self._store.set(name, "told")


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def join(port: str, rank: int) -> None:
    """Join the group."""
    dist.init_process_group(  # line: init
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )


def wait_in_everything(meeting: Meeting) -> None:
    """Go through calls that wait, one after the other."""
    ones = torch.ones(1)

    def all_reduce() -> None:
        dist.all_reduce(ones)  # line: all_reduce

    def work() -> None:
        begun: Any = dist.all_reduce(ones, async_op=True)
        begun.wait(timedelta(seconds=_PATIENCE_S))  # line: work

    def objects() -> None:
        dist.all_gather_object([None, None], meeting.rank)  # line: objects

    meeting.wait_for("all_reduce", all_reduce)
    meeting.wait_for("work", work)
    meeting.wait_for("objects", objects)


def wait_in_training(meeting: Meeting) -> None:
    """Go through a step of a replicated model."""

    def make() -> Any:
        return DistributedDataParallel(_model())  # line: make

    model = meeting.wait_for("make", make)
    x = torch.ones(4, 2)
    model(x).sum().backward()

    def forward() -> torch.Tensor:
        result: torch.Tensor = model(x)  # line: forward
        return result

    loss = meeting.wait_for("forward", forward).sum()

    def backward() -> None:
        loss.backward()  # line: backward

    meeting.wait_for("backward", backward)


def main() -> None:
    """Go through everything; rank 0 writes what was told."""
    port, rank = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    meeting = Meeting(int(sys.argv[3]), rank)
    meeting.wait_for("init", lambda: join(str(port), rank))
    wait_in_everything(meeting)
    wait_in_training(meeting)
    dist.barrier()
    if rank == 0:
        sys.stdout.write(json.dumps(meeting.told))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
