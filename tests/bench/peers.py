"""The same works under other tools, each in a process of its own.

A process of its own because some of them stay in torch after their first use, and
because one that hangs must be ended. There, too, bare steps take turns with watched
ones; and bare steps before the tool was imported say what it costs when idle.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from tests.bench.clock import Spread, middle, time_steps
from tests.bench.processes import ChildError, run_child
from tests.bench.works import WORKS, Job, Step, make_job

_KILL_S: Final = 60.0
_ROUNDS: Final = 5
_ENOUGH_S: Final = 20.0
_BLOCK_S: Final = 2.0


def _debug_mode(job: Job, **options: Any) -> Step:
    from torch.utils._debug_mode import DebugMode

    plain = job.make_step()

    def step() -> None:
        with DebugMode(**options):
            plain()

    return step


def _debug_mode_full(job: Job) -> Step:
    return _debug_mode(
        job,
        record_torchfunction=True,
        record_nn_module=True,
        record_ids=True,
        record_stack_trace=True,
    )


def _torchviz(job: Job) -> Step:
    make_dot = import_module("torchviz").make_dot
    optimizer = job.make_optimizer()
    parameters = dict(job.model.named_parameters())

    def step() -> None:
        loss = job.loss_of(job.model(*job.inputs))
        make_dot(loss, params=parameters, show_attrs=True, show_saved=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _torchview(job: Job) -> Step:
    draw_graph = import_module("torchview").draw_graph
    plain = job.make_step()

    def step() -> None:
        draw_graph(  # it has a forward of its own, and no output to go on with
            job.model,
            input_data=job.inputs,
            device="cpu",
            mode="train",
            depth=100,
            expand_nested=True,
            hide_module_functions=False,
            hide_inner_tensors=False,
        )
        plain()

    return step


def _torchlens(job: Job) -> Step:
    torchlens = import_module("torchlens")
    options = import_module("torchlens.options")
    capture = options.CaptureOptions(save_grads="all", backward_ready=True)
    optimizer = job.make_optimizer()

    def step() -> None:
        seen = torchlens.trace(job.model, list(job.inputs), capture=capture)
        loss = job.loss_of(seen[seen.output_layers[0]].out)
        optimizer.zero_grad()
        seen.log_backward(loss)
        optimizer.step()

    return step


@dataclass(frozen=True, slots=True)
class Peer:
    """Another tool.

    Attributes:
        module: What it is imported as.
        make_step: Returns a whole training step under it.
        records: What it gets of the step.
    """

    module: str
    make_step: Callable[[Job], Step]
    records: str


PEERS: Final[Mapping[str, Peer]] = {
    "DebugMode": Peer("torch", _debug_mode, "dispatched ops, in memory"),
    "DebugMode, full": Peer(
        "torch", _debug_mode_full, "ops, modules, ids, stacks, in memory"
    ),
    "torchviz": Peer("torchviz", _torchviz, "backward nodes as DOT, saved tensors"),
    "torchview": Peer("torchview", _torchview, "one more forward as a graph"),
    "torchlens": Peer("torchlens", _torchlens, "ops, activations, gradients"),
}


def run_peer(name: str, work: str) -> dict[str, Any]:
    """In a child: bare and watched steps of one work, turn by turn."""
    job = make_job(work)
    bare = job.make_step()
    each_s = time_steps(bare, 3).wall[-1]
    count = max(1, min(WORKS[work].steps, int(_BLOCK_S / each_s)))
    untouched = middle(time_steps(bare, count).wall)
    watched = PEERS[name].make_step(job)
    first_s = time_steps(watched, 1).wall[0]
    ratios: list[float] = []
    idle: list[float] = []
    deadline = time.perf_counter() + _ENOUGH_S
    while len(ratios) < _ROUNDS and (not ratios or time.perf_counter() < deadline):
        each_s = middle(time_steps(bare, count).wall)
        ratios.append(middle(time_steps(watched, count, _BLOCK_S).wall) / each_s)
        idle.append(each_s / untouched)
    return {"ratios": ratios, "idle": idle, "first_s": first_s}


def print_peers(work: str, threads: int) -> None:
    """Print one work under every peer that is installed."""
    print(f"    peers on {WORKS[work].title}: watched / bare, first step, idle / bare")
    for name, peer in PEERS.items():
        print(f"    {name:16} {_measure(name, peer, work, threads)}")


def _measure(name: str, peer: Peer, work: str, threads: int) -> str:
    if find_spec(peer.module) is None:
        return "not installed: pip install 'graphscope-torch[bench]'"
    try:
        found = run_child("peer", threads, _KILL_S, name=name, work=work)
    except ChildError as problem:
        return f"failed: {problem}"
    ratio, idle = Spread.of(found["ratios"]), Spread.of(found["idle"])
    return (
        f"x {ratio!s:24} {found['first_s'] * 1e3:9.1f} ms   "
        f"{idle.median:.2f}   {peer.records}"
    )
