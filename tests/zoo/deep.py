"""A chain of operations much deeper than any stack: made, run backwards, freed.

    python -m tests.zoo.deep --ops 1000000
    python -m tests.zoo.deep --ops 1000000 --stack 524288

Bare, torch 2.13 dies when it frees 39,000 nodes that Python has touched, and 2,400 with
a stack of 512 KB. Prints what was recorded and how much memory it took at most.
"""

import argparse
import resource
import tempfile
import threading
import time
from pathlib import Path

import torch

import graphscope as gs

_EXPECTED_GAP = "the step was cut at"


def run(ops: int, *, has_backward: bool) -> None:
    """Record a chain of `ops` additions, run it backwards if wanted, free it."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "deep.gscope")
        with gs.record(path, stats=False, local=False) as recording:
            x = torch.ones(1, requires_grad=True)
            y = x
            for _ in range(ops):
                y = y + 1
            if has_backward:
                y.backward()
                assert x.grad is not None
                assert x.grad.item() == 1
            gradient = x.grad
            del x
        assert recording.faults == {}, recording.faults
        del y
        freed = time.perf_counter() - start
        made = ran = 0
        with gs.load(path) as loaded:
            for step in loaded:
                graph = step.trace.graph
                made += len([op for op in graph.ops if op.name == "add"])
                ran += len([e for e in graph.events if e.kind.value == "grad"])
                odd = [g for g in graph.gaps if not g.reason.startswith(_EXPECTED_GAP)]
                assert not odd, odd
            count = len(loaded)
    assert made == ops, made
    assert ran == (ops if has_backward else 0), ran
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(  # noqa: T201 - it is a script
        f"{made} ops, {ran} gradients in {count} steps, gradient {gradient}; "
        f"{freed:.1f} s, at most {peak} MiB; freed",
        flush=True,
    )


def main() -> None:
    """Read the options and run, on a thread of its own where a stack size is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", type=int, default=1_000_000)
    parser.add_argument("--stack", type=int, default=0, help="bytes; 0: main thread")
    parser.add_argument("--forward", action="store_true", help="run no backward")
    given = parser.parse_args()
    wanted = {"has_backward": not given.forward}
    if not given.stack:
        run(given.ops, **wanted)
        return
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            run(given.ops, **wanted)
        except BaseException as error:
            failures.append(error)
            raise

    threading.stack_size(given.stack)
    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
