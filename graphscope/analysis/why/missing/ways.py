"""The ways from a value to what backward was called on, as rows to read.

All of them where they are few; else one for each place at which they are cut.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from graphscope.analysis.evidence.wording import count, one_line, site_of
from graphscope.analysis.why.missing.cuts import Cut
from graphscope.analysis.why.missing.flow import Flow, Link
from graphscope.model.finding import PathStep
from graphscope.model.trace import Trace

MOST_WAYS: Final = 6
_MOST_ROWS: Final = 12
_KEPT_HEAD: Final = 4
_KEPT_AROUND: Final = 2

Way = tuple[Link, ...]
Describe = Callable[[Link], Cut]


def find_ways(flow: Flow, value: int) -> list[Way]:
    """Return the ways from a value to a root; see the module for which."""
    if flow.counts.get(value, 0) <= MOST_WAYS:
        return list(_all_ways(flow, value))
    cuts = flow.first_cuts.get(value, ())[:MOST_WAYS]
    found = [way_through(flow, value, cut, flow.backward_roots) for cut in cuts]
    if not cuts:
        found = [_shortest(flow, value, flow.backward_roots, is_carried=False)]
    return [way for way in found if way]


def show_ways(
    flow: Flow, value: int, describe: Describe
) -> tuple[tuple[PathStep, ...], ...]:
    """Return the ways as rows; behind them how many others there are."""
    ways = find_ways(flow, value)
    rows = {
        tuple((row.text, row.site) for row in found): tuple(found)
        for way in ways
        if (found := rows_of(flow.trace, value, way, describe))
    }
    more = flow.counts.get(value, 0) - len(rows)
    if more > 0 and rows:
        return (*rows.values(), (PathStep(f"… {count(more, 'more way')}"),))
    return tuple(rows.values())


def _all_ways(flow: Flow, value: int) -> Iterator[Way]:
    waiting: list[tuple[int, Way]] = [(value, ())]
    while waiting:
        here, way = waiting.pop()
        if here in flow.backward_roots and way:
            yield way
        links = [k for k in flow.onward.get(here, ()) if flow.counts.get(k.target)]
        waiting += [(link.target, (*way, link)) for link in reversed(links)]


def way_through(flow: Flow, value: int, cut: Link, ends: Sequence[int]) -> Way:
    """Return the shortest way to one of `ends` on which a cut is the first.

    Empty when there is none.
    """
    before = _shortest(flow, value, (cut.source,), is_carried=True)
    behind = _shortest(flow, cut.target, ends, is_carried=False)
    if (not before and value != cut.source) or (not behind and cut.target not in ends):
        return ()
    return (*before, cut, *behind)


def _shortest(flow: Flow, start: int, ends: Sequence[int], *, is_carried: bool) -> Way:
    """Return the shortest way to one of `ends`; empty when it is the start."""
    came: dict[int, Link | None] = {start: None}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here in ends:
            return _back(came, here)
        for link in flow.onward.get(here, ()):
            if link.target not in came and (link.carries or not is_carried):
                came[link.target] = link
                waiting.append(link.target)
    return ()


def _back(came: dict[int, Link | None], end: int) -> Way:
    found: list[Link] = []
    link = came[end]
    while link is not None:
        found.append(link)
        link = came[link.source]
    return tuple(reversed(found))


def rows_of(trace: Trace, value: int, way: Way, describe: Describe) -> list[PathStep]:
    """Write a way as rows, the first cut and those behind it marked."""
    rows = [PathStep(step_text(trace, value), site_of(trace, value), value=value)]
    for link in way:
        is_lost = trace.graph.values[link.source].requires_grad and not link.carries
        cut = describe(link) if is_lost else None
        mark = "" if cut is None else cut.mark
        if link.is_outside:
            rows.append(_outside(trace, link, mark))
            mark = ""
        rows.append(
            PathStep(
                text=step_text(trace, link.target),
                site=site_of(trace, link.target),
                value=link.target,
                op=trace.graph.values[link.target].op,
                mark=mark,
            )
        )
    return _shorten(rows)


def step_text(trace: Trace, value: int) -> str:
    """Write a value as an assignment: `h = encoder(x)`."""
    found = trace.graph.values[value]
    op = None if found.op is None else trace.graph.ops[found.op]
    has_expression = (
        op is not None
        and op.site is not None
        and len(op.outputs) == 1
        and trace.has_own_expression(op)
    )
    if not has_expression or op is None or op.site is None:
        return trace.title_of(value)
    expression = one_line(op.site.expression)
    if found.name is None or found.name == expression:
        return expression
    return f"{found.name} = {expression}"


def _outside(trace: Trace, link: Link, mark: str) -> PathStep:
    """Write what took numbers out of torch."""
    op = None if link.op is None else trace.graph.ops[link.op]
    if op is None or op.site is None:
        text = f"`{link.name}`, outside of torch" if link.name else "outside of torch"
        return PathStep(text.replace("`", ""), mark=mark)
    return PathStep(
        one_line(op.site.expression) or op.name, op.site, op=op.id, mark=mark
    )


def _shorten(rows: list[PathStep]) -> list[PathStep]:
    """Leave out the middle of long stretches without a cut."""
    if len(rows) <= _MOST_ROWS:
        return rows
    kept = {*range(_KEPT_HEAD), *range(len(rows) - _KEPT_AROUND - 1, len(rows))}
    for index, row in enumerate(rows):
        if row.mark:
            kept.update(range(index - _KEPT_AROUND, index + _KEPT_AROUND + 1))
    found: list[PathStep] = []
    left = 0
    for index, row in enumerate(rows):
        if index not in kept:
            left += 1
            continue
        if left:
            found.append(PathStep(f"… {left} more"))
            left = 0
        found.append(row)
    return found
