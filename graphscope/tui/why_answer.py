"""The answer to why a node's gradient is as it is: the analysis, asked for a node.

What is asked depends on what the node is: a value, an op that raised, numbers that
went to Python, a collapsed module; and on whether its step has only begun.
"""

from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import name_value
from graphscope.analysis.why.asking import answer_value
from graphscope.analysis.why.errors import explain_error
from graphscope.errors import GraphscopeError
from graphscope.model.graph import EventKind, OpKind
from graphscope.model.trace import Trace
from graphscope.tui.finding_text import findings_of_node
from graphscope.tui.lines import clean
from graphscope.tui.moment import ARRIVALS, Moment
from graphscope.tui.outline import Node
from graphscope.tui.why_module import answer_module
from graphscope.tui.why_question import Asked, WhyAnswer

_CONTRADICTIONS: Final = (ArithmeticError, LookupError, TypeError, ValueError)


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
    trace = asked.trace
    facts = Facts(trace.graph)
    of_module = answer_module(facts, asked) if asked.scope else None
    if of_module is not None:
        return of_module
    value = asked.node.value
    if value is None:
        return _with_error(_answer_op(asked), facts, trace)
    if asked.is_cut_short and _may_still_come(facts, trace, value):
        return _answer_waiting(asked, value)
    known = findings_of_node(asked.findings, asked.node)
    found = answer_value(facts, trace, value, asked.steps, known=known)
    return WhyAnswer(
        found.question, found.verdict, found.findings, is_suspicious=found.is_suspicious
    )


def _with_error(answer: WhyAnswer, facts: Facts, trace: Trace) -> WhyAnswer:
    """Add what explains the exception that ended the step, if one did."""
    found = explain_error(facts, trace)
    return answer if found is None else answer.add(found)


def _answer_op(asked: Asked) -> WhyAnswer:
    """Answer for an op without a tensor as its result."""
    graph, node = asked.trace.graph, asked.node
    if node.op is None:
        return WhyAnswer()
    op = graph.ops[node.op]
    if op.kind is OpKind.GAP:
        return WhyAnswer(
            op.name,
            verdict=f"{op.name}: {op.note or 'not seen'}.",
            is_suspicious=op.note.startswith("raised"),
        )
    if op.kind is OpKind.READOUT:
        return WhyAnswer(
            op.name,
            f"{op.name} hands numbers to Python. What Python computes with them is not "
            "recorded by autograd, so no gradient comes back through it.",
        )
    return WhyAnswer(
        op.name, f"{op.name} has no tensor as its result, so no gradient reaches it."
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
    return WhyAnswer(trace.title_of(value), verdict)


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
    return answer.add(*findings_of_node(asked.findings, asked.node))


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
