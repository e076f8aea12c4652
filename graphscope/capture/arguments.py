"""An op's arguments as values and text, in the order of the user's expression."""

from collections.abc import Iterator, Mapping, Sequence
from re import compile as pattern
from typing import Any, Final, Protocol

import torch

from graphscope.capture.identity import TensorTable
from graphscope.capture.reader import UNREAD
from graphscope.capture.records import RawValue
from graphscope.capture.sites import Spot
from graphscope.capture.tensors import flatten_tensors
from graphscope.model.graph import ValueKind
from graphscope.model.site import Site

Described = tuple[str, RawValue | None, str]

_DOTTED: Final = pattern(r"^[^\W\d]\w*(\.[^\W\d]\w*|\[\d+\])*$")
_ARITHMETIC: Final = frozenset(
    {"add", "sub", "mul", "div", "true_divide", "floor_divide", "remainder", "fmod"}
    | {"pow", "matmul", "maximum", "minimum"}
    | {"rsub", "rdiv", "rtruediv", "rpow", "rfloordiv", "rmod", "rmul", "radd"}
    | {"floordiv", "truediv", "mod"}
)
_REFLECTED: Final = frozenset({"rsub", "rdiv", "rtruediv", "rpow", "rfloordiv", "rmod"})
_ORDERED: Final = frozenset(
    {"sub", "div", "true_divide", "truediv", "floor_divide", "floordiv", "pow"}
    | {"remainder", "mod", "fmod", "matmul"}
)
"""What has a reflected name of its own where the tensor stands at the right."""

_MAX_TEXT: Final = 60
_LARGE: Final = 2**63


class CallLike(Protocol):
    """What this module needs of a call."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: list[tuple[str, torch.Tensor]]
    versions: list[int | None]
    constants: dict[int | str, RawValue]
    texts: set[int | str]
    silent: list[torch.Tensor]


def plain_name(name: str) -> str:
    """Strip underscores: `__rsub__`, `sub_` and `_softmax` are about the operator.

    >>> [plain_name(n) for n in ("__rsub__", "sub_", "__isub__", "linear")]
    ['rsub', 'sub', 'sub', 'linear']
    """
    bare = name.strip("_")
    is_in_place = name.startswith("__i") and bare[1:] in _ARITHMETIC
    return bare[1:] if is_in_place else bare


def describe_arguments(
    call: CallLike, *, spot: Spot | None, site: Site | None, table: TensorTable
) -> list[Described]:
    """Return `(keyword, value, text)` of each argument worth showing.

    Tensors become the values that the call read: for one that it changed in place the
    version from before. Numbers of arithmetic become constants. `spot` is None when
    the user did not write this very call.
    """
    known = _known_name(call, table)
    texts = _operand_texts(call, spot, known)
    described: list[Described] = []
    for position, argument in enumerate(call.args):
        text = texts[position] if position < len(texts) else ""
        found = list(
            _describe(call, argument, keyword="", text=text, site=site, table=table)
        )
        _remember(call, position, text, found)
        described += found
    keywords = dict(spot.keywords) if spot is not None else {}
    for keyword, argument in call.kwargs.items():
        text = keywords.get(keyword, "")
        found = list(
            _describe(
                call, argument, keyword=keyword, text=text, site=site, table=table
            )
        )
        _remember(call, keyword, text, found)
        described += found
    return _in_user_order(call, described, spot, known)


def _remember(
    call: CallLike, place: int | str, text: str, found: Sequence[Described]
) -> None:
    """Note for the call's recipe what its record shows of an argument."""
    if text:
        call.texts.add(place)
    for _, value, _ in found:
        if value is not None and value.kind is ValueKind.CONSTANT:
            call.constants[place] = value


def _known_name(call: CallLike, table: TensorTable) -> str | None:
    """Return the name that the first argument has already, if it is a tensor."""
    first = call.args[0] if call.args else None
    entry = table.entry(first) if isinstance(first, torch.Tensor) else None
    return None if entry is None else entry.value.name


def _operand_texts(
    call: CallLike, spot: Spot | None, known: str | None
) -> tuple[str, ...]:
    """Return the user's text of each positional argument, as far as they line up."""
    if spot is None:
        return ()
    texts = spot.operands
    if spot.is_method:
        receiver = _is_tensor_method(call)
        texts = texts if receiver else texts[1:]
    plain = []
    for text in texts:
        if text.startswith("*"):
            break
        plain.append(text)
    return tuple(_reorder(call, spot, plain, known))


def _is_tensor_method(call: CallLike) -> bool:
    func = getattr(call, "func", None)
    if getattr(func, "__objclass__", None) is torch._C.TensorBase:
        return True
    qualified = getattr(func, "__qualname__", "")
    return qualified.startswith(("Tensor.", "TensorBase.", "_TensorBase."))


def _reorder(
    call: CallLike, spot: Spot, texts: list[str], known: str | None
) -> list[str]:
    """Operators hand the tensor over first: `3 * y` arrives as `(y, 3)`."""
    is_pair = spot.is_operator and len(texts) == len(call.args) == 2  # noqa: PLR2004
    return texts[::-1] if is_pair and is_swapped(call, spot, known) else texts


def is_swapped(call: CallLike, spot: Spot, known: str | None) -> bool:
    """Whether the tensor in front of `call.args` stands at the right in the source.

    `known` is the name that the tensor has already.
    """
    if plain_name(call.name) in _REFLECTED:
        return True
    if not spot.is_operator or len(call.args) != len(spot.operands):
        return False
    if plain_name(call.name) in _ORDERED:
        return False
    if isinstance(call.args[-1], torch.Tensor) or len(call.args) != 2:  # noqa: PLR2004
        return False
    left, right = spot.literals
    if left or right:
        return left
    if known in spot.operands and spot.operands.count(known) == 1:
        return known == spot.operands[1]
    # Neither is a literal: `lr * w.grad`. A number has no attribute `grad`, and is
    # more often a bare name than an expression.
    left_text, right_text = spot.operands
    return bool(_DOTTED.match(left_text)) and (
        not _DOTTED.match(right_text) or ".grad" in right_text
    )


def _in_user_order(
    call: CallLike, described: list[Described], spot: Spot | None, known: str | None
) -> list[Described]:
    is_pair = len(described) == 2  # noqa: PLR2004 - a binary operator
    if is_pair and spot is not None and is_swapped(call, spot, known):
        return described[::-1]
    if is_pair and spot is None and plain_name(call.name) in _REFLECTED:
        return described[::-1]
    return described


def _describe(
    call: CallLike,
    argument: Any,
    *,
    keyword: str,
    text: str,
    site: Site | None,
    table: TensorTable,
) -> Iterator[Described]:
    if isinstance(argument, torch.Tensor):
        value = _value_before(call, argument, site=site, table=table)
        name_by_use(table, value, text)
        yield keyword, value, text or value.name or ""
    elif _is_constant(call, argument):
        constant = _constant(argument, text, table)
        yield keyword, constant, text or constant.name or ""
    elif any(True for _ in flatten_tensors(argument)):
        for path, tensor in flatten_tensors(argument):
            value = _value_before(call, tensor, site=site, table=table)
            yield keyword + path, value, value.name or ""
    elif argument is not None:
        yield keyword, None, text or _literal(argument)


def _value_before(
    call: CallLike, tensor: torch.Tensor, *, site: Site | None, table: TensorTable
) -> RawValue:
    """Return the value that `call` read, also when it has overwritten the tensor."""
    before = next(
        v for (_, t), v in zip(call.tensors, call.versions, strict=True) if t is tensor
    )
    known = table.entry(tensor)
    is_changed = before is not None and (
        before != tensor._version or any(t is tensor for t in call.silent)
    )
    if not is_changed:
        return _placed(table.resolve(tensor, site), site)
    old = known.value if known is not None and known.version == before else None
    if old is not None and old.step == table.step:
        return _placed(old, site)
    value = table.make_value(tensor, site=site)
    value.seen = UNREAD if old is None or old.seen is None else old.seen
    if old is not None:
        value.name, value.kind, value.owner = old.name, old.kind, old.owner
        value.alias_of = old.alias_of
    if value.kind is ValueKind.CARRIED:
        value.kind = ValueKind.INPUT
    if known is not None:
        known.value = value
    return value


def _placed(value: RawValue, site: Site | None) -> RawValue:
    """Give a value that was read before its place was known that place."""
    if value.site is None:
        value.site = site
    return value


def name_by_use(table: TensorTable, value: RawValue, text: str) -> None:
    """A value without a name gets the one that it is used under."""
    if value.name is None and _DOTTED.match(text):
        table.change(value, "name", text.removeprefix("self."))


def _is_constant(call: CallLike, argument: Any) -> bool:
    is_whole = type(argument) is int and -_LARGE <= argument < _LARGE
    return (is_whole or isinstance(argument, float)) and (
        plain_name(call.name) in _ARITHMETIC
    )


def _constant(number: float, text: str, table: TensorTable) -> RawValue:
    """Make a value of a Python number; its name is what the user wrote."""
    name = text if _DOTTED.match(text) else repr(number)
    return RawValue(
        kind=ValueKind.CONSTANT,
        shape=(),
        dtype="int64" if isinstance(number, int) else "float64",
        name=name.removeprefix("self."),
        seen=table.readings.put_number(number),
        step=table.step,
    )


def _literal(argument: Any) -> str:
    """Write an argument that is not a tensor, without running foreign code."""
    if isinstance(argument, bool | int | float | complex | str):
        return repr(argument)[:_MAX_TEXT]
    if isinstance(argument, torch.dtype | torch.device | slice):
        return str(argument)
    if isinstance(argument, Sequence) and len(argument) <= 8:  # noqa: PLR2004
        inner = ", ".join(_literal(item) for item in argument)
        return f"[{inner}]"[:_MAX_TEXT]
    return type(argument).__name__
