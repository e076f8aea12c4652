"""What is asked when the user asks why, and what an answer consists of."""

from dataclasses import dataclass, replace

from graphscope.model.finding import Finding, PathStep
from graphscope.model.trace import Recording, Trace
from graphscope.tui.outline import Node


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is asked about.

    Attributes:
        trace: The step.
        node: The node in its outline.
        findings: What was found in the step.
        scope: The module that the node stands for, where it is collapsed.
        is_cut_short: Whether the step has only begun.
        is_over: Whether the run has ended, so that nothing more comes.
        steps: The recording, to say how it is in other steps.
    """

    trace: Trace
    node: Node
    findings: tuple[Finding, ...] = ()
    scope: str = ""
    is_cut_short: bool = False
    is_over: bool = True
    steps: Recording | None = None

    def is_same(self, other: "Asked | None") -> bool:
        """Whether the answer to another question is the answer to this one."""
        return (
            other is not None
            and self.trace is other.trace
            and (self.node, self.scope) == (other.node, other.scope)
            and (self.is_cut_short, self.is_over) == (other.is_cut_short, other.is_over)
            and self.findings == other.findings
        )


@dataclass(frozen=True, slots=True)
class WhyAnswer:
    """What there is to say.

    Attributes:
        question: The question in the user's names; empty where nothing was asked.
        verdict: The answer in a sentence or two.
        findings: What explains it, with the ways that are shown.
        rows: What the verdict is about, one row each: the parameters of a module.
        is_suspicious: Whether something is wrong.
        is_ready: Whether this is the answer, not a word to wait for it.
    """

    question: str = ""
    verdict: str = ""
    findings: tuple[Finding, ...] = ()
    rows: tuple[PathStep, ...] = ()
    is_suspicious: bool = False
    is_ready: bool = True

    def add(self, *findings: Finding) -> "WhyAnswer":
        """Return it with further findings, those that it does not tell already."""
        told = {_topic(finding) for finding in self.findings}
        new = tuple(f for f in findings if _topic(f) not in told)
        return replace(
            self,
            findings=(*self.findings, *new),
            is_suspicious=self.is_suspicious or bool(new),
        )


def _topic(finding: Finding) -> object:
    """Return what is the same for two findings about the same fault of one line."""
    site = finding.site
    return finding.kind, None if site is None else (site.file, site.line)
