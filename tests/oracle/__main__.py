"""Run every sample and print how many are identical, complete and true."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

from tests.oracle.databases import DATABASES, DTYPES, FULL_DTYPE
from tests.oracle.parts import Outcome, Part, run_parts, work
from tests.oracle.report import render_details, render_summary, render_table
from tests.oracle.tally import Key, Tally

SUMMARY: Final = Path(__file__).with_name("SUMMARY.md")
_FULL: Final = str(FULL_DTYPE).removeprefix("torch.")
_PIECES: Final = {"op": 6, "module": 2}
"""Processes for the samples of the full dtype: a crash costs less, all cores work."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; the summary is written when that is everything."""
    asked = _parse(arguments)
    index, count = asked.shard
    whole = Part(
        tuple(asked.db), tuple(asked.dtype), index, count, asked.only, asked.limit
    )
    if asked.worker is not None:
        work(whole, asked.worker)
        return 0
    pairs = list(product(asked.db, asked.dtype))
    tallies: dict[Key, Tally] = {pair: Tally() for pair in pairs}

    def note(outcome: Outcome) -> None:
        tally = tallies[outcome.key]
        crash = f"harmful: {outcome.crash}"
        if outcome.verdict is not None:
            tally.add(outcome.item, outcome.verdict)
        else:
            tally.fail(outcome.item, crash)
        for text in [crash] if outcome.verdict is None else outcome.verdict.failures:
            where = f"{'/'.join(outcome.key)} {outcome.item}"
            sys.stderr.write(f"{where}: {text}\n")  # a full run takes many minutes

    run_parts(list(_split(whole)), asked.jobs, note)
    tallies = {key: t for key, t in tallies.items() if t.total.samples or t.failures}
    sys.stdout.write(f"{render_table(tallies)}\n\n{render_details(tallies)}\n")
    if whole == Part(tuple(DATABASES), tuple(DTYPES)):
        SUMMARY.write_text(render_summary(tallies), "utf-8")
    return 1 if any(t.failures for t in tallies.values()) else 0


def _split(whole: Part) -> Iterator[Part]:
    """Cut into parts for processes of their own; importing the databases is slow."""
    capped = tuple(name for name in whole.dtypes if name != _FULL)
    for database in whole.databases:
        pieces: list[tuple[tuple[str, ...], int]] = []
        pieces += (
            [((_FULL,), _PIECES.get(database, 1))] if _FULL in whole.dtypes else []
        )
        pieces += [(capped, 1)] if capped else []
        for dtypes, count in pieces:
            for number in range(count):
                yield replace(
                    whole,
                    databases=(database,),
                    dtypes=dtypes,
                    index=whole.index + whole.count * number,
                    count=whole.count * count,
                )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--db", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--only", default="", metavar="REGEX", help="names of items")
    parser.add_argument("--shard", type=_shard, default=(0, 1), metavar="I/N")
    parser.add_argument("--limit", type=int, default=0, help="samples per item")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not 0 <= int(index) < int(count):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with 0 <= I < N")
    return int(index), int(count)


if __name__ == "__main__":
    sys.exit(main())
