"""Which of several training processes this is: each writes a recording of its own."""

import os
import sys
from pathlib import Path
from typing import Final

_RANK: Final = "RANK"
_WORLD_SIZE: Final = "WORLD_SIZE"


def find_rank() -> tuple[int, int] | None:
    """Return this process's number and how many there are; None when it is alone.

    Asks torch's process group where there is one, else what a launcher has set.
    """
    distributed = sys.modules.get("torch.distributed")
    is_there = distributed is not None and distributed.is_available()
    if distributed is not None and is_there and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    rank, size = os.environ.get(_RANK, ""), os.environ.get(_WORLD_SIZE, "")
    if rank.isdecimal() and size.isdecimal() and int(size) > 1:
        return int(rank), int(size)
    return None


def path_of_rank(path: Path) -> Path:
    """Return `path` with this process's number: `run.rank0.gscope`."""
    found = find_rank()
    if found is None:
        return path
    mark = f".rank{found[0]}"
    if path.stem.endswith(mark):
        return path
    return path.with_name(f"{path.stem}{mark}{path.suffix}")


def describe_rank() -> dict[str, str]:
    """Return `{"rank": "0 of 2"}` for the head of a recording, or nothing."""
    found = find_rank()
    return {} if found is None else {"rank": f"{found[0]} of {found[1]}"}
