"""Which recorded argument is which parameter of the operator.

A recording leaves out arguments that were None, and gives the others by keyword or in
order. A signature therefore also says which parameters are tensors: a plain value in
the place of one means that a None went before it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from graphscope.analysis.replay.given import Ref
from graphscope.analysis.replay.literals import Unknown, read_literal
from graphscope.model.graph import Argument, Op, Value, ValueKind

_PATH: Final = re.compile(r"^(?P<keyword>\w*)\[(?P<position>\d+)\]$")
_PAIR: Final = 2
_MAX_POSITION: Final = 4_096
_METHODS: Final = ("torch.Tensor.", "torch.TensorBase.")
_REFLECTED: Final = frozenset(
    {"rsub", "rdiv", "rtruediv", "rpow", "rfloordiv", "rmod", "rmatmul"}
)
_ALIASES: Final = {"axis": "dim", "keepdims": "keepdim", "axes": "dim", "self": "input"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a signature.

    Attributes:
        name: torch's name for it.
        takes_tensor: Whether a tensor, or a drawn constant, can be meant by it.
        takes_plain: Whether anything else can.
        is_rest: Whether it takes all positional arguments that are left.
    """

    name: str
    takes_tensor: bool
    takes_plain: bool
    is_rest: bool = False


@cache
def read_signature(text: str) -> tuple[Parameter, ...]:
    """Read a signature: `input weight dim: other~ *sizes`.

    A bare name is a tensor, `dim:` a plain value, `other~` either of them, `*sizes`
    all that is left.

    >>> [p.name for p in read_signature("input dim: *rest") if p.takes_plain]
    ['dim', 'rest']
    """
    return tuple(_parameter(word) for word in text.split())


def _parameter(word: str) -> Parameter:
    name = word.strip("*:~")
    if word.startswith("*"):
        return Parameter(name, takes_tensor=True, takes_plain=True, is_rest=True)
    is_plain = word.endswith((":", "~"))
    return Parameter(name, takes_tensor=not word.endswith(":"), takes_plain=is_plain)


def straighten_arguments(op: Op, values: Sequence[Value]) -> tuple[Argument, ...]:
    """Return the arguments of an op with the tensor that a method is called on first.

    They stand as the user wrote them; for an operator whose operands are both no
    literals that was a guess (`x ** (n + 1)`).
    """
    if len(op.arguments) != _PAIR or not op.target.startswith(_METHODS):
        return op.arguments
    first, second = op.arguments
    if first.name or second.name or second.value is None or op.name in _REFLECTED:
        return op.arguments
    if first.value is None:  # `h[:, 1] += 1` reads `h[:, 1]`, its texts the wrong way
        return (replace(second, text=first.text), replace(first, text=second.text))
    is_number = values[first.value].kind is ValueKind.CONSTANT
    return (second, first) if is_number else op.arguments


def bind_arguments(
    arguments: tuple[Argument, ...], signature: str
) -> Mapping[str, object]:
    """Return parameter name -> argument, for the arguments that were recorded."""
    parameters = iter(read_signature(signature))
    bound: dict[str, object] = {}
    rest: list[object] | None = None
    for keyword, item in _items(arguments):
        if keyword:
            bound[_ALIASES.get(keyword, keyword)] = item
            continue
        if rest is None:
            parameter = _next_that_takes(parameters, item)
            if parameter is None:
                bound[f"#{len(bound)}"] = item  # one too many: formulas do not see it
                continue
            if not parameter.is_rest:
                bound[parameter.name] = item
                continue
            rest = []
            bound[parameter.name] = rest
        rest.append(item)
    return bound


def _next_that_takes(parameters: Iterator[Parameter], item: object) -> Parameter | None:
    is_tensor = isinstance(item, Ref) or _is_tensors(item)
    for parameter in parameters:
        if parameter.takes_tensor if is_tensor else parameter.takes_plain:
            return parameter
    return None


def _is_tensors(item: object) -> bool:
    return isinstance(item, list) and any(isinstance(one, Ref) for one in item)


def _items(arguments: tuple[Argument, ...]) -> Iterator[tuple[str, object]]:
    """Yield keyword and argument; tensors of one sequence come as one list."""
    waiting: tuple[str, list[object]] | None = None
    for argument in arguments:
        path = _PATH.match(argument.name) if argument.value is not None else None
        if waiting is not None and (path is None or _is_new(path, waiting)):
            yield waiting
            waiting = None
        if path is None:
            yield argument.name, _item(argument)
            continue
        waiting = waiting or (path["keyword"], [])
        missing = min(int(path["position"]), _MAX_POSITION) - len(waiting[1])
        waiting[1].extend([Unknown("")] * missing)  # something that is no tensor
        waiting[1].append(_item(argument))
    if waiting is not None:
        yield waiting


def _is_new(path: re.Match[str], waiting: tuple[str, list[object]]) -> bool:
    """Whether a path begins another sequence than the one that is being gathered."""
    return path["keyword"] != waiting[0] or int(path["position"]) < len(waiting[1])


def _item(argument: Argument) -> object:
    if argument.value is not None:
        return Ref(argument.value)
    return read_literal(argument.text)
