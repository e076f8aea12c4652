"""How a field of a graph becomes JSON-able data, and what is accepted on the way back.

Separate from `codec`, which lists what a graph consists of: here nothing knows of ops
or values, only of integers, texts, sites and rows of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from functools import partial
from typing import Any, Final

from graphscope.model.site import Frame, Site

MAX_ITEMS: Final = 2_000_000
"""Most entries of any one list in a graph."""
MAX_TEXT: Final = 1 << 20
"""Most characters of any one text in a graph."""
MAX_DIMS: Final = 64
"""Most axes of a shape, as in torch."""

_INT_LIMIT: Final = 1 << 63


class MalformedError(Exception):
    """Data that is no graph; the text says where and why."""


@dataclass(slots=True)
class Tables:
    """The sites and frames of one graph, each with its position."""

    frames: dict[Frame, int] = field(default_factory=dict)
    sites: dict[Site, int] = field(default_factory=dict)
    site_list: list[Site] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of field is written and read."""

    encode: Callable[[Any, Tables], Any]
    decode: Callable[[Any, Tables], Any]


def _plain(check: Callable[[Any], Any]) -> Form:
    return Form(lambda item, _: item, lambda item, _: check(item))


def check_int(item: Any) -> int:
    """Return an integer of a file, which has at most 64 bits."""
    if type(item) is not int or not -_INT_LIMIT <= item < _INT_LIMIT:
        raise MalformedError("is not a 64-bit integer")
    return item


def check_text(item: Any) -> str:
    """Return a text of a file, which is not too long."""
    if type(item) is not str or len(item) > MAX_TEXT:
        raise MalformedError("is not a text, or too long")
    return item


def _check_bool(item: Any) -> bool:
    if type(item) is not bool:
        raise MalformedError("is neither true nor false")
    return item


def check_list(item: Any, most: int = MAX_ITEMS) -> list[Any]:
    """Return a list of a file, which is not too long."""
    if type(item) is not list or len(item) > most:
        raise MalformedError("is not a list, or too long")
    return item


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda item: None if item is None else check(item)


def _row(
    check: Callable[[Any], Any], *, most: int = MAX_ITEMS, length: int | None = None
) -> Form:
    def decode(item: Any, _: Tables) -> tuple[Any, ...]:
        found = check_list(item, most)
        if length is not None and len(found) != length:
            raise MalformedError(f"has {len(found)} entries instead of {length}")
        return tuple(map(check, found))

    return Form(lambda item, _: list(item), decode)


def _check_size(item: Any) -> int:
    if check_int(item) < 0:
        raise MalformedError("has a negative size")
    return int(item)


def enum_form(kind: type[Enum]) -> Form:
    """Return the form of a member of `kind`: its value."""
    members = {member.value: member for member in kind}
    plain = type(next(iter(members)))

    def decode(item: Any, _: Tables) -> Enum:
        if type(item) is not plain or item not in members:
            raise MalformedError(f"is no {kind.__name__}")
        return members[item]

    return Form(lambda item, _: item.value, decode)


def _encode_site(site: Site | None, tables: Tables) -> int | None:
    if site is None:
        return None
    return tables.sites.setdefault(site, len(tables.sites))


def _decode_site(item: Any, tables: Tables) -> Site | None:
    if item is None:
        return None
    if not 0 <= check_int(item) < len(tables.site_list):
        raise MalformedError(f"refers to site {item} of {len(tables.site_list)}")
    return tables.site_list[int(item)]


INT: Final = _plain(check_int)
MAYBE_INT: Final = _plain(_optional(check_int))
TEXT: Final = _plain(check_text)
TEXTS: Final = _row(check_text)
MAYBE_TEXT: Final = _plain(_optional(check_text))
BOOL: Final = _plain(_check_bool)
MAYBE_BOOL: Final = _plain(_optional(_check_bool))
INTS: Final = _row(check_int)
MAYBE_INTS: Final = _row(_optional(check_int))
SHAPE: Final = _row(_check_size, most=MAX_DIMS)
PAIR: Final = _row(check_int, length=2)
SITE: Final = Form(_encode_site, _decode_site)


class Record:
    """The form of one dataclass: an object with its fields, defaults left out."""

    def __init__(self, dataclass_: type[Any], key: str = "", /, **forms: Form) -> None:
        names = {entry.name for entry in fields(dataclass_)} - {key}
        if names != set(forms):
            raise TypeError(f"{dataclass_.__name__}: forms for {sorted(forms)}")
        self._kind = dataclass_
        self._key = key
        self._forms: Mapping[str, Form] = forms
        self._defaults = {e.name: e.default for e in fields(dataclass_)}
        self._required = {n for n in names if self._defaults[n] is MISSING}

    def encode(self, item: Any, tables: Tables) -> dict[str, Any]:
        """Write one object."""
        data = {}
        for name, form in self._forms.items():
            found = getattr(item, name)
            if found != self._defaults[name]:
                data[name] = form.encode(found, tables)
        return data

    def decode(self, item: Any, tables: Tables, position: int = 0) -> Any:
        """Read one object, which stands at `position` of its list."""
        if type(item) is not dict:
            raise MalformedError("is not an object")
        if not self._required <= item.keys():
            missing = sorted(self._required - item.keys())
            raise MalformedError(f"lacks {missing[0]}")
        read: dict[str, Any] = {self._key: position} if self._key else {}
        for name, found in item.items():
            form = self._forms.get(name)
            if form is None:
                raise MalformedError(f"has an unknown field {name[:40]!r}")
            try:
                read[name] = form.decode(found, tables)
            except MalformedError as reason:
                raise MalformedError(f".{name} {reason}") from None
        return self._kind(**read)

    def many(self) -> Form:
        """Return the form of a tuple of such objects."""
        return Form(
            lambda items, tables: [self.encode(item, tables) for item in items],
            self._decode_many,
        )

    def _decode_many(self, items: Any, tables: Tables) -> tuple[Any, ...]:
        return tuple(each(check_list(items), partial(self._decode_at, tables)))

    def _decode_at(self, tables: Tables, position: int, item: Any) -> Any:
        return self.decode(item, tables, position)


def each(items: Iterable[Any], decode: Callable[[int, Any], Any]) -> Iterator[Any]:
    """Decode the entries of a list; what is wrong with one says which it is."""
    for position, item in enumerate(items):
        try:
            yield decode(position, item)
        except MalformedError as reason:
            raise MalformedError(f"[{position}] {reason}") from None
