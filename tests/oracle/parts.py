"""The work in parts, each in a process of its own: a crash is a result, not the end."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Final

import torch

from tests.oracle.databases import DTYPES, Item, items_of
from tests.oracle.judging import Verdict, judge_item
from tests.oracle.tally import Key, from_data, to_data

ROOT: Final = Path(__file__).parents[2]
_SILENCE_S: Final = 300
"""An item that takes longer hangs."""


@dataclass(frozen=True, slots=True)
class Part:
    """Every `count`-th item of some databases with some dtypes, beginning at `index`.

    Attributes:
        databases: Names of databases.
        dtypes: Names of dtypes; every database runs with each of them.
        index: The first item.
        count: How far it is from one item to the next.
        only: A regular expression that is found in the names of the items that run.
        limit: Samples per item, 0 for all.
    """

    databases: tuple[str, ...]
    dtypes: tuple[str, ...]
    index: int = 0
    count: int = 1
    only: str = ""
    limit: int = 0

    def items(self) -> Iterator[tuple[Key, Item]]:
        """Yield its items, each with the database and the dtype it belongs to."""
        for key in product(self.databases, self.dtypes):
            found = items_of(key[0], DTYPES[key[1]])
            fitting = [item for item in found if re.search(self.only, item.name)]
            for item in fitting[self.index :: self.count]:
                yield key, item

    def command(self, skip: int) -> list[str]:
        """Return the command that does this part's work after its first items."""
        return [
            *(sys.executable, "-m", "tests.oracle", "--worker", str(skip)),
            *("--db", *self.databases, "--dtype", *self.dtypes),
            *("--shard", f"{self.index}/{self.count}", "--only", self.only),
            *("--limit", str(self.limit)),
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One item's verdict; without one, `crash` says how its process ended."""

    key: Key
    item: str
    verdict: Verdict | None
    crash: str = ""


def prepare_process() -> None:
    """Make runs repeatable: one thread, and every warning each time it is due."""
    torch.set_num_threads(1)
    torch.set_warn_always(True)


def work(part: Part, skip: int) -> None:
    """Judge the items of `part` after the first `skip`; two lines of JSON for each."""
    prepare_process()
    for key, item in islice(part.items(), skip, None):
        _say([key, item.name, None])
        _say([key, item.name, to_data(judge_item(item, limit=part.limit))])


def _say(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def run_parts(
    parts: Sequence[Part], jobs: int, report: Callable[[Outcome], None]
) -> None:
    """Run `parts`, `jobs` at a time, and hand every outcome to `report`."""
    lock = threading.Lock()

    def run(part: Part) -> None:
        for outcome in _outcomes(part):
            with lock:
                report(outcome)

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(run, part) for part in parts]:
            done.result()


def _outcomes(part: Part) -> Iterator[Outcome]:
    """Run `part`; after a crash go on behind the item that crashed."""
    done = 0
    while True:
        begun: tuple[Key, str] | None = None
        process = subprocess.Popen(
            part.command(done),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            for line in _lines(process):
                key, name, data = json.loads(line)
                begun = (key[0], key[1]), name
                if data is not None:
                    yield Outcome(*begun, from_data(data))
                    begun, done = None, done + 1
            crash = _describe_end(process)
        if crash:
            where = begun or ((part.databases[0], part.dtypes[0]), "(no item)")
            yield Outcome(*where, None, crash)
        if not crash or begun is None:
            return
        done += 1


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Yield the lines of JSON that `process` writes; kill it when it hangs."""
    assert process.stdout is not None
    while True:
        timer = threading.Timer(_SILENCE_S, process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            return
        if line.startswith("["):
            yield line


def _describe_end(process: "subprocess.Popen[str]") -> str:
    """Say how a process failed, empty when it did not."""
    assert process.stderr is not None
    last = process.stderr.read().strip().splitlines()[-1:] or [""]
    status = process.wait()
    if status < 0:
        return f"ended by signal {-status}"
    return f"the oracle itself failed: {last[0]}"[:300] if status else ""
