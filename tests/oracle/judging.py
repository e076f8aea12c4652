"""One sample, run four times, and the three verdicts on it."""

import gc
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from graphscope.capture.recorder import CaptureOptions, Recorder
from graphscope.model.observation import WHOLE_ELEMENTS
from graphscope.model.trace import Trace
from tests.oracle.completeness import find_omissions, gaps_in
from tests.oracle.databases import UNWRITTEN, Item
from tests.oracle.matching import match
from tests.oracle.reading import tensors_in
from tests.oracle.running import (
    Record,
    Run,
    bare,
    differentiable,
    run_sample,
    watch_lives,
)
from tests.oracle.truth import Checked, check_truth, check_updates
from tests.oracle.walking import walk
from tests.oracle.witness import Testimony, Witness

_FEW_ELEMENTS = 8
"""Every third sample keeps only this many whole, so that statistics are checked."""


Step = Callable[[], AbstractContextManager[None]]


class Capture(Protocol):
    """What is judged: a context that gathers traces and counts its own faults.

    The context's value opens a step; only the traces of the last step are judged.
    """

    traces: list[Trace]
    faults: dict[str, int]

    def around(self) -> AbstractContextManager[Any]:
        """Return the context to run a sample in."""


class Recording:
    """The capture that the oracle is for: a plain `Recorder`."""

    def __init__(self, models: tuple[torch.nn.Module, ...], whole: int) -> None:
        self.traces: list[Trace] = []
        self.faults: dict[str, int] = {}
        self._models = models
        self._options = CaptureOptions(whole=whole)

    @contextmanager
    def around(self) -> Iterator[Step]:
        """Record what runs inside."""
        recorder = Recorder(
            self.traces.append, models=self._models, options=self._options
        )

        @contextmanager
        def step() -> Iterator[None]:
            recorder.begin_step()
            self.traces.clear()
            yield
            recorder.end_step()

        recorder.start()
        try:
            yield step
        finally:
            recorder.stop()
            self.faults = recorder.faults


MakeCapture = Callable[[tuple[torch.nn.Module, ...], int], Capture]


@dataclass(slots=True)
class Verdict:
    """What was found out about the samples of one item.

    Attributes:
        samples: How many ran.
        identical: Samples that ran under capture as they ran bare.
        complete: Samples of which everything is in the graph.
        true: Samples of which every number is right.
        compared: Observations that were compared with a tensor.
        unchecked: Observations for which no tensor was kept.
        reordered: Gradients that differ by the order of summation alone.
        failures: `verdict: what` -> number of samples.
        omissions: What a named gap accounts for -> number of samples.
        gaps: Reason -> number of samples in which there is such a gap.
        unread: Kind of tensor -> observations of it without numbers.
        unsteady: What differs between two bare runs -> number of samples.
        unmade: Why torch itself could not make the samples.
    """

    samples: int = 0
    identical: int = 0
    complete: int = 0
    true: int = 0
    compared: int = 0
    unchecked: int = 0
    reordered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    omissions: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    unsteady: Counter[str] = field(default_factory=Counter)
    unmade: Counter[str] = field(default_factory=Counter)


def judge_item(
    item: Item, make_capture: MakeCapture = Recording, *, limit: int = 0
) -> Verdict:
    """Judge the first `limit` samples of `item`, or all.

    Cyclic garbage collection is off meanwhile: capture must let go of everything by
    reference counts alone, as bare torch does.
    """
    verdict = Verdict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each run collects its own
        try:
            copies = [item.make()[: limit or None] for _ in range(5)]
        except Exception as error:  # noqa: BLE001 - not every dtype was thought of
            verdict.unmade[f"{type(error).__name__}: {error}"[:200]] += 1
            return verdict
        _judge_samples(item, copies, (make_capture, verdict))
    return verdict


def _judge_samples(
    item: Item, copies: list[list[Any]], how: tuple[MakeCapture, Verdict]
) -> None:
    gc.disable()
    try:
        for index in range(len(copies[0])):
            samples = [copy[index] for copy in copies]
            for copy in copies:
                copy[index] = None
            _judge_sample(item, index, samples, how)
    finally:
        gc.enable()


def _judge_sample(
    item: Item,
    index: int,
    samples: list[Any],
    how: tuple[MakeCapture, Verdict],
) -> None:
    make_capture, verdict = how
    verdict.samples += 1
    first_facts, _ = _run_bare(item, samples.pop())
    bare_facts, bare_lives = _run_bare(item, samples.pop())
    unsteady = {key for key in bare_facts if bare_facts[key] != first_facts[key]}
    unsteady.discard("warnings")  # some are given once per process: in the first run
    verdict.unsteady.update(sorted(unsteady))
    if UNWRITTEN.match(item.name):
        unsteady |= {"output numbers", "gradients"}
    told, witness_facts = _run_witness(item, samples.pop())
    is_steady = not unsteady and _agrees(bare_facts, witness_facts)
    whole = _FEW_ELEMENTS if index % 3 == 2 else WHOLE_ELEMENTS
    sample, rehearsal = samples
    # An optimizer makes several steps anyway, and they must be cut by the capture.
    is_rehearsed = index % 2 == 1 and not _has_optimizer(sample)
    capture = make_capture(_models_in(sample), whole)
    run = run_sample(
        item,
        sample,
        capture.around(),
        rehearsals=[rehearsal] if is_rehearsed else [],
    )
    del rehearsal
    samples.clear()
    harm = _compare(bare_facts, run.facts, unsteady)
    harm += [f"fault of graphscope: {text}" for text in capture.faults]
    _weigh(capture.traces, told, (run, sample), verdict, is_steady=is_steady)
    count_alive = watch_lives(sample, run)
    del sample, run, capture
    harm += _outlived(bare_lives, count_alive())
    verdict.identical += not harm
    verdict.failures.update({f"harmful: {text}" for text in harm})


def _run_bare(item: Item, sample: Any) -> tuple[Record, dict[str, int]]:
    """Run without capture; also tell what stays alive afterwards."""
    run = run_sample(item, sample, bare())
    facts = run.facts
    count_alive = watch_lives(sample, run)
    del sample, run
    return facts, count_alive()


def _run_witness(item: Item, sample: Any) -> tuple[Testimony, Record]:
    """Run bare once more under the witness, and ask torch for every gradient."""
    witness = Witness()
    run = run_sample(item, sample, witness, backward=False)
    return witness.conclude(run.outputs, differentiable(run.outputs)), run.facts


def _agrees(bare_facts: Record, witness_facts: Record) -> bool:
    keys = ("outputs", "output numbers", "raised")
    return all(bare_facts[key] == witness_facts[key] for key in keys)


def _compare(bare_facts: Record, facts: Record, unsteady: set[str]) -> list[str]:
    """Name the facts that differ although two bare runs agree on them."""
    return [
        _explain(key, wanted, facts[key])
        for key, wanted in bare_facts.items()
        if key not in unsteady and facts[key] != wanted
    ]


def _explain(key: str, wanted: Any, found: Any) -> str:
    if key in ("raised", "raised in backward"):
        return f"{key}: {found} instead of {wanted}"[:300]
    if key == "left behind":
        changed = [name for name in wanted if wanted[name] != found[name]]
        return f"{key}: {', '.join(changed)}"
    if key == "warnings":
        return f"{key}: {_tell(found, wanted)} instead of {_tell(wanted, found)}"
    if key == "outputs" and found is not None:
        pairs = zip(wanted, found, strict=False)
        first = next((p for p in pairs if p[0] != p[1]), None)
        return f"{key}: {first}"[:300]
    return key


def _tell(warned: list[Any], others: list[Any]) -> str:
    """Name the warnings that `others` lacks, by their first words and line."""
    counts = Counter(warned)
    counts.subtract(Counter(others))
    told = [
        f"{count} × {kind} {text[:60]!r} at {Path(file).name}:{line}"
        for (kind, text, file, line), count in counts.items()
        if count > 0
    ]
    return "; ".join(told) or "no others"


def _outlived(wanted: dict[str, int], found: dict[str, int]) -> list[str]:
    return [f"{noun} kept alive" for noun in wanted if found[noun] > wanted[noun]]


def _weigh(
    traces: Sequence[Trace],
    told: Testimony,
    ran: tuple[Run, Any],
    verdict: Verdict,
    *,
    is_steady: bool,
) -> None:
    """Add the verdicts on completeness and truth."""
    run, sample = ran
    outputs = run.outputs
    graph, live = walk(outputs)
    live.clear()
    found = match(traces, told, graph, outputs, given=tensors_in(sample))
    missing = find_omissions(traces, found, told)
    reasons = gaps_in(traces)
    verdict.complete += not missing
    verdict.gaps.update(reasons)
    if missing and reasons:
        verdict.omissions.update(set(missing))
    elif missing:
        verdict.failures.update({f"incomplete: {text}" for text in missing})
    checked = Checked()
    if is_steady and graph == told.graph:
        checked = check_truth(traces, found, told)
        if _has_optimizer(sample) and run.result is not None:
            check_updates(traces, run.result, checked)
    verdict.true += not checked.wrong
    verdict.failures.update({f"untrue: {text}" for text in checked.wrong})
    verdict.compared += checked.compared
    verdict.unchecked += checked.unchecked
    verdict.reordered += checked.reordered
    verdict.unread.update(checked.unread)


def _models_in(sample: Any) -> tuple[torch.nn.Module, ...]:
    return tuple(part for part in sample if isinstance(part, torch.nn.Module))


def _has_optimizer(sample: Any) -> bool:
    return any(isinstance(part, torch.optim.Optimizer) for part in sample)
