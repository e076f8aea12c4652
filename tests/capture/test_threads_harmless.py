"""The observer rule in further threads: none can tell that it is watched."""

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import graphscope as gs
from graphscope.capture.journal import RECORDED_THREADS
from graphscope.capture.threads import ThreadWatch
from tests.capture.thread_recordings import Recording, watched
from tests.capture.threading_programs import (
    PROGRAMS,
    STEPS,
    WARNINGS,
    fused_inference_in_a_thread,
    in_threads,
    make_model,
    train_leaf,
    train_model,
)
from tests.zoo.watching import bits

pytestmark = WARNINGS


def _run(program: Callable[[], Any]) -> Any:
    torch.manual_seed(7)
    return bits(program()), torch.get_rng_state().tolist()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_with_threads_cannot_tell_that_it_is_watched(
    program: Callable[[], Any],
) -> None:
    bare = _run(program)
    with watched():
        seen = _run(program)
    assert seen == bare
    assert _run(program) == bare


def test_an_optimizers_step_survives_recorders_that_come_and_go_meanwhile() -> None:
    """Torch walks along its hooks while they run; none may be added or removed then."""
    barrier = threading.Barrier(2)
    w = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def meet(*_: Any) -> None:
        barrier.wait(60)
        barrier.wait(60)

    def step() -> None:
        (w * 2).sum().backward()
        optimizer.step()

    def come_and_go() -> None:
        for _ in range(2):  # before the step and after it
            barrier.wait(60)
            with gs.trace():
                torch.ones(1, requires_grad=True).sum().backward()
            barrier.wait(60)

    optimizer.register_step_pre_hook(meet)
    optimizer.register_step_post_hook(meet)
    with watched() as seen:
        in_threads(step, come_and_go)
    assert seen.named("trainer 0")[0].graph.events[-1].kind.value == "update"
    assert w.item() == pytest.approx(0.8)


def test_a_recording_that_cannot_begin_leaves_the_thread_alone() -> None:
    def begin(name: str) -> Recording:
        raise OSError(f"no room for {name}")

    watch = ThreadWatch(begin)
    bare = bits(train_leaf(1))
    watch.attach()
    try:
        (result,) = in_threads(lambda: train_leaf(1))
    finally:
        watch.detach()
    assert bits(result) == bare
    assert watch.problems == {"trainer 0": "OSError: no room for trainer 0"}


def test_a_thread_may_be_told_not_to_be_recorded() -> None:
    watch = ThreadWatch(lambda _: None)
    watch.attach()
    try:
        in_threads(lambda: train_leaf(1), fused_inference_in_a_thread)
    finally:
        watch.detach()
    assert watch.problems == {}


def test_the_mode_of_the_recorder_takes_the_place_of_the_scout() -> None:
    depths: list[int] = []

    def run() -> None:
        depths.append(torch._C._len_torch_function_stack())
        train_leaf(1)
        depths.append(torch._C._len_torch_function_stack())
        train_model(make_model(1))
        depths.append(torch._C._len_torch_function_stack())

    with watched():
        in_threads(run)
    assert depths == [1, 1, 1]


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _start_and_join(index: int) -> "weakref.ref[threading.Thread]":
    thread = threading.Thread(target=train_leaf, args=(index,), name=f"n{index}")
    thread.start()
    thread.join()
    return weakref.ref(thread)


def test_fifty_short_threads_leave_nothing_behind(tmp_path: Path) -> None:
    class File:
        def __init__(self, name: str) -> None:
            self._run = gs.record(tmp_path / f"{name}.gscope")
            self._run.__enter__()

        def end(self, error: BaseException | None, /) -> None:
            self._run.__exit__(type(error) if error else None, error, None)

    watch = ThreadWatch(File)
    in_threads(lambda: train_leaf(0))
    gc.collect()
    files, threads = _open_files(), threading.active_count()
    watch.attach()
    kept = [_start_and_join(index) for index in range(50)]
    watch.detach()
    assert (_open_files(), threading.active_count()) == (files, threads)
    assert (RECORDED_THREADS, watch.names, watch.problems) == ([], (), {})
    assert len(list(tmp_path.glob("*.gscope"))) == 50
    assert len(gs.load(tmp_path / "n7.gscope")) == STEPS
    gc.collect()
    assert [one() for one in kept] == [None] * 50
    assert threading.Thread._set_ident.__module__ == "threading"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["fork", "daemons"])
def test_processes_that_fork_or_end_while_threads_train_end_as_always(
    name: str,
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.capture.threading_ends", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
