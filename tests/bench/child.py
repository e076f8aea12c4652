"""A measurement in a process of its own: `python -m tests.bench.child '{"part": …}'`.

Fresh processes where what was there before would count: the peak of the memory, what
a peer leaves behind in torch, a process that never imported graphscope.
"""

import json
import sys
from importlib import import_module
from typing import Final

import torch

_HOMES: Final = {
    "controller": "tests.bench.debugging",
    "growth": "tests.bench.memory",
    "idle": "tests.bench.idle",
    "peak": "tests.bench.memory",
    "peer": "tests.bench.peers",
    "stepping": "tests.bench.stepping",
}


def main() -> None:
    """Do what the JSON in the first argument says; print JSON."""
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked.pop("threads"))
    part = asked.pop("part")
    run = getattr(import_module(_HOMES[part]), f"run_{part}")
    print(json.dumps(run(**asked)))


if __name__ == "__main__":
    main()
