"""On what was measured."""

import gc
import os
import platform
from pathlib import Path

import torch

from graphscope.version import __version__


def describe_machine() -> str:
    """Return processor, memory, load and versions, on three lines."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{_read('/proc/cpuinfo', 'model name') or platform.processor()}, "
        f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, "
        f"{_read('/proc/meminfo', 'MemTotal')}, load {load}\n"
        f"torch {torch.__version__}, Python {platform.python_version()}, "
        f"graphscope {__version__}, {platform.platform()}\n"
        f"threads for torch: {torch.get_num_threads()}, "
        f"garbage collection at {gc.get_threshold()}"
    )


def _read(path: str, field: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:  # not Linux
        return ""
    found = (line.partition(":")[2] for line in lines if line.startswith(field))
    return " ".join(next(found, "").split())
