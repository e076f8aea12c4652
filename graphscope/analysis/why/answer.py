"""What an answer to `why` consists of."""

from dataclasses import dataclass

from graphscope.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a gradient, or a value, is what it is.

    Attributes:
        question: What was asked, in the user's words: `fc1.weight.grad`.
        verdict: What it is, one complete sentence: "`fc1.weight.grad` is None in
            step 3."
        findings: What explains it, the main one first; also where nothing is wrong.
        step: The step that was looked at.
        value: Id of the value in that step's graph, None for what no op there read.
        is_suspicious: Whether it is probably not what was meant.
        has_gradient: Whether a gradient arrived, so that it can be taken apart.
        is_usual: Whether that is a number like any other: finite, and not all of it 0.
    """

    question: str
    verdict: str
    findings: tuple[Finding, ...]
    step: int
    value: int | None = None
    is_suspicious: bool = False
    has_gradient: bool = False
    is_usual: bool = False
