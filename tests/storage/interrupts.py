"""Interrupt a recorded training at random moments and look what stays behind.

    python -m tests.storage.interrupts --count 1000

Half of the interrupts are KeyboardInterrupts, half are signals whose handler raises
SystemExit. After each: torch's modes and global hooks are as before, a parameter
has no hook, training goes on and computes the same numbers, and the recording opens.
A child process takes about 50 interrupts.
"""

# ruff: noqa: T201 - it prints what it found

import argparse
import gc
import os
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType

import torch
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks

import graphscope as gs
from graphscope.storage.file import open_recording
from tests.storage.training import Net, Step, train

PER_CHILD = 50
STEPS = 40
_LONGEST_S = 0.25
_BARE_S = 0.04

HOOKS = (
    (module_hooks, "_global_forward_pre_hooks"),
    (module_hooks, "_global_forward_hooks"),
    (module_hooks, "_global_forward_hooks_always_called"),
    (module_hooks, "_global_forward_hooks_with_kwargs"),
    (module_hooks, "_global_backward_pre_hooks"),
    (module_hooks, "_global_backward_hooks"),
    (module_hooks, "_global_module_registration_hooks"),
    (module_hooks, "_global_parameter_registration_hooks"),
    (module_hooks, "_global_buffer_registration_hooks"),
    (optimizer_hooks, "_global_optimizer_pre_hooks"),
    (optimizer_hooks, "_global_optimizer_post_hooks"),
)


def leftovers() -> list[str]:
    """Name what of ours is still registered with torch."""
    # Nothing but graphscope registers any here.
    found = [name for home, name in HOOKS if getattr(home, name, None)]
    modes = torch._C._len_torch_function_stack()
    found += [f"{modes} function modes"] * bool(modes)
    if not torch._C._is_torch_function_enabled():
        found.append("torch functions disabled")
    if not torch.is_grad_enabled():  # torch's own no_grad, interrupted as it ends
        found.append("gradients disabled")
    return [*found, *_tensor_hooks()]


def _tensor_hooks() -> list[str]:
    found = []
    for thing in gc.get_objects():
        if type(thing) in (torch.nn.Parameter, torch.Tensor):
            if thing._backward_hooks:
                found.append("a tensor hook")
            if getattr(thing, "_post_accumulate_grad_hooks", None):
                found.append("a post-accumulate hook")
    return found[:1]


@contextmanager
def interrupted(kind: type[BaseException], delay_s: float) -> Iterator[None]:
    """Raise in the block after a delay, as the handler of a signal does."""

    def fire(_signal: int, _frame: FrameType | None) -> None:
        raise kind

    old = signal.signal(signal.SIGALRM, fire)
    signal.setitimer(signal.ITIMER_REAL, delay_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def interrupt_once(
    path: Path, rng: random.Random, expected: list[Step], *, is_bare: bool
) -> list[str]:
    """Record a training, interrupt it, and return what is wrong afterwards."""
    kind = rng.choice((KeyboardInterrupt, SystemExit))
    delay_s = rng.uniform(0.0005, _BARE_S if is_bare else _LONGEST_S)
    seen: list[Step] = []
    where, swallowed = "", ""

    def note(ignored: "sys.UnraisableHookArgs") -> None:
        nonlocal swallowed
        if isinstance(ignored.exc_value, kind):
            swallowed = _innermost(ignored.exc_value)

    old, sys.unraisablehook = sys.unraisablehook, note
    try:
        with interrupted(kind, delay_s):
            if is_bare:
                train(STEPS, seen.append)
            else:
                with gs.record(path):
                    train(STEPS, seen.append)
    except (KeyboardInterrupt, SystemExit) as problem:
        where = _innermost(problem)
        del problem
    finally:
        sys.unraisablehook = old
    gc.collect()
    wrong = [f"left behind: {what}" for what in leftovers()]
    if swallowed:
        wrong.append(f"the interrupt was swallowed: {swallowed}")
    if seen != expected[: len(seen)]:
        wrong.append("other numbers before the interrupt")
    wrong += _check_file(path, len(seen))
    _clear_hooks()
    after: list[Step] = []
    train(5, after.append)
    if after != expected[:5]:
        wrong.append("other numbers after the interrupt")
    return [f"{what} (at {where})" for what in wrong]


def _innermost(problem: BaseException) -> str:
    frames = traceback.extract_tb(problem.__traceback__)
    ours = [f for f in frames if "/graphscope/" in f.filename]
    last = (ours or frames)[-1]
    return f"{'/'.join(Path(last.filename).parts[-2:])}:{last.lineno} {last.name}"


def _check_file(path: Path, told: int) -> list[str]:
    """Open the recording; it may not exist when the interrupt came before it."""
    if not path.exists():
        return []
    try:
        with open_recording(path) as recording:
            count, damaged = len(recording), recording.damaged
            is_written = recording.is_written
    except gs.GraphscopeError as problem:
        return [f"the recording does not open: {problem}"]
    wrong = [f"damaged steps {damaged}"] * bool(damaged)
    if is_written:
        wrong.append("the recording is still held open")
    if count < told:
        wrong.append("the recording lacks finished steps")
    return wrong


def _clear_hooks() -> None:
    """Take away what was left, so that each interrupt is judged alone."""
    for home, name in HOOKS:
        getattr(home, name, {}).clear()
    while torch._C._len_torch_function_stack():
        torch._C._pop_torch_function_stack()
    torch.set_grad_enabled(True)
    recorder = sys.modules["graphscope.capture.recorder"]
    recorder._RUNNING.clear()


def child(count: int, seed: int, *, is_bare: bool) -> list[str]:
    """Interrupt `count` trainings in this process."""
    torch.set_num_threads(1)
    expected: list[Step] = []
    train(STEPS, expected.append)
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        warm = Path(name) / "warm.gscope"
        with gs.record(warm):
            train(2, lambda _: None)
        for number in range(count):
            path = Path(name) / f"{number}.gscope"
            wrong += interrupt_once(path, rng, expected, is_bare=is_bare)
            for file in Path(name).iterdir():
                file.unlink()
    return wrong


def run(count: int, seed: int, *, is_bare: bool = False) -> list[str]:
    """Interrupt `count` trainings, 50 in each forked child."""
    import_module("torch._dynamo")
    import_module("graphscope.capture.recorder")
    Net()
    wrong: list[str] = []
    for start in range(0, count, PER_CHILD):
        some = min(PER_CHILD, count - start)
        wrong += _fork(some, seed * 1000 + start, is_bare=is_bare)
    return wrong


def _fork(count: int, seed: int, *, is_bare: bool) -> list[str]:
    out, into = os.pipe()
    process = os.fork()
    if not process:
        code = 1
        try:
            with os.fdopen(into, "w") as pipe:
                found = child(count, seed, is_bare=is_bare)
                pipe.writelines(f"{line}\n" for line in found)
            code = 0
        except BaseException:  # noqa: BLE001 - a forked child must not return
            traceback.print_exc()
        os._exit(code)
    os.close(into)
    with os.fdopen(out) as pipe:
        lines = pipe.read().splitlines()
    status = os.waitpid(process, 0)[1]
    return [*lines, *[f"the child ended with {status}"] * bool(status)]


def main() -> None:
    """Read the arguments, run, and print what went wrong, the most frequent first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--bare", action="store_true", help="without graphscope, to compare"
    )
    given = parser.parse_args()
    wrong = run(given.count, given.seed, is_bare=given.bare)
    for line, times in Counter(wrong).most_common(40):
        print(f"{times:4} × {line}")
    print(f"{given.count} interrupts, {len(wrong)} things wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
