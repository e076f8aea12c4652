"""Two threads that train, in the interface: each is named, held alone, and seen."""

import re
from typing import Final

from graphscope.storage.file import open_recording
from tests.cli.screen import Screen, terminal
from tests.live.runs import folder, train_plainly
from tests.waiting import wait_for

THREADS: Final = '''\
"""Train a model in each of two threads, until there is a file `enough`."""

import hashlib, os, sys, threading, time
import torch
from torch import nn

def train(name, width):
    model, optimizer = made[name]
    step = 0
    while not limits[name] or step < limits[name]:
        x = torch.linspace(-1, 1, 3 * width).reshape(3, width)
        score = model(x).pow(2).mean()
        optimizer.zero_grad()
        score.backward()
        optimizer.step()
        step += 1
        time.sleep(0.002)
        if step % 50 == 0 and not limits[name] and os.path.exists("enough"):
            break
    bits = b"".join(p.detach().numpy().tobytes() for p in model.parameters())
    results[name] = f"{name} step {step}: {hashlib.sha256(bits).hexdigest()}"

torch.set_num_threads(1)
torch.manual_seed(0)
made, results = {}, {}
for name, width in (("actor", 2), ("critic", 4)):
    model = nn.Linear(width, 1)
    made[name] = model, torch.optim.SGD(model.parameters(), lr=0.01)
limits = dict(zip(made, map(int, sys.argv[1].split(","))))
critic = threading.Thread(target=train, name="critic", args=("critic", 4))
critic.start()
train("actor", 2)
critic.join()
print(*results.values(), sep="\\n")
print("trained")
'''


def step_of(screen: Screen, name: str) -> int:
    """Return in which step the line of a thread says that it is."""
    found = re.search(rf"\d {name} · ▶ running · step (\d+)", screen.text())
    assert found, screen.text()
    return int(found[1])


def goes_on(screen: Screen, name: str) -> None:
    """Wait until the line of a thread says that it is in a later step."""
    before = step_of(screen, name)
    wait_for(lambda: step_of(screen, name) > before, screen.text)


def test_two_threads_are_listed_held_alone_and_each_seen() -> None:
    with folder(THREADS) as place:
        words = ("run", "--continue", "train.py", "0,0")
        with terminal(place.path, *words) as screen:
            screen.wait_for("1 MainThread · ▶ running", "2 critic · ▶ running")
            screen.press("2", "z")
            screen.wait_for("▸ 2 critic · ⏸ paused", "1 MainThread · ▶ running")
            shown = screen.text()
            for _ in range(30):
                if "x = linspace" in shown:
                    break
                shown = screen.step("Space", "▸ 2 critic · ⏸ paused")
            assert "f32[3, 4]" in shown, shown  # the critic's x is 3 by 4
            goes_on(screen, "MainThread")
            screen.press("P")
            screen.wait_for("PAST · step", "▸ 2 critic · ⏸ paused")
            screen.press("x", "z")
            held = "▸ 1 MainThread · ⏸ paused", "  2 critic · ⏸ pau"
            # Each thread is seen where it was left.
            screen.wait_for(*held, "NOW", but_not="PAST")
            screen.press("2")
            screen.wait_for("PAST · step", "▸ 2 critic")
            screen.press("A")
            screen.wait_for("1 MainThread · ▶ running", "2 critic · ▶ running")
            place.end()
            screen.wait_for("■ ended")
            screen.press("q")
            screen.wait_for("ended with 0")
        lines = place.lines("train.gscope.log")
        steps = [int(line.split()[2].rstrip(":")) for line in sorted(lines[:2])]
        for name, count in zip(("train", "train.critic"), steps, strict=True):
            with open_recording(place.path / f"{name}.gscope") as recording:
                # the main thread's first step has the making of the models
                assert count <= len(recording) <= count + 1
        plain = train_plainly(place, ",".join(map(str, steps)))
        assert sorted(lines) == sorted(plain)
