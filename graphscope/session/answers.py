"""An answer as the user reads it: what `t.why("w.grad")` returns."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from graphscope.analysis.chain import ChainRule, find_chain_rule
from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.findings import find_all, find_at, find_over_steps
from graphscope.analysis.findings.kinds import KINDS
from graphscope.analysis.why.answer import Answer
from graphscope.analysis.why.asking import answer, answer_model
from graphscope.analysis.why.reading import all_names
from graphscope.errors import GraphscopeError, NotRecordedError, RecordingError
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Trace
from graphscope.render.text.chain import chain_lines
from graphscope.render.text.findings import finding_lines, wrap_text
from graphscope.session.choosing import find_step
from graphscope.session.reproducing import save_reproduction

_GRAD: Final = ".grad"
_NONE_GRAD: Final = "none-grad"
_WIDTH: Final = 100
_SEARCHED: Final = 100
_MOST_STEPS: Final = 2_000
"""In longer recordings only what few steps tell of all is looked for."""

Steps = Recording | Sequence[Trace]


@dataclass(frozen=True, slots=True, repr=False)
class AnswerView:
    """Why a gradient is what it is; `print` writes it.

    Attributes:
        trace: The step.
        answer: The answer.
        rule: The chain rule with its numbers, None where no gradient flowed.
        steps: The steps that were looked at.
    """

    trace: Trace
    answer: Answer
    rule: ChainRule | None
    steps: Steps

    @property
    def question(self) -> str:
        """What was asked."""
        return self.answer.question

    @property
    def verdict(self) -> str:
        """What the gradient is, in one sentence."""
        return self.answer.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What explains it, the main one first; also where nothing is wrong."""
        return self.answer.findings

    @property
    def is_suspicious(self) -> bool:
        """Whether it is probably not what was meant."""
        return self.answer.is_suspicious

    def save_script(self, path: str | Path) -> None:
        """Write the smallest script that shows a NaN or Inf of the answer again.

        Raises:
            NotRecordedError: There is none, or the recording lacks what it needs.
            ExportError: Another file is in the way, or it cannot be written.
        """
        save_reproduction(Path(path), self.findings, self.steps, self.question)

    def __bool__(self) -> bool:
        """An answer is true, also one about nothing suspicious."""
        return True

    def __repr__(self) -> str:
        """Return the question and the verdict, on one line."""
        return f"<why {self.question or 'the model'}: {self.verdict}>"

    def __str__(self) -> str:
        """Return the verdict, what explains it, and the chain rule."""
        return "\n".join(answer_lines(self, width=_WIDTH))


def answer_lines(view: AnswerView, *, width: int) -> list[str]:
    """Write an answer: verdict, what is wrong, the factors, what is good to know."""
    wrong = [f for f in view.findings if is_main(view.answer, f)]
    parts = [wrap_text(view.verdict, width)]
    parts += [finding_lines(finding, width=width) for finding in wrong]
    if view.rule is not None:
        parts.append(chain_lines(view.trace, view.rule, width=width))
    for finding in view.findings:
        if finding not in wrong:
            sentences = [finding.explanation, *finding.unknown]
            parts += [wrap_text(text, width) for text in sentences]
    return [line for part in parts for line in ("", *part)][1:]


def is_main(found: Answer, finding: Finding) -> bool:
    """Whether a finding of an answer is written in full, in front of the chain rule.

    What only tells how an ordinary gradient came about is a sentence behind it.
    """
    return finding.kind in KINDS or not found.is_usual


def ask_why(
    trace: Trace, name: str, steps: Steps, findings: Sequence[Finding] | None = None
) -> AnswerView:
    """Answer why something is what it is in one step.

    Args:
        trace: The step.
        name: A name of the user's code, such as `w`, `w.grad` or `fc1.weight.grad`.
        steps: The steps of the recording.
        findings: What was found in them, where that was asked for already.

    Raises:
        UnknownNameError: The step has nothing of that name.
    """
    found = find_findings(steps) if findings is None else findings
    known = [f for f in find_at(trace, found) if is_about(f, trace, name)]
    kinds = {
        f.kind
        for f in found
        if (at := find_step(steps, f)) is not None and is_about(f, at, name)
    }
    facts = Facts(trace.graph)
    told = answer(facts, trace, name, steps, known=known, kinds=kinds)
    return AnswerView(trace, told, _find_rule(trace, told), steps)


def ask_step(trace: Trace, name: str | None) -> AnswerView:
    """Answer the same of a step that is looked at alone; without a name of all."""
    return ask_model(trace) if name is None else ask_why(trace, name, [trace])


def ask_model(trace: Trace) -> AnswerView:
    """Answer which parameters of a step got no gradient, and why."""
    told = answer_model(Facts(trace.graph), trace)
    return AnswerView(trace, told, None, [trace])


def last_with(recording: Recording, name: str) -> Trace | None:
    """Return the last step, of the newest hundred, that has something of a name."""
    asked, count = name.removesuffix(_GRAD), len(recording)
    for position in range(count - 1, max(count - _SEARCHED, 0) - 1, -1):
        with suppress(RecordingError):
            trace = recording[position]
            if asked in all_names(trace.graph):
                return trace
    return None


def choose_trace(
    recording: Recording, name: str, findings: Sequence[Finding], usual: Trace
) -> Trace:
    """Return the step that tells most of a name.

    That is the first one in which something was found about it, else the usual one,
    else the last one that knows the name.
    """
    for finding in findings:
        trace = find_step(recording, finding)
        if trace is not None and is_about(finding, trace, name):
            return trace
    if name.removesuffix(_GRAD) in all_names(usual.graph):
        return usual
    return last_with(recording, name) or usual


def is_about(finding: Finding, trace: Trace, name: str) -> bool:
    """Whether a finding of a step is about what the user calls so."""
    asked, values = name.removesuffix(_GRAD), trace.graph.values
    concerned = (values[v] for v in finding.values if v < len(values))
    if any(asked in (value.name, *value.also) for value in concerned):
        return True
    is_listed = finding.kind == _NONE_GRAD and f"`{asked}`" in finding.explanation
    return is_listed or f"`{asked}`" in finding.title


def find_findings(steps: Steps) -> tuple[Finding, ...]:
    """Return what was found in a recording; nothing where steps are damaged."""
    with suppress(GraphscopeError):
        return find_all(steps) if len(steps) <= _MOST_STEPS else find_over_steps(steps)
    return ()


def _find_rule(trace: Trace, found: Answer) -> ChainRule | None:
    if found.has_gradient and found.value is not None and trace.graph.roots:
        with suppress(NotRecordedError), np.errstate(all="ignore"):
            return find_chain_rule(trace, found.value, trace.graph.roots[-1])
    return None
