"""Backward from more than one number: of which of them is the gradient asked for?"""

from math import prod
from typing import Final

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import (
    begin,
    code_of,
    name_and_place,
    name_value,
    one_line,
)
from graphscope.analysis.why.errors.failing import find_failing_backward
from graphscope.analysis.why.errors.wording import (
    is_plain,
    join_sentences,
    name_code,
    name_op,
    write_step,
)
from graphscope.model.finding import Finding
from graphscope.model.graph import Op
from graphscope.model.numbers import format_type
from graphscope.model.site import Site
from graphscope.model.trace import Trace

KIND: Final = "not-scalar"
_MESSAGE: Final = "grad can be implicitly created only for"
_REAL: Final = "real scalar outputs"


def explain_not_scalar(facts: Facts, trace: Trace) -> Finding | None:
    """Explain that backward needs a single number; None for any other error."""
    if _MESSAGE not in trace.error:
        return None
    backward = find_failing_backward(trace.graph)
    roots = trace.graph.roots
    root = backward.root if backward is not None else roots[-1] if roots else None
    if root is None:
        return None
    value = trace.graph.values[root]
    site = None if backward is None else backward.site
    kind = format_type(value.dtype, value.shape)
    name = name_value(trace, root)
    if _REAL in trace.error and value.dtype.startswith("complex"):
        return _tell_complex(trace, root, site)
    shown = name if kind in name else f"{name_and_place(trace, root)} is {kind}:"
    return Finding(
        kind=KIND,
        title=f"backward starts from {name}, which has {prod(value.shape):,} numbers",
        explanation=join_sentences(
            [
                f"{begin(shown)} {prod(value.shape):,} numbers.",
                _tell_need(site),
                _tell_reduction(facts, trace, root),
            ]
        ),
        remedy=_remedy(trace, root, site),
        step=trace.step,
        site=site,
        values=(root,),
        ops=() if value.op is None else (value.op,),
        numbers=(("numbers", prod(value.shape)),),
        paths=((write_step(trace, root, kind),),),
    )


def _tell_need(site: Site | None) -> str:
    return (
        f"{begin(name_code(site, 'backward'))} has to begin with one number, whose "
        "gradient by itself is 1; of several it does not know how much each of them "
        "counts."
    )


def _tell_reduction(facts: Facts, trace: Trace, root: int) -> str:
    """Say so where a loss was asked to keep one number for each element."""
    op = facts.op_of(root)
    if op is None or not _keeps_all(op):
        return ""
    return (
        f"{begin(name_op(facts, trace, op))} was asked for reduction='none', which "
        "keeps a loss for each element."
    )


def _keeps_all(op: Op) -> bool:
    texts = {a.name: a.text for a in op.arguments}
    return texts.get("reduction", "").strip("'\"") == "none"


def _remedy(trace: Trace, root: int, site: Site | None) -> str:
    """Write both ways out, the second as the lecture does: with a vector v."""
    shape = list(trace.graph.values[root].shape)
    name = code_of(trace, root)
    is_grad = site is not None and "grad(" in site.expression
    if name is None:
        return (
            "Make one number of it, with `.mean()` or `.sum()`, or give a vector v of "
            f"shape {shape} that says how much each number counts."
        )
    plain = name if is_plain(name) else f"({name})"
    if is_grad and site is not None:
        call = one_line(site.expression)
        return (
            f"Make one number of it: `{plain}.mean()` or `{plain}.sum()` in "
            f"`{call}`; or say how much each number counts with a vector v of shape "
            f"{shape}: `grad_outputs=v`."
        )
    return (
        f"Make one number of it: `{plain}.mean().backward()` or "
        f"`{plain}.sum().backward()`; or say how much each number counts with a vector "
        f"v of shape {shape}: `{plain}.backward(v)`."
    )


def _tell_complex(trace: Trace, root: int, site: Site | None) -> Finding:
    value = trace.graph.values[root]
    name = name_value(trace, root)
    return Finding(
        kind=KIND,
        title=f"backward starts from {name}, which is complex",
        explanation=(
            f"{begin(name_and_place(trace, root))} is "
            f"{format_type(value.dtype, value.shape)}. "
            f"{begin(name_code(site, 'backward'))} has to begin with a real number: "
            "only of such a one it is clear what is steeper."
        ),
        remedy=f"Make a real number of {name}: `.abs()`, or `.real`.",
        step=trace.step,
        site=site,
        values=(root,),
        ops=() if value.op is None else (value.op,),
    )
