"""How the findings about parameters outside of the optimizer are worded."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope.analysis.evidence.wording import listing, norm_of, where
from graphscope.analysis.why.updates.look import Leaf, Run
from graphscope.model.finding import Finding
from graphscope.model.numbers import format_type
from graphscope.model.optimizers import HeldParameter
from graphscope.model.trace import Trace


@dataclass(frozen=True, slots=True)
class Outsider:
    """A parameter that gets gradients outside of the optimizers; where it is first."""

    leaf: Leaf
    trace: Trace


def tell_outside(
    runs: Sequence[Run], outsiders: Sequence[Outsider], steps: int
) -> Finding:
    """Tell that an optimizer was not given some parameters."""
    run, first = runs[0], outsiders[0]
    names = _names(outsiders)
    is_one = len(names) == 1
    them = "it" if is_one else "them"
    holds = [f"`{held.name}`" for held in run.held if held.name]
    held = f" It holds {listing(holds)}." if holds and len(runs) == 1 else ""
    return Finding(
        kind="not-updated",
        title=f"{listing(names)} {'is' if is_one else 'are'} not in the optimizer",
        explanation=(
            f"Backward{where(first.leaf.site)} gives {listing(names)} "
            f"{'a gradient' if is_one else 'gradients'}{_size(outsiders)}, but "
            f"{listing([f'the {_made(run)}' for run in runs])} "
            f"{'does' if len(runs) == 1 else 'do'} not hold {them}, and no other "
            f"optimizer has run: no update moves {them} in {_steps(steps)}.{held}"
        ),
        remedy=_remedy(run, outsiders),
        step=first.trace.step,
        site=run.place,
        values=_values(outsiders),
        numbers=_numbers(outsiders),
    )


def tell_replaced(
    run: Run, pairs: Sequence[tuple[Outsider, HeldParameter]], steps: int
) -> Finding:
    """Tell that an optimizer holds what other parameters have replaced."""
    outsiders = [one for one, _ in pairs]
    names = _names(outsiders)
    first, old = pairs[0]
    is_one = len(names) == 1
    rest = "" if is_one else f" It is the same with {listing(names[1:])}."
    return Finding(
        kind="replaced-parameter",
        title=f"The optimizer holds what {listing(names)} "
        f"{'has' if is_one else 'have'} replaced",
        explanation=(
            f"The {_made(run)} holds a tensor {format_type(old.dtype, old.shape)} that "
            f"no op reads in {_steps(steps)}, and that gets no gradient. {names[0]} is "
            f"another tensor, {format_type(old.dtype, first.leaf.shape)}: it took the "
            f"place of that one after the optimizer was made. Backward"
            f"{where(first.leaf.site)} gives it a gradient{_size([first])}, but no "
            f"optimizer holds it, so no update moves it.{rest}"
        ),
        remedy=(
            f"Make the optimizer{where(run.made_by)} after the last assignment that "
            f"replaces {listing(names)}, or give it the new "
            f"{'one' if is_one else 'ones'} with `add_param_group`."
        ),
        step=first.trace.step,
        site=run.place,
        values=_values(outsiders),
        numbers=_numbers(outsiders),
    )


def _names(outsiders: Sequence[Outsider]) -> list[str]:
    """Return their names; with the shape where two of them have the same."""
    labels = [one.leaf.label for one in outsiders]
    return [
        f"`{label}`"
        if labels.count(label) == 1
        else f"`{label}` {list(one.leaf.shape)}"
        for label, one in zip(labels, outsiders, strict=True)
    ]


def _values(outsiders: Sequence[Outsider]) -> tuple[int, ...]:
    """Return their ids in the graph of the first one's step."""
    graph = outsiders[0].trace.graph
    return tuple(one.leaf.value for one in outsiders if one.trace.graph is graph)


def _numbers(outsiders: Sequence[Outsider]) -> tuple[tuple[str, float], ...]:
    found = []
    for one in outsiders:
        seen = one.trace.gradient_of(one.leaf.value)
        if seen is not None and seen.stats is not None:
            found.append((f"norm of {one.leaf.key}.grad", seen.stats.l2))
    return tuple(found)


def _size(outsiders: Sequence[Outsider]) -> str:
    """Say how large the gradient of the first one is."""
    one = outsiders[0]
    seen = one.trace.gradient_of(one.leaf.value)
    if seen is None:
        return ""
    name = "" if len(outsiders) == 1 else f"for {_names(outsiders)[0]} "
    return f" ({name}{norm_of(seen)} in step {one.trace.step})"


def _steps(steps: int) -> str:
    return "the only step" if steps == 1 else f"{steps:,} steps"


def _made(run: Run) -> str:
    verb = "made at" if run.made_by is not None else "that runs at"
    place = "" if run.place is None else f" {verb} {run.place.short}"
    return f"{run.class_name}{place}"


def _remedy(run: Run, outsiders: Sequence[Outsider]) -> str:
    names = listing(_names(outsiders))
    is_one = len(outsiders) == 1
    unlisted = [one for one in outsiders if one.leaf.root is not None]
    if unlisted and not any(one.leaf.is_listed for one in unlisted):
        return (
            f"Keep the {'module' if is_one else 'modules'} of "
            f"{'this parameter' if is_one else 'these parameters'} in an "
            "`nn.ModuleList` or `nn.ModuleDict`: `parameters()` does not look into a "
            "plain list or dict."
        )
    if is_one:
        them, stay = "it", "it was meant to stay as it is"
    else:
        them, stay = "them", "they were meant to stay as they are"
    return (
        f"Give {names} to the optimizer{where(run.made_by)} too, or freeze {them} with "
        f"`requires_grad_(False)` if {stay}."
    )
