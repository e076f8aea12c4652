"""A name as a breakpoint gives it: exact, or with `*` and `?`."""

import re
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Final

from graphscope.debugger.stepping import is_within

_REMEMBERED: Final = 4096  # answers of one pattern


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a name is compared with.

    Attributes:
        text: The name or glob.
        is_exact: Whether `*` and `?` are plain characters, as in quotes.
    """

    text: str
    is_exact: bool = False
    _glob: re.Pattern[str] | None = field(init=False, compare=False, repr=False)
    _known: dict[str, str] = field(
        init=False, compare=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Compile the glob, if it is one."""
        is_glob = not self.is_exact and any(c in self.text for c in "*?[")
        glob = re.compile(translate(self.text)) if is_glob else None
        object.__setattr__(self, "_glob", glob)

    def matches(self, name: str) -> bool:
        """Whether a name is meant; the empty name never is.

        >>> [Pattern("relu*").matches(n) for n in ("relu", "relu6", "prelu", "")]
        [True, True, False, False]
        """
        if self._glob is None:
            return name == self.text
        return bool(name) and self._glob.match(name) is not None

    def module_around(self, scope: str) -> str:
        """Return the outermost module meant that a scope is, or is inside of.

        >>> Pattern("encoder.layers.*").module_around("encoder.layers.3.attn")
        'encoder.layers.3'
        >>> Pattern("fc").module_around("fc1")
        ''
        """
        if self._glob is None:
            return self.text if is_within(scope, self.text) else ""
        found = self._known.get(scope)
        if found is None:
            found = next(filter(self.matches, outer_modules(scope)), "")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[scope] = found
        return found


def outer_modules(scope: str) -> list[str]:
    """Return a module path and those of the modules around it, outermost first.

    >>> outer_modules("encoder.layers.3")
    ['encoder', 'encoder.layers', 'encoder.layers.3']
    """
    parts = scope.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
