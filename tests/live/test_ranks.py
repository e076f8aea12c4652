"""Two processes under torchrun: both are seen, and none waits for the other unseen."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
import torch

from graphscope.debugger.state import Activity
from graphscope.debugger.verbs import Verb
from graphscope.storage.file import open_recording
from tests.cli.screen import terminal
from tests.live.runs import Folder, attached, folder, is_same_training, steps_of
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch was built without distributed"
)

RANKS: Final = '''\
"""Train one model in two processes, until there is a file `enough`."""

import hashlib, os, sys, time
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

torch.set_num_threads(1)
dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(rank)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))
model = DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

def bits():
    tensors = [*model.state_dict().values(), torch.get_rng_state()]
    data = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
    return hashlib.sha256(data).hexdigest()

told = open(f"rank{rank}", "w")
limit, step = int(sys.argv[1]), 0
while not limit or step < limit:
    x = torch.randn(16, 4)
    loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    step += 1
    time.sleep(0 if limit else 0.01)
    if step % 50 == 0:
        print(f"step {step}: {bits()}", file=told, flush=True)
        is_enough = torch.tensor(float(not limit and os.path.exists("enough")))
        dist.all_reduce(is_enough)
        if is_enough:
            break
print("trained", file=told, flush=True)
dist.barrier()
dist.destroy_process_group()
'''
SERVED: Final = RANKS.replace(
    'dist.init_process_group("gloo")\n',
    'dist.init_process_group("gloo")\nimport graphscope as gs\ngs.serve()\n',
)
TORCHRUN: Final = (
    *(sys.executable, "-m", "torch.distributed.run"),
    *("--standalone", "--nproc-per-node", "2"),
)
HEADLESS: Final = ("-m", "graphscope", "run", "--headless", "train.py")
NO_PYTHON: Final = ("--no-python", sys.executable, *HEADLESS)


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # else torchrun says what it sets


def line_of(text: str, source: str = RANKS) -> int:
    """Return on which line of the script `text` is."""
    lines = source.splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip() == text)


def of_rank(place: Folder, rank: int) -> list[str]:
    """Return what one of the processes has told: each has a file of its own."""
    return place.read(f"rank{rank}").splitlines()


class Plain:
    """A run without graphscope, of as many steps as are asked for."""

    def __init__(self, place: Folder) -> None:
        self._place = place
        self._steps = 0

    def assert_same(self, other: Folder) -> None:
        """Compare another run, which has ended, with it."""
        steps = steps_of(of_rank(other, 0))
        if steps > self._steps:
            self._steps = max(steps, 1500)
            self._train()
        for rank in (0, 1):
            plain = of_rank(self._place, rank)
            assert is_same_training(of_rank(other, rank), plain[:-1])

    def _train(self) -> None:
        """Train without us; gloo sometimes aborts a process that ends, then again."""
        for _ in range(3):
            run = self._place.start(*TORCHRUN, "train.py", str(self._steps))
            if run.wait(90) == 0:
                return
        raise AssertionError(self._place.read())


@pytest.fixture(scope="module")
def plain() -> Iterator[Plain]:
    with folder(RANKS) as place:
        yield Plain(place)


def assert_each_has_its_recording(place: Folder, names: Sequence[str]) -> None:
    found = sorted(path.name for path in place.path.glob("*.gscope"))
    assert found == sorted(names)
    for number, name in enumerate(names):
        with open_recording(place.path / name) as recording:
            assert recording.environment["rank"] == f"{number} of 2"
            assert len(recording) >= 50


RECORDINGS: Final = ("train.rank0.gscope", "train.rank1.gscope")


def test_the_interface_lists_both_and_says_which_collective_waits(plain: Plain) -> None:
    with folder(RANKS) as place:
        run = place.start(*TORCHRUN, *HEADLESS, "0")
        wait_for(lambda: len(place.sessions()) == 2, place.read)
        place.wait_for_text("step 50: ", "rank0")  # they train
        with terminal(place.path, "attach", columns=150) as screen:
            screen.wait_for("1 rank 0 of 2 · ▶ running", "2 rank 1 of 2 · ▶ running")
            screen.press("z")
            screen.wait_for("1 rank 0 of 2 · ⏸ paused")
            shown = screen.wait_for("waits in", "rank 0 of 2 is paused")
            found = re.search(r"2 rank 1 of 2 · ◷ (waits in .*train\.py:\d+)", shown)
            assert found, shown
            screen.press("2")  # the badge is that of the seat on the screen
            screen.wait_for("▸ 2 rank 1 of 2", f"◷ {found[1]} · rank 0 of 2 is paused")
            screen.press("A")
            screen.wait_for("1 rank 0 of 2 · ▶ running", "2 rank 1 of 2 · ▶ running")
            screen.press("z")
            screen.wait_for("2 rank 1 of 2 · ⏸ paused", "rank 1 of 2 is paused")
            screen.press("q")
            screen.wait_for("The training is not over.")
            screen.press("d")
            screen.wait_for("ended with 0")
        place.end()
        assert run.wait(90) == 0, place.read()
        assert_each_has_its_recording(place, RECORDINGS)
        plain.assert_same(place)


@pytest.mark.parametrize(
    ("source", "command"),
    [(RANKS, NO_PYTHON), (SERVED, ("train.py",))],
    ids=["headless", "serve"],
)
def test_a_rank_that_is_paused_lets_the_other_say_where_it_waits(
    plain: Plain, source: str, command: Sequence[str]
) -> None:
    with folder(source) as place:
        run = place.start(*TORCHRUN, *command, "0")
        wait_for(lambda: len(place.sessions()) == 2, place.read)
        first, second = sorted(place.sessions(), key=lambda info: info.rank)
        assert (first.rank, second.rank) == ("0 of 2", "1 of 2")
        assert Path(second.recording).name == RECORDINGS[1]
        with attached(first) as zero, attached(second) as one:
            zero.send(Verb.RUN_UNTIL, text="phase:backward")
            assert zero.paused().is_before
            # The buckets are exchanged inside of backward: rank 1 cannot leave it.
            where = f" · train.py:{line_of('loss.backward()', source)}"
            one.wait_for(lambda seat: seat.waits_in.endswith(where))
            assert one.seat.activity is Activity.WAITING
            zero.send(Verb.CONTINUE)
            one.wait_for(lambda seat: seat.activity is Activity.RUNNING)
            step = zero.seat.step
            zero.wait_for(lambda seat: seat.step > step)
            place.end()
            assert run.wait(90) == 0, place.read()
            wait_for(lambda: zero.lost and one.lost)
            assert (zero.state.ending, one.state.ending) != ("", "")
        assert_each_has_its_recording(place, RECORDINGS)
        plain.assert_same(place)
