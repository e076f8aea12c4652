"""The debugger's interface never pays for `import torch`: the script's process does."""

import os
import subprocess
import sys
from pathlib import Path

from graphscope.debugger.verbs import Verb
from tests.session.driving import ROOT, driven, private_places
from tests.waiting import DEADLINE_S

__all__ = ["private_places"]  # a fixture

SCRIPT = """
import torch
w = torch.tensor(1.0, requires_grad=True)
for _ in range(1000):
    loss = (w * 2.0) ** 2
    loss.backward()
"""

# What `graphscope run` and `graphscope attach` have in common, over a process that
# trains: the whole interface, until it has shown a step.
INTERFACE = """
import asyncio, sys
from graphscope.cli import attach, debugging, run
from graphscope.session.launch import launch_of_pid
from graphscope.tui.live.app import LiveApp

async def main():
    app = LiveApp(launch_of_pid(int(sys.argv[1])), title="train.py")
    async with app.run_test(size=(120, 40)) as pilot:
        while app.roster.current is None or not app.roster.current.is_paused:
            await pilot.pause(0.02)
        await pilot.press("space")
        while app.session.position.event < 1:
            await pilot.pause(0.02)

asyncio.run(main())
print(sorted({"torch", "numpy"} & set(sys.modules)))
print([name for name in sys.modules if name.startswith("graphscope.capture")])
"""


def test_the_interface_over_a_process_that_trains_imports_no_torch(
    tmp_path: Path,
) -> None:
    with driven(tmp_path, SCRIPT) as driver:
        driver.paused()
        driver.client.ask_for_control(wants_control=False)
        done = subprocess.run(
            [sys.executable, "-c", INTERFACE, str(driver.process.pid)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.stdout.splitlines() == ["['numpy']", "[]"], done.stderr
        driver.client.ask_for_control()
        driver.send(Verb.STOP)
        driver.ended()
