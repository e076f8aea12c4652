"""Processes that fork, or end, while threads of theirs are recorded.

Run as `python -m tests.capture.threading_ends fork` or `daemons`; exits with 0.
"""

import os
import sys
import threading

import torch
from torch.nn.modules import module

from graphscope.capture.recorder import running_recorder
from graphscope.capture.threads import ThreadWatch
from tests.capture.thread_recordings import Seen
from tests.capture.threading_programs import in_threads, train_leaf


def _is_clean() -> bool:
    return (
        running_recorder() is None
        and torch._C._len_torch_function_stack() == 0
        and not module._global_forward_pre_hooks
        and vars(threading.Thread)["_set_ident"].__module__ == "threading"
    )


def fork() -> int:
    """Fork in a recorded thread: the child records nothing."""
    seen, codes = Seen(), []

    def run() -> None:
        train_leaf(1)
        child = os.fork()
        if child == 0:
            train_leaf(2)
            in_threads(lambda: train_leaf(3))
            os._exit(0 if _is_clean() and len(seen.all) == 1 else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    watch = ThreadWatch(seen.begin)
    watch.attach()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    watch.detach()
    seen.check()
    return codes[0] + len(seen.all) - 1


def daemons() -> int:
    """End while threads are there that nobody waits for."""
    seen, trained = Seen(), threading.Semaphore(0)

    def train() -> None:
        train_leaf(1)
        trained.release()
        idle()

    def idle() -> None:
        while True:  # were it to compute at the end, torch itself would abort
            threading.Event().wait(0.001)

    watch = ThreadWatch(seen.begin)
    watch.attach()
    for target in (train, train, idle, idle):
        threading.Thread(target=target, daemon=True).start()
    both = trained.acquire(timeout=60) and trained.acquire(timeout=60)
    return 0 if both else 1


if __name__ == "__main__":
    sys.exit({"fork": fork, "daemons": daemons}[sys.argv[1]]())
