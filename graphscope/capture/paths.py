"""How the user's code reaches an object: `losses`, `self.history['loss']`.

Names are read off the objects of one path, from a variable on. As in
`graphscope.capture.contents`, no code of the user's runs for that.
"""

import re
import types
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from graphscope.capture.contents import mro_of, namespace_of

_MOST_ITEMS: Final = 20_000
_LONGEST_KEY: Final = 40
_SUBMODULE: Final = re.compile(r"\._modules\['([^'\\]+)'\]")
_ITEM: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Link:
    """How one object on a path is reached from the one before.

    Attributes:
        text: What follows the name so far: `.history`, `[3]`; None when that cannot
            be written.
        is_name: Whether it is a name of its own: a variable that a closure has.
    """

    text: str | None
    is_name: bool = False


def name_path(
    variable: str, objects: Sequence[Any], *, holds_many: bool
) -> tuple[str, list[Any]]:
    """Return how the container is reached that holds what a path ends with.

    That is the first one on the path whose entries have only a place in it: of a list
    of tuples it is the list. Also returned is the path from there on; nothing of it
    where the name is that of the tensor itself.

    Args:
        variable: Name of the variable that the path begins at.
        objects: What it holds, what that holds, and so on; the last is a tensor.
        holds_many: Whether the last container has several of the tensors.
    """
    name, pairs = variable, list(_pairs(objects))
    for number, (before, found) in enumerate(pairs, 1):
        link = find_link(before, found)
        is_shared = holds_many and number == len(pairs)
        if link.text is None or _ITEM.fullmatch(link.text) or is_shared:
            return _pretty(name), [before, *(found for _, found in pairs[number - 1 :])]
        name = link.text if link.is_name else name + link.text
    return _pretty(name), []


def _pretty(name: str) -> str:
    return _SUBMODULE.sub(r".\1", name)


def _pairs(objects: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield neighbours; an instance and its dictionary of attributes are one."""
    index = 0
    while index < len(objects) - 1:
        before, found = objects[index], objects[index + 1]
        if index + 2 < len(objects) and attributes_of(before) is found:
            index += 1
            found = objects[index + 1]
        yield before, found
        index += 1


def find_link(before: Any, found: Any) -> Link:
    """Return how `found` is reached from `before`, which holds it."""
    kind = type(before)
    if kind is types.FunctionType:
        return _name_cell(before, found)
    if kind is types.CellType or found is kind:
        return Link("")  # what a cell holds, an attribute of the class
    if type in mro_of(kind):
        return _find_attribute(namespace_of(before), found)
    for look in (_find_own, _find_slot, _find_item):
        link = look(before, found)
        if link.text is not None:
            return link
    return Link(None)


def attributes_of(found: Any) -> dict[Any, Any] | None:
    """Return the attributes of an instance, None when it has no dictionary of them."""
    for base in mro_of(type(found)):
        entry = namespace_of(base).get("__dict__")
        if type(entry) is types.GetSetDescriptorType:
            space = entry.__get__(found)
            return space if type(space) is dict else None
    return None


def _find_own(before: Any, found: Any) -> Link:
    space = attributes_of(before)
    return Link(None) if space is None else _find_attribute(space, found)


def _find_attribute(space: Any, found: Any) -> Link:
    for name, value in list(space.items()):
        if value is found and type(name) is str:
            return Link(f".{name}")
    return Link(None)


def _find_slot(before: Any, found: Any) -> Link:
    for base in mro_of(type(before)):
        for name, entry in list(namespace_of(base).items()):
            is_slot = type(entry) is types.MemberDescriptorType
            if is_slot and _read_slot(entry, before) is found:
                return Link(f".{name}")
    return Link(None)


def _read_slot(entry: types.MemberDescriptorType, before: Any) -> Any:
    try:
        return entry.__get__(before)
    except AttributeError:  # it is empty
        return None


def _find_item(before: Any, found: Any) -> Link:
    bases = mro_of(type(before))
    if dict in bases:
        items = islice(dict.items(before), _MOST_ITEMS)
        return Link(next((_key_text(k) for k, one in items if one is found), None))
    for base in (list, tuple, deque):
        if base in bases:
            entries = enumerate(islice(base.__iter__(before), _MOST_ITEMS))
            return Link(next((f"[{i}]" for i, one in entries if one is found), None))
    return Link(None)


def _name_cell(function: Any, found: Any) -> Link:
    """Name what a function holds: a variable from around it, or a default value."""
    code, defaults = function.__code__, function.__defaults__ or ()
    first = code.co_argcount - len(defaults)
    named = (
        *zip(code.co_freevars, function.__closure__ or (), strict=False),
        *zip(code.co_varnames[first : code.co_argcount], defaults, strict=False),
        *(function.__kwdefaults__ or {}).items(),
    )
    name = next((name for name, held in named if held is found), None)
    return Link(name, is_name=True)


def _key_text(key: object) -> str | None:
    if type(key) is int:
        return f"[{key}]"
    if type(key) is str and len(key) <= _LONGEST_KEY:
        return f"[{key!r}]"
    return None
