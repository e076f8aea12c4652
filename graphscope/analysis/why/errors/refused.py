"""An in-place change that autograd does not allow at all: of a leaf, or of a view.

Separate from `inplace`, because here the change itself raised, and nothing was lost.
"""

from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import begin, code_of, name_value, site_of
from graphscope.analysis.why.errors.failing import raised_op
from graphscope.analysis.why.errors.inplace import KIND
from graphscope.analysis.why.errors.remedies import rewrite
from graphscope.analysis.why.errors.wording import is_name, name_op, write_step
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Op, ValueKind
from graphscope.model.trace import Trace

_LEAF: Final = "leaf Variable that requires grad is being used in an in-place operation"
_VIEW: Final = "is a view and is being modified inplace"


def explain_refused(facts: Facts, trace: Trace) -> Finding | None:
    """Explain why a tensor may not be changed in place; None for any other error."""
    op = raised_op(trace.graph)
    if op is None or not op.inputs:
        return None
    if _LEAF in trace.error:
        return _tell_leaf(facts, trace, op)
    return _tell_view(facts, trace, op) if _VIEW in trace.error else None


def _tell_leaf(facts: Facts, trace: Trace, op: Op) -> Finding:
    leaf = op.inputs[0]
    name = name_value(trace, leaf)
    return Finding(
        kind=KIND,
        title=f"{begin(name)} is a leaf that learns, and is changed in place",
        explanation=(
            f"{begin(name_op(facts, trace, op))} changes {name} in place. That is a "
            "leaf which requires a gradient: its gradient is about the numbers that "
            "it has, so autograd does not let them be overwritten."
        ),
        remedy=_leaf_remedy(trace, op, leaf),
        step=trace.step,
        site=op.site,
        values=(leaf,),
        ops=(op.id,),
        paths=((write_step(trace, leaf, "requires a gradient"),),),
    )


def _leaf_remedy(trace: Trace, op: Op, leaf: int) -> str:
    text = "" if op.site is None else " ".join(op.site.expression.split())
    call = f"`{text}`" if text else "the change"
    if _uses_gradient(trace.graph, op):
        return (
            f"An update is no part of the graph: put {call} inside of `with "
            "torch.no_grad():`."
        )
    code = code_of(trace, leaf)
    copy = f"`{code}.clone()`" if code and is_name(code) else "a clone"
    return (
        f"Where it sets the numbers to begin with, put {call} inside of `with "
        f"torch.no_grad():`; where it is part of the forward pass, change {copy}."
    )


def _uses_gradient(graph: Graph, op: Op) -> bool:
    """Whether what is written was computed from a `.grad`."""
    waiting, seen = list(op.inputs[1:]), set(op.inputs[1:])
    while waiting:
        value = graph.values[waiting.pop()]
        if value.kind is ValueKind.GRADIENT:
            return True
        made = () if value.op is None else graph.ops[value.op].inputs
        waiting += [one for one in made if one not in seen]
        seen.update(made)
    return False


def _tell_view(facts: Facts, trace: Trace, op: Op) -> Finding:
    view = op.inputs[0]
    name = name_value(trace, view)
    maker = facts.op_of(view)
    made = "" if maker is None else f" It is one of {name_op(facts, trace, maker)}."
    fresh = rewrite(facts, trace, op, view)
    code = code_of(trace, view)
    copy = f"`{code}.clone()`" if code and is_name(code) else "a clone of it"
    return Finding(
        kind=KIND,
        title=f"{begin(name)} is one of several views, and is changed in place",
        explanation=(
            f"{begin(name_op(facts, trace, op))} changes {name} in place.{made} A call "
            "that returns several views of one tensor keeps one node for all of them, "
            "and that could not tell which of them was changed."
        ),
        remedy=f"{fresh}." if fresh else f"Change {copy}.",
        step=trace.step,
        site=op.site or site_of(trace, view),
        values=(view,),
        ops=(op.id,),
        paths=((write_step(trace, view),),),
    )
