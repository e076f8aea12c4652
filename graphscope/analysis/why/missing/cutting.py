"""Why no gradient came: all ways to the loss are cut."""

from collections.abc import Sequence

from graphscope.analysis.evidence.wording import (
    begin,
    listing,
)
from graphscope.analysis.why.missing.cuts import Cut
from graphscope.analysis.why.missing.look import Look
from graphscope.analysis.why.missing.reason import Kind, Reason
from graphscope.model.graph import Value


def tell_cut(look: Look, value: Value) -> Reason:
    """Return that all ways to the loss are cut, and where."""
    links = look.flow.first_cuts[value.id]
    found: dict[object, Cut] = {}
    for link in links:
        cut = look.cut_at(link)
        found.setdefault((cut.mark, cut.call, cut.why), cut)
    cuts = list(found.values())
    first = cuts[0]
    followed = [k.name for k in links if k.is_outside and k.name]
    return Reason(
        kind=Kind.CUT,
        title=first.mark if len(cuts) == 1 else "all ways to the loss are cut",
        because=_tell_cuts(look, value, cuts),
        remedy=first.remedy,
        said=first.said,
        site=first.site,
        values=(value.id, *dict.fromkeys(k.source for k in links)),
        ops=tuple(dict.fromkeys(k.op for k in links if k.op is not None)),
        paths=look.paths(value.id),
        unknown=(
            *(cut.unknown for cut in cuts if cut.unknown),
            *_by_name(followed),
        ),
        cuts=cuts,
    )


def _tell_cuts(look: Look, value: Value, cuts: Sequence[Cut]) -> str:
    loss = look.name_loss(value.id)
    first = cuts[0]
    if len(cuts) == 1:
        ways = look.flow.counts.get(value.id, 1)
        way = "the way" if ways == 1 else f"all {ways:,} ways"
        verb = "is" if ways == 1 else "are"
        return f"{begin(way)} to {loss} {verb} cut at {first.call}: {first.why}."
    told = [f"at {cut.call}, because {cut.why}" for cut in cuts[:3]]
    more = "" if len(cuts) <= len(told) else f"; and {len(cuts) - len(told)} more"
    return f"Every way to {loss} is cut: {'; '.join(told)}{more}."


def _by_name(names: Sequence[str]) -> tuple[str, ...]:
    shown = [f"`{name}`" for name in dict.fromkeys(names) if name]
    if not shown:
        return ()
    names = listing(shown)
    return (f"They were followed outside of torch by name ({names}), not by a record.",)
