"""Whether a missing gradient is a fault, or what the user meant.

Much is left without a gradient on purpose: a target network, a frozen backbone, the
generator in the discriminator's step. What the source says of it is listened to: the
names, the conditions around the cut, a comment at its line.
"""

import ast
import re
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.source import Source, source_of
from graphscope.analysis.why.missing.branches import is_fixed
from graphscope.analysis.why.missing.cuts import Cut
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.model.graph import Value
from graphscope.model.site import Site

_MEANT: Final = re.compile(
    r"target|teacher|\bema\b|ema_|_ema|momentum|fr[eo]ez|frozen|fixed|reference|\bref\b"
    r"|_ref\b|\bref_|stop.?grad|\bsg\b|no.?train|not.train|no.?grad",
    re.IGNORECASE,
)
_FEATURES: Final = re.compile(r"backbone|pretrain|feature|extract", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    """What the steps of a run have in common.

    Attributes:
        held: Names of all that some optimizer held.
        got: Names of all that got a gradient in some step.
        by_hand: Names of all that the user's code changed in place.
        has_update: Whether an optimizer ever ran.
        steps: How many steps had a backward.
        is_whole: Whether no step between them is missing.
    """

    held: frozenset[str]
    got: frozenset[str]
    by_hand: frozenset[str]
    has_update: bool
    steps: int
    is_whole: bool


def is_suspicious(look: Look, name: str, reason: Reason, run: Run) -> bool:
    """Whether it is a fault that a parameter never got a gradient, for that reason."""
    if name in run.by_hand or _MEANT.search(name.replace(".", " ")):
        return False
    if run.has_update:
        return name in run.held and _is_fault(look, name, reason, run)
    if name not in look.owned:
        return reason.kind is Kind.CUT and _is_fault(look, name, reason, run)
    return _is_inside(look, name, reason, run) and _is_fault(look, name, reason, run)


def _is_fault(look: Look, name: str, reason: Reason, run: Run) -> bool:
    if reason.kind is Kind.CUT:
        return not any(_is_meant(look, name, cut) for cut in reason.cuts)
    if reason.kind is Kind.UNUSED and reason.unused is not None:
        unused = reason.unused
        enough = not unused.by_branch or (run.steps > 1 and run.is_whole)
        return unused.is_fixed and enough and not look.lacking
    if reason.kind is Kind.UNREACHED:
        return not reason.unknown
    return reason.kind is Kind.LATE


def _is_meant(look: Look, name: str, cut: Cut) -> bool:
    """Whether the source says that a cut is there on purpose."""
    op = None if cut.op is None else look.trace.graph.ops[cut.op]
    own = None if op is None else op.site
    sites = [site for site in (own, cut.site) if site is not None]
    scope = "" if op is None else op.scope
    if cut.switch is not None and _FEATURES.search(f"{name} {scope}"):
        return True
    return any(_says_so(look, site) for site in sites)


def _says_so(look: Look, site: Site) -> bool:
    source = source_of(look.trace.sources, site.file)
    if source is None:
        return False
    comment = source.comment_of(site.line)
    if _MEANT.search(comment) or _MEANT.search(site.function.replace("_", " ")):
        return True
    tests = list(_tests_around(source, site.line))
    return any(
        _MEANT.search(source.text_of(test)) or not is_fixed(source, test)
        for test in tests
    )


def _tests_around(source: Source, line: int) -> list[ast.expr]:
    """Return the conditions of the `if`s that a line is under."""
    return [
        node.test
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If)
        and node.body[0].lineno <= line <= (node.end_lineno or line)
    ]


def _is_inside(look: Look, name: str, reason: Reason, run: Run) -> bool:
    """Whether a part of a model was left out while others of it learn.

    Without an optimizer this is what tells a fault from a model that only helps: one
    whose result was cut off behind it, by the code that called it.
    """
    root = _root_of(look, name)
    others = any(_root_of(look, other) == root for other in run.got if other != name)
    if reason.kind is not Kind.CUT:
        return others
    class_name = _class_of(look, root)
    functions = [cut.site.function for cut in reason.cuts if cut.site is not None]
    return others and any(f"{class_name}." in f"{f}." for f in functions)


def _root_of(look: Look, name: str) -> str | None:
    roots = [call.path for call in look.trace.graph.calls if call.parent is None]
    found = [r for r in roots if not r or name.startswith(f"{r}.")]
    return max(found, key=len, default=None)


def _class_of(look: Look, root: str | None) -> str:
    calls = look.trace.graph.calls
    return next((c.class_name for c in calls if c.path == root), "?")


def is_replacement_harmful(look: Look, value: Value) -> bool:
    """Whether a gradient came to what has taken a leaf's name, and was not kept."""
    graph = look.trace.graph
    reads = [graph.ops[op].name for op in graph.consumers.get(value.id, ())]
    return bool(look.trace.arrivals(value.id)) and "detach" not in reads
