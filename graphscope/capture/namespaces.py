"""The variables of the user's running functions, read without a trace of the reading.

Separate from the search for who holds a tensor, because this is the delicate part:
before Python 3.13 `frame.f_locals` of a function is a copy which stays with the frame
and keeps all that it holds alive.
"""

import dis
import inspect
import linecache
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType, ModuleType
from typing import Any, Final

from graphscope.capture.contents import mro_of, namespace_of
from graphscope.capture.frames import FrameWalker, Owner

_MOST_FRAMES: Final = 32
_LONGEST_TEXT: Final = 200_000
_OWN_REFERENCES: Final = 3  # to the copy: the frame's, ours, and that of the question
_HAS_PROXIES: Final = sys.version_info >= (3, 13)
_LIBRARIES: Final = tuple(
    {
        sysconfig.get_path(name)
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
)
_OURS: Final = __name__.partition(".")[0]
_DICT_OF: Final[Callable[[Any], dict[Any, Any]]] = namespace_of(ModuleType)[
    "__dict__"
].__get__
_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_READERS: Final = frozenset({"locals", "vars", "dir", "eval", "exec"})


@dataclass(frozen=True, slots=True)
class Namespace:
    """Some variables: where they are valid, and what they are now."""

    function: str
    file: str
    variables: list[tuple[str, Any]]


def user_frames(walker: FrameWalker, frame: FrameType | None) -> list[FrameType]:
    """Return the user's frames from `frame` outwards, the innermost first."""
    found: list[FrameType] = []
    while frame is not None and len(found) < _MOST_FRAMES:
        if walker.owner(frame.f_code) is Owner.USER:
            found.append(frame)
        frame = frame.f_back
    return found


def namespaces_of(frames: list[FrameType]) -> Iterator[tuple[Namespace, ...]]:
    """Yield the variables of each function and of its module, the innermost first."""
    seen: set[int] = set()
    for frame in frames:
        code, space = frame.f_code, frame.f_globals
        file = code.co_filename
        found = []
        if code.co_flags & inspect.CO_OPTIMIZED:
            found.append(Namespace(code.co_qualname, file, locals_of(frame)))
        if type(space) is dict and id(space) not in seen:
            seen.add(id(space))
            found.append(Namespace("<module>", file, texts_of(space)))
        yield tuple(found)


def user_modules() -> Iterator[tuple[str, Namespace]]:
    """Yield the modules that were imported from files of the user's, by name."""
    for name, module in list(sys.modules.items()):
        if ModuleType not in mro_of(type(module)) or name.partition(".")[0] == _OURS:
            continue
        space = _DICT_OF(module)
        file = space.get("__file__")
        if type(file) is str and not file.startswith(_LIBRARIES):
            variables = [(f"{name}.{key}", v) for key, v in texts_of(space)]
            yield name, Namespace("<module>", file, variables)


def texts_about(words: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of the user's modules that speak of one of some words."""
    for _, module in user_modules():
        text = "".join(linecache.getlines(module.file))
        if len(text) <= _LONGEST_TEXT and any(word in text for word in words):
            yield module.file, text


def locals_of(frame: FrameType) -> list[tuple[str, Any]]:
    """Return the variables of a function that runs; leaves no copy of them behind.

    Nothing where a copy may be somebody else's: the function asks for its variables
    itself, or Python's tracing is on, which writes such copies back.
    """
    if _HAS_PROXIES:
        return list(frame.f_locals.items())
    if _reads_variables(frame.f_code) or sys.gettrace() or sys.getprofile():
        return []
    copy: object = frame.f_locals
    if type(copy) is not dict:
        return []
    found = texts_of(copy)
    if sys.getrefcount(copy) <= _OWN_REFERENCES:
        copy.clear()
    return found


def _reads_variables(code: CodeType) -> bool:
    """Whether a function calls `locals()` or the like; `model.eval()` is not that."""
    return not _READERS.isdisjoint(code.co_names) and any(
        instruction.opname in _LOADS and instruction.argval in _READERS
        for instruction in dis.get_instructions(code)
    )


def texts_of(space: dict[Any, Any]) -> list[tuple[str, Any]]:
    """Return the entries of a namespace; a key that is no text is no variable."""
    return [(name, found) for name, found in dict.items(space) if type(name) is str]
