"""What is told of graphs that live too long: who keeps them, what that costs."""

from collections.abc import Sequence
from math import prod
from typing import Final

from graphscope.analysis.evidence.wording import listing, where
from graphscope.analysis.why.errors.wording import is_name, join_sentences, name_code
from graphscope.analysis.why.retained.cost import (
    cost_numbers,
    tell_backward,
    tell_cost,
)
from graphscope.analysis.why.retained.remedies import cut_in_statement, cut_in_text
from graphscope.analysis.why.retained.scene import (
    Chain,
    Cost,
    Held,
    Scene,
    statement_of,
)
from graphscope.analysis.why.retained.storing import Storing, find_storing
from graphscope.model.finding import Finding
from graphscope.model.graph import Graph, Op, Value
from graphscope.model.kept import Holder, KeptGraph
from graphscope.model.site import Site

KIND: Final = "kept-graph"

TRACEBACK: Final = "traceback"

_LISTED: Final = 4
_PLAIN: Final = frozenset({"", "tuple", "list", "dict"})
_NO_SIZES: Final = (
    "Cannot tell how much they keep because the steps that made them are not in the "
    "recording, or too long ago."
)
_NOBODY: Final = (
    "Cannot tell who holds them because none of the variables of the running functions "
    "and their modules leads to them."
)
_NO_LINE: Final = (
    "Cannot tell which line puts them there because none of the recorded sources, or "
    "more than one line, stores something under that name."
)


def tell_held(scene: Scene, held: Held, cost: Cost) -> Finding:
    """Tell of tensors with graphs that a variable or container holds."""
    kept, storing = held.kept, find_storing(scene.trace, held.kept[0], held.holder)
    retained = cost.retained
    own = kept[0].site if storing is None else storing.site
    unknown = (_NO_LINE,) * (storing is None) + (_NO_SIZES,) * (retained is None)
    return Finding(
        kind=KIND,
        title=f"`{held.holder.name}` keeps the graphs of earlier steps alive",
        explanation=join_sentences(
            [
                _tell_alive(scene, kept[0]),
                f"{_name_holder(held.holder)} {_tell_values(kept, storing)}.",
                *tell_cost(retained, kept[0].count),
            ]
        ),
        remedy=_remedy(held, storing, is_scalar=cost.is_scalar),
        step=scene.trace.step,
        site=own,
        numbers=cost_numbers(retained, kept[0].count),
        unknown=unknown,
    )


def tell_chain(scene: Scene, chain: Chain, cost: Cost) -> Finding:
    """Tell of graphs that hang on each other because a tensor is carried along."""
    trace, op = scene.trace, chain.ops[0]
    names = [
        f"`{_text_of(v, o)}`" for v, o in zip(chain.carried, chain.ops, strict=True)
    ]
    retained = cost.retained
    oldest = max(chain.kept, key=lambda one: one.count)
    return Finding(
        kind=KIND,
        title=f"{listing(names)} carr{'ies' if len(names) == 1 else 'y'} the graphs of "
        "earlier steps along",
        explanation=join_sentences(
            [
                _tell_alive(scene, oldest),
                f"{name_code(op.site, op.name)} goes on with the {listing(names)} of",
                "the step before, so the graph of each step hangs on that of the next.",
                tell_backward(trace.graph, trace.step),
                *tell_cost(retained, oldest.count),
            ]
        ),
        remedy=_chain_remedy(scene, chain),
        step=trace.step,
        site=op.site,
        values=tuple(value.id for value in chain.carried),
        ops=tuple(dict.fromkeys(op.id for op in chain.ops)),
        numbers=cost_numbers(retained, oldest.count),
        unknown=(_NO_SIZES,) * (retained is None),
    )


def tell_unknown(scene: Scene, kept: KeptGraph, cost: Cost) -> Finding:
    """Tell of graphs that are alive although nobody was found to hold them."""
    retained = cost.retained
    return Finding(
        kind=KIND,
        title=f"The graphs of {name_kept(kept)} stay alive",
        explanation=join_sentences(
            [
                _tell_alive(scene, kept),
                f"those of {name_kept(kept)}{where(kept.site)}.",
                *tell_cost(retained, kept.count),
            ]
        ),
        remedy=(
            f"Look for what keeps {name_kept(kept)} or something computed from it, and "
            f"store `{cut_in_text(_code_of(kept), is_scalar=cost.is_scalar)}` "
            "there."
        ),
        step=scene.trace.step,
        site=kept.site,
        numbers=cost_numbers(retained, kept.count),
        unknown=(_NOBODY,),
    )


def _tell_alive(scene: Scene, kept: KeptGraph) -> str:
    return (
        f"At the end of step {scene.trace.step} the graphs of {write_steps(kept)} are "
        "still alive:"
    )


def write_steps(kept: KeptGraph) -> str:
    """Write which steps' graphs are alive.

    >>> write_steps(KeptGraph("loss", count=3, steps=(0, 1, 2), newest=2))
    'steps 0 to 2'
    >>> write_steps(KeptGraph("loss", count=3, steps=(0, 10, 20), newest=20))
    'steps 0, 10 and 20'
    >>> write_steps(KeptGraph("loss", count=40, steps=(0, 10, 20), newest=390))
    '40 earlier steps, from step 0 on,'
    """
    first = kept.steps[0] if kept.steps else kept.newest
    if kept.newest - first + 1 == kept.count:
        return f"steps {first:,} to {kept.newest:,}"
    if kept.count == len(kept.steps) <= _LISTED:
        return f"steps {listing([f'{step:,}' for step in kept.steps])}"
    return f"{kept.count:,} earlier steps, from step {first:,} on,"


def name_kept(kept: KeptGraph) -> str:
    """Name the values of a line, as the user's code does."""
    return f"`{_code_of(kept)}`"


def _code_of(kept: KeptGraph) -> str:
    if kept.name or kept.site is None or not kept.site.expression:
        return kept.name or "the result"
    return " ".join(kept.site.expression.split())


def _name_holder(holder: Holder) -> str:
    kind = f"the {holder.container} " if holder.container else ""
    if holder.via == TRACEBACK:
        via = ", through the traceback of an exception,"
    else:
        via = f", in a {holder.via}," if holder.via not in _PLAIN else ""
    return f"{kind}`{holder.name}` holds{via}"


def _tell_values(kept: Sequence[KeptGraph], storing: Storing | None) -> str:
    """Say what is held, and which line stores it."""
    own = listing([f"{name_kept(one)}{where(one.site)}" for one in kept])
    if storing is None:
        return f"their {own}"
    stored = name_code(storing.site, "a line")
    if len(kept) == 1 and not kept[0].name:
        return f"what {stored} stores there"
    return f"their {own}, which {stored} stores there"


def _remedy(held: Held, storing: Storing | None, *, is_scalar: bool) -> str:
    if held.holder.via == TRACEBACK:
        return (
            "Store the text of the exception in place of the exception: its traceback "
            "holds the variables of the functions that it has left."
        )
    kept = held.kept
    what = "the number" if is_scalar else "the values without their graph"
    names = [one.name for one in kept if one.name]
    if storing is not None:
        is_all = not held.holder.via and is_name(" ".join(storing.given))
        fixed = cut_in_statement(
            storing.site.expression,
            names,
            is_scalar=is_scalar,
            named_only=not is_all and not _computes(storing.site, kept),
        )
        if fixed:
            return f"Store {what}: `{fixed}`."
    code = _code_of(kept[0])
    return f"Store {what}: `{cut_in_text(code, is_scalar=is_scalar)}`, not `{code}`."


def _computes(statement: Site, kept: Sequence[KeptGraph]) -> bool:
    """Whether a statement computes what it stores."""
    sites = [one.site for one in kept if one.site is not None]
    return any(
        site.file == statement.file
        and statement.line <= site.line <= statement.end_line
        for site in sites
    )


def _chain_remedy(scene: Scene, chain: Chain) -> str:
    graph, op = scene.trace.graph, chain.ops[0]
    statement = statement_of(scene, op.site)
    texts = [_text_of(v, o) for v, o in zip(chain.carried, chain.ops, strict=True)]
    own = {*texts, *(v.name for v in chain.carried)}
    added = [name for name in sorted(_scalars(graph)) if name not in own]
    if statement and all(prod(v.shape) == 1 for v in chain.carried):
        fixed = cut_in_statement(statement, added, is_scalar=True, named_only=True)
        if fixed:
            return f"Add the number: `{fixed}`."
    cuts = "; ".join(f"{text} = {text}.detach()" for text in texts)
    return f"Cut the graph where the step is over: `{cuts}`."


def _scalars(graph: Graph) -> set[str]:
    """Return what the user's code calls results of one number that have a graph."""
    found = {
        value.id
        for value in graph.values
        if value.requires_grad and not value.is_leaf and prod(value.shape) == 1
    }
    names = {graph.values[v].name for v in found}
    texts = {a.text for op in graph.ops for a in op.arguments if a.value in found}
    return {text for text in names | texts if text and is_name(text)}


def _text_of(value: Value, op: Op) -> str:
    """Return how the user's code calls a value that an op reads."""
    for argument in op.arguments:
        if argument.value == value.id and is_name(argument.text):
            return argument.text
    return value.name or "it"
