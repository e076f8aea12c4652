"""Finding the names that a user may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest_names(wanted: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return the `count` names that look most like `wanted`, best first.

    >>> nearest_names("wieght", ["bias", "weight", "loss"], count=1)
    ['weight']
    """
    pool = sorted(set(names))
    close = get_close_matches(wanted, pool, n=count, cutoff=0.0)
    return close[:count]
