"""A script that trains ends as under plain python, and what it trained is recorded."""

import signal
from pathlib import Path

import pytest

import graphscope as gs
from tests.session.comparing import LIVE, PLAIN, RECORD, run_as

TRAIN = """\
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(3):
        loss = (w * 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(w)
"""

WORKERS = f"""\
import multiprocessing, os, sys

class Task:
    def __init__(self, number):
        self.number = number

def work(task, queue):
    queue.put((task.number, __name__, type(task).__module__, sys.argv, sys.path[0]))

def main():
    print([name for name in ("numpy", "torch") if name in sys.modules])
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    print(torch.get_num_threads(), vars(torch.__spec__.loader).keys())
{TRAIN}
    for how in ("spawn", "fork", "forkserver"):
        context = multiprocessing.get_context(how)
        queue = context.SimpleQueue()
        process = context.Process(target=work, args=(Task(3), queue))
        process.start()
        print(how, queue.get())
        process.join()
        print(process.exitcode)
    sys.exit("that is all")

if __name__ == "__main__":
    main()
"""

RAISES = f"""\
import threading
thread = threading.Thread(target=lambda: __import__("torch"))
thread.start()
thread.join()
import torch

def main():
{TRAIN}
    try:
        torch.ones(3) + torch.ones(2)
    except RuntimeError as problem:
        raise ValueError("wrong shapes") from problem

main()
"""

INTERRUPTED = f"""\
import atexit, os, signal, time
atexit.register(print, "bye")
import graphscope as gs
with gs.trace() as nothing:
    import torch
print(len(nothing))

def main():
{TRAIN}
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

main()
"""


def _losses_of(recording: Path) -> list[float | None]:
    with gs.load(recording) as found:
        return found.losses()


# loss = Σ 2w from w = 1, then w ← w − 0.1 · 2 = 0.8, 0.6: so 4, 3.2, 2.4
LOSSES = [pytest.approx(loss) for loss in (4.0, 3.2, 2.4)]


def test_workers_of_every_kind_run_as_under_python(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(WORKERS)
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "train.py", "--lr", output=output)
    record = run_as(RECORD, tmp_path, "train.py", "--lr", output=output)

    assert (plain.code, plain.err) == (1, "that is all\n")
    assert plain.out.startswith("[]\n1 dict_keys(['name', 'path'])\n")
    assert record == plain
    assert _losses_of(output) == LOSSES


def test_an_exception_shows_nothing_of_us_though_a_thread_imported_torch(
    tmp_path: Path,
) -> None:
    (tmp_path / "train.py").write_text(RAISES)
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "train.py", output=output)
    live = run_as(LIVE, tmp_path, "train.py", output=output)

    assert (plain.code, "ValueError: wrong shapes" in plain.err) == (1, True)
    assert live == plain
    assert _losses_of(output)[:3] == LOSSES


def test_ctrl_c_kills_a_module_that_trains_as_it_kills_python(tmp_path: Path) -> None:
    """It has imported torch through graphscope itself."""
    (tmp_path / "train.py").write_text(INTERRUPTED)
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "-m", "train", output=output)
    live = run_as(LIVE, tmp_path, "-m", "train", output=output)

    assert (plain.code, plain.out.endswith("bye\n")) == (-signal.SIGINT, True)
    assert live == plain
    assert _losses_of(output)[:3] == LOSSES


MUTE = f"""\
import torch

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("it cannot be written")

def main():
{TRAIN}
    raise Mute

main()
"""


def test_an_exception_that_cannot_be_written_is_told_as_by_python(
    tmp_path: Path,
) -> None:
    (tmp_path / "train.py").write_text(MUTE)
    output = tmp_path / "run.gscope"

    plain = run_as(PLAIN, tmp_path, "train.py", output=output)
    live = run_as(LIVE, tmp_path, "train.py", output=output)

    assert (plain.code, "<exception str() failed>" in plain.err) == (1, True)
    assert live == plain
    with gs.load(output) as found:
        assert found.error == "Mute"
