"""How the sizes of gradients are put into a sentence."""

from collections.abc import Sequence

from graphscope.analysis.evidence.wording import amount, listing, norm_of
from graphscope.model.observation import Observation


def one(seen: Observation | None) -> str:
    """Write a gradient: the number itself, or `one of norm 0.25`."""
    text = norm_of(seen)
    return f"one {text}" if text.startswith("of ") else text


def of_size(seen: Observation | None) -> str:
    """Write the size of a gradient behind the word: `of norm 0.25`, `of −3`."""
    text = norm_of(seen)
    return text if text.startswith("of ") else f"of {text}"


def of_sizes(every: Sequence[Observation | None]) -> str:
    """Write the sizes of several gradients behind the word: `of norm 0.25 and 0.5`."""
    stats = [None if seen is None else seen.stats for seen in every]
    texts = [norm_of(seen).removeprefix("of norm ") for seen in every]
    is_norm = any(found is not None and found.numel > 1 for found in stats)
    return f"of {'norm ' * is_norm}{listing(texts)}"


def divided(seen: Observation | None, by: int) -> str:
    """Write what a part of a gradient is, behind a comma; nothing if it is unknown."""
    if seen is None or seen.stats is None:
        return ""
    if seen.scalar is not None and not isinstance(seen.scalar, complex):
        return f", {amount(seen.scalar / by)}"
    return f", of norm {amount(seen.stats.l2 / by)}"
