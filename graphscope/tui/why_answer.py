"""The answer to why a node's gradient is as it is: the analysis, asked for a node.

What is asked depends on what the node is: a value, an op that raised, numbers that
went to Python, a collapsed module; and on whether its step has only begun.
"""

from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import name_value, norm_of
from graphscope.analysis.findings import identity_of
from graphscope.errors import GraphscopeError
from graphscope.model.finding import Finding
from graphscope.model.graph import EventKind, OpKind
from graphscope.model.trace import Trace
from graphscope.tui.finding_text import findings_of_node
from graphscope.tui.lines import clean
from graphscope.tui.moment import ARRIVALS, Moment
from graphscope.tui.outline import Node

_CONTRADICTIONS: Final = (ArithmeticError, LookupError, TypeError, ValueError)


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
    """

    trace: Trace
    node: Node
    findings: tuple[Finding, ...] = ()
    scope: str = ""
    is_cut_short: bool = False
    is_over: bool = True

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
        is_suspicious: Whether something is wrong.
        is_ready: Whether this is the answer, not a word to wait for it.
    """

    question: str = ""
    verdict: str = ""
    findings: tuple[Finding, ...] = ()
    is_suspicious: bool = False
    is_ready: bool = True


def find_answer(asked: Asked) -> WhyAnswer:
    """Work out the answer; takes a while for a large step."""
    try:
        return _with_findings(_answer(asked), asked)
    except GraphscopeError as error:
        return WhyAnswer(verdict=clean(str(error)))
    except _CONTRADICTIONS as error:
        told = f"{type(error).__name__}: {error}"
        text = f"The recording of this step contradicts itself ({told})."
        return WhyAnswer(verdict=clean(text))


def _answer(asked: Asked) -> WhyAnswer:
    if asked.node.value is None:
        return _answer_op(asked)
    facts = Facts(asked.trace.graph)
    if asked.is_cut_short and _may_still_come(facts, asked.trace, asked.node.value):
        return _answer_waiting(asked, asked.node.value)
    return _answer_value(asked.trace, asked.node.value)


def _answer_value(trace: Trace, value: int) -> WhyAnswer:
    """Answer for a tensor."""
    name, arrived = name_value(trace, value), trace.arrivals(value)
    if arrived:
        norm = norm_of(arrived[-1][1])
        verdict = f"A gradient arrived at {name}: {norm}."
    elif not trace.graph.values[value].requires_grad:
        verdict = f"No gradient is needed: {name} does not require one."
    else:
        verdict = f"No gradient arrived at {name} in step {trace.step}."
    return WhyAnswer(f"why is the gradient of {name} as it is?", verdict)


def _answer_op(asked: Asked) -> WhyAnswer:
    """Answer for an op without a tensor as its result."""
    graph, node = asked.trace.graph, asked.node
    if node.op is None:
        return WhyAnswer()
    op = graph.ops[node.op]
    question = f"why is there no gradient at {op.name}?"
    if op.kind is OpKind.GAP:
        return WhyAnswer(
            question=f"what happened at {op.name}?",
            verdict=f"{op.name}: {op.note or 'not seen'}.",
            is_suspicious=op.note.startswith("raised"),
        )
    if op.kind is OpKind.READOUT:
        return WhyAnswer(
            question,
            f"{op.name} hands numbers to Python. What Python computes with them is not "
            "recorded by autograd, so no gradient comes back through it.",
        )
    return WhyAnswer(
        question, f"{op.name} has no tensor as its result, so no gradient reaches it."
    )


def _answer_waiting(asked: Asked, value: int) -> WhyAnswer:
    """Say that a gradient may still arrive: training is paused, or was ended."""
    trace = asked.trace
    name = name_value(trace, value)
    has_begun = any(event.kind is EventKind.GRAD for event in trace.graph.events)
    if asked.is_over:
        why = "on the way back" if has_begun else "because backward had not begun"
        verdict = (
            f"Not reached {why} when the run was ended in step {trace.step}: the "
            "gradient was still to come, it is not missing."
        )
    elif has_begun:
        verdict = (
            f"Not yet reached on the way back: backward is still running in step "
            f"{trace.step}, and there is a way from the loss to {name}."
        )
    else:
        verdict = f"Not yet: backward has not begun in step {trace.step}."
    return WhyAnswer(f"why is there no gradient of {name}?", verdict)


def _may_still_come(facts: Facts, trace: Trace, value: int) -> bool:
    """Whether nothing but time keeps the gradient of a value from arriving."""
    found = facts.graph.values[value]
    if not found.requires_grad or trace.arrivals(value):
        return False
    if not any(event.kind is EventKind.GRAD for event in facts.graph.events):
        return True
    if found.op is not None:
        return found.op in facts.before_roots or value in facts.graph.roots
    readers = facts.graph.consumers.get(value, ())
    return any(reader in facts.before_roots for reader in readers)


def _with_findings(answer: WhyAnswer, asked: Asked) -> WhyAnswer:
    """Add what was found about the node and is not in the answer yet."""
    known = {identity_of(finding) for finding in answer.findings}
    mine = findings_of_node(asked.findings, asked.node)
    more = tuple(f for f in mine if identity_of(f) not in known)
    return WhyAnswer(
        answer.question,
        answer.verdict,
        (*answer.findings, *more),
        is_suspicious=answer.is_suspicious,
    )


def note_of_moment(moment: Moment, node: Node) -> str:
    """Say that a gradient arrives later than the event that is open, if it does."""
    if node.value is None:
        return ""
    arrivals = [
        reading.slot.event for reading in moment.readings(node.value, *ARRIVALS)
    ]
    if not arrivals or moment.has_happened(min(arrivals)):
        return ""
    return (
        f"At event {moment.event + 1} not yet reached on the way back: the gradient "
        f"arrives at event {min(arrivals) + 1}."
    )
