"""Why the gradients of a module are as they are: of each of its parameters."""

from collections.abc import Collection, Sequence

from graphscope.analysis.evidence.facts import Facts
from graphscope.analysis.evidence.wording import count, norm_of
from graphscope.analysis.why.missing.explain import to_finding
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Kind
from graphscope.analysis.why.missing.seen import parameter_names
from graphscope.analysis.why.missing.summary import group_by_reason, missing_names
from graphscope.model.finding import PathStep
from graphscope.tui.why_question import Asked, WhyAnswer


def answer_module(facts: Facts, asked: Asked) -> WhyAnswer | None:
    """Answer for a collapsed module; None for one that has no parameters."""
    trace, scope = asked.trace, asked.scope
    look = Look(trace, facts)
    names = [n for n in parameter_names(trace.graph) if n.startswith(f"{scope}.")]
    if not names:
        return None
    missing = missing_names(look, names)
    rows = _rows(look, names, missing, is_cut_short=asked.is_cut_short)
    verdict = _tell(asked, len(names), len(missing))
    answer = WhyAnswer(scope, verdict, rows=rows)
    if asked.is_cut_short or not missing or not trace.graph.roots:
        return answer
    groups = group_by_reason(look, missing)
    return WhyAnswer(
        scope,
        verdict,
        tuple(to_finding(trace, reason, found) for reason, found in groups),
        rows=rows,
        is_suspicious=any(reason.kind is not Kind.FROZEN for reason, _ in groups),
    )


def _tell(asked: Asked, total: int, missing: int) -> str:
    whose = f"{count(total, 'parameter')} of `{asked.scope}`"
    step = f"in step {asked.trace.step}"
    if asked.is_cut_short:
        return f"{total - missing:,} of {whose} got a gradient so far {step}."
    if not asked.trace.graph.roots:
        return f"No backward ran {step}, so none of {whose} got a gradient."
    if 0 < missing < total:
        return f"{missing:,} of {whose} got no gradient {step}."
    got = "got no gradient" if missing else "got a gradient"
    if total == 1:
        return f"The only parameter of `{asked.scope}` {got} {step}."
    every = f"None of the {whose}" if missing else f"All {whose}"
    return f"{every} got a gradient {step}."


def _rows(
    look: Look,
    names: Sequence[str],
    missing: Collection[str],
    *,
    is_cut_short: bool,
) -> tuple[PathStep, ...]:
    found = []
    for name in names:
        leaf = look.leaf_named(name)
        value = None if leaf is None else leaf.id
        if name not in missing and value is not None:
            mark = f"gradient {norm_of(look.trace.gradient_of(value))}"
        else:
            mark = "not yet" if is_cut_short else "no gradient"
        found.append(PathStep(name, value=value, mark=mark))
    return tuple(found)
