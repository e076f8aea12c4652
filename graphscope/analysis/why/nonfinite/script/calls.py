"""A recorded call as Python text that calls the same operator again.

A recording is a stranger's: only operators of torch's that are known here are written
down, and of their arguments only what is a literal. Nothing else of its text becomes
code.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Final

from graphscope.analysis.evidence.facts import SAME_NUMBERS, plain_name
from graphscope.analysis.replay.binding import straighten_arguments
from graphscope.analysis.replay.formulas.table import FORMULAS, base_name
from graphscope.analysis.replay.literals import Named, Unknown, read_literal
from graphscope.analysis.why.nonfinite.script.writing import Names
from graphscope.errors import NotRecordedError
from graphscope.model.graph import Argument, Op, Value

_OPERATORS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("add", "iadd", "radd"), "+"),
    **dict.fromkeys(("sub", "isub", "rsub", "subtract"), "-"),
    **dict.fromkeys(("mul", "imul", "rmul", "multiply"), "*"),
    **dict.fromkeys(("div", "idiv", "rdiv", "true_divide", "rtruediv"), "/"),
    **dict.fromkeys(("pow", "rpow", "ipow"), "**"),
    **dict.fromkeys(("matmul", "rmatmul"), "@"),
}
_METHODS: Final = ("torch.Tensor.", "torch.TensorBase.")
_MODULES: Final = frozenset(
    {"torch", "torch.functional", "torch.nn.functional", "torch.special"}
    | {"torch.linalg", "torch._C._nn", "torch._C._special", "torch._C._linalg"}
    | {"torch._C._VariableFunctions"}
)
_BESIDE_FORMULAS: Final = frozenset(
    {"eigh", "eigvalsh", "svd", "inv", "solve", "det", "logdet", "slogdet", "cdist"}
    | {"std_mean", "var_mean", "nanmean", "entr", "xlog1py", "erfinv", "lgamma"}
    | {"digamma", "pinv", "cholesky", "matrix_exp", "getitem", "ctc_loss", "normalize"}
    | {"vector_norm", "norm", "cosine_similarity", "pairwise_distance", "logit"}
)
_PROPERTIES: Final = frozenset({"T", "mT", "H", "mH", "real", "imag"})
_ITEM: Final = re.compile(r"(?P<keyword>\w*)\[\d+\]")
_PAIR: Final = 2


def call_text(op: Op, values: Sequence[Value], names: Names) -> str:
    """Write the call of an op.

    Raises:
        NotRecordedError: An argument was a variable of Python's, or the op is none
            that can be called again.
    """
    arguments = straighten_arguments(op, values)
    texts = list(_argument_texts(op, arguments, values, names))
    sign = _OPERATORS.get(plain_name(op))
    plain = [text for key, text in texts if not key]
    if sign and len(texts) == len(plain) == _PAIR:
        return f"{plain[0]} {sign} {plain[1]}"
    module, _, name = op.target.rpartition(".")
    _require_known(op, module, name)
    if op.name.endswith("_") and plain:
        texts[0] = "", f"{plain[0]}.clone()"
    if f"{module}." in _METHODS:
        return _method(name, texts)
    return f"{op.target}({_joined(texts)})"


def _require_known(op: Op, module: str, name: str) -> None:
    is_method = f"{module}." in _METHODS
    is_named = name.isidentifier() and name.strip("_") == plain_name(op)
    known = {plain_name(op), base_name(op)}
    is_known = not known.isdisjoint({*FORMULAS, *_BESIDE_FORMULAS, *SAME_NUMBERS})
    if (is_method or module in _MODULES) and is_named and is_known:
        return
    raise NotRecordedError(
        f"A script cannot call {plain_name(op)}{_place(op)} again: it is none of the "
        "functions of torch's that are known here. Reproduce it in your own code, with "
        "the recorded numbers."
    )


def _method(name: str, texts: Sequence[tuple[str, str]]) -> str:
    (_, first), *rest = texts
    if name in _PROPERTIES:
        return f"{first}.{name}"
    if name == "__getitem__":
        return f"{first}[{', '.join(text for _, text in rest)}]"
    return f"{first}.{name}({_joined(rest)})"


def _joined(texts: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{key}={text}" if key else text for key, text in texts)


def _argument_texts(
    op: Op, arguments: Sequence[Argument], values: Sequence[Value], names: Names
) -> Iterator[tuple[str, str]]:
    """Yield keyword and text; tensors of one sequence come as one list."""
    waiting: tuple[str, list[str]] | None = None
    for argument in arguments:
        item = None if argument.value is None else _ITEM.fullmatch(argument.name)
        if waiting is not None and (item is None or waiting[0] != item["keyword"]):
            yield waiting[0], f"[{', '.join(waiting[1])}]"
            waiting = None
        text = _argument_text(op, argument, values, names)
        if item is None:
            yield argument.name, text
        else:
            waiting = waiting or (item["keyword"], [])
            waiting[1].append(text)
    if waiting is not None:
        yield waiting[0], f"[{', '.join(waiting[1])}]"


def _argument_text(
    op: Op, argument: Argument, values: Sequence[Value], names: Names
) -> str:
    item = _ITEM.fullmatch(argument.name)
    key = item["keyword"] if item else argument.name
    if argument.value is not None and (not key or key.isidentifier()):
        return names.of(values[argument.value])
    found = literal_text(read_literal(argument.text))
    if found is None or (key and not key.isidentifier()):
        raise NotRecordedError(
            f"A script cannot call {plain_name(op)}{_place(op)} again: its argument "
            f"{argument.name or argument.text!r} was a variable, whose value is not in "
            "the recording. Write the number itself there and record again."
        )
    return found


def literal_text(value: object) -> str | None:
    """Write a literal of a recording anew; None for what is none.

    >>> literal_text(read_literal("(0, slice(None, 2, None))"))
    '(0, slice(None, 2, None))'
    >>> literal_text(read_literal('float("-inf")')), literal_text(read_literal("eps"))
    ('-inf', None)
    """
    match value:
        case Unknown():
            return None
        case Named(name=name):
            return f"torch.{name}" if name.isidentifier() else None
        case tuple() | list():
            items = [literal_text(item) for item in value]
            known = [item for item in items if item is not None]
            if len(known) < len(items):
                return None
            comma = "," if isinstance(value, tuple) and len(known) == 1 else ""
            inner = f"{', '.join(known)}{comma}"
            return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
        case float() if not isfinite(value):
            return repr(value)
        case slice(start=start, stop=stop, step=step):
            parts = [literal_text(part) for part in (start, stop, step)]
            return None if None in parts else f"slice({', '.join(map(str, parts))})"
        case bool() | int() | float() | complex() | str() | None:
            return repr(value)
    return "..." if value is Ellipsis else None


def _place(op: Op) -> str:
    return "" if op.site is None else f" at {op.site.short}"
