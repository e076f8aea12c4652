"""Why a grad node sent NaN or Inf although finite numbers reached it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from graphscope.analysis.evidence.facts import plain_name
from graphscope.analysis.evidence.wording import amount
from graphscope.analysis.why.nonfinite.dropping import find_dropped
from graphscope.analysis.why.nonfinite.forward import size_of
from graphscope.analysis.why.nonfinite.mechanism import (
    Mechanism,
    as_object,
    call,
    proven,
)
from graphscope.analysis.why.nonfinite.scene import (
    ZERO,
    Condition,
    Operand,
    Proof,
    Scene,
    equal_to,
)

_NUMBER: Final = re.compile(r"Backward\d*$")
_SUMS: Final = frozenset({"sum", "mean"})
_SQUARES: Final = frozenset({"pow", "square", "mul"})
_AT_ONE: Final = Condition(
    "±1", lambda x: abs(x) == 1, lambda s: 1.0 in (abs(s.minimum), abs(s.maximum))
)


@dataclass(frozen=True, slots=True)
class Slope:
    """A derivative that is infinite somewhere.

    Attributes:
        nodes: Grad nodes, without `Backward0`.
        condition: Where it is, of the op's first operand.
        point: The place in words.
        formula: The derivative.
        safe: What to do; `{call}` is the call with `change` put to its operand.
        change: See `safe`.
        operand: Which operand.
    """

    nodes: frozenset[str]
    condition: Condition
    point: str
    formula: str
    safe: str
    change: str
    operand: str = "input"


_KEEP: Final = "Keep it away from there: {call}."
SLOPES: Final[Sequence[Slope]] = (
    Slope(frozenset({"Sqrt"}), ZERO, "0", "1 / (2·√x)", _KEEP, " + 1e-12"),
    Slope(frozenset({"Rsqrt"}), ZERO, "0", "−1 / (2·x·√x)", _KEEP, " + 1e-12"),
    Slope(
        frozenset({"Log", "Log2", "Log10"}),
        ZERO,
        "0",
        "1 / x",
        _KEEP,
        ".clamp(min=1e-8)",
    ),
    Slope(
        frozenset({"Log1P"}),
        equal_to(-1.0),
        "−1",
        "1 / (1 + x)",
        _KEEP,
        ".clamp(min=-1 + 1e-6)",
    ),
    Slope(frozenset({"Reciprocal"}), ZERO, "0", "−1 / x²", _KEEP, ".clamp(min=1e-8)"),
    Slope(
        frozenset({"Acos", "Asin"}),
        _AT_ONE,
        "±1",
        "1 / √(1 − x²)",
        _KEEP,
        ".clamp(-1 + 1e-7, 1 - 1e-7)",
    ),
    Slope(
        frozenset({"Atanh"}),
        _AT_ONE,
        "±1",
        "1 / (1 − x²)",
        _KEEP,
        ".clamp(-1 + 1e-7, 1 - 1e-7)",
    ),
    Slope(
        frozenset({"Acosh"}),
        equal_to(1.0),
        "1",
        "1 / √(x² − 1)",
        _KEEP,
        ".clamp(min=1 + 1e-7)",
    ),
    Slope(
        frozenset({"Div"}),
        ZERO,
        "0",
        "1 / x",
        "Keep the divisor away from 0: `{safe}`.",
        ".clamp(min=1e-8)",
        "other",
    ),
    Slope(
        frozenset({"SpecialEntr"}),
        ZERO,
        "0",
        "−log(x) − 1",
        "Keep it away from there: `{safe}`.",
        ".clamp(min=1e-8)",
    ),
    Slope(
        frozenset({"Xlogy"}),
        ZERO,
        "0",
        "log(y), and x / y",
        "Keep the second argument away from 0: `{safe}`.",
        ".clamp(min=1e-8)",
        "other",
    ),
)
_EIGEN: Final = frozenset({"LinalgEigh", "LinalgSvd", "LinalgEig"})


def explain_backward(scene: Scene) -> Mechanism:
    """Return why a grad node sent NaN or Inf."""
    name = node_name(scene)
    for explain in (_power, _hypot, _eigen, _overflow):
        found = _by_slope(scene, name) or explain(scene, name)
        if found is not None:
            return found
    return _unexplained(scene, name)


def node_name(scene: Scene) -> str:
    """Return a grad node's name without `Backward0`."""
    return "" if scene.node is None else _NUMBER.sub("", scene.node.name)


def _by_slope(scene: Scene, name: str) -> Mechanism | None:
    for slope in SLOPES:
        if name not in slope.nodes:
            continue
        operand = scene.bound.get(slope.operand)
        if operand is None and slope.operand == "input":
            operand = scene.first  # of an op whose arguments have no names here
        proof = scene.prove(operand, slope.condition)
        if proof is not None:
            return _at_pole(scene, slope, proof)
    return None


def _at_pole(scene: Scene, slope: Slope, proof: Proof) -> Mechanism:
    op = scene.name
    safe = f"{as_object(proof.operand.code or 'x')}{slope.change}"
    remedy = slope.safe.format(call=call(op, proof.operand, slope.change), safe=safe)
    return _infinite(scene, slope.point, slope.formula, proof, remedy)


def _infinite(
    scene: Scene, point: str, formula: str, proof: Proof, remedy: str
) -> Mechanism:
    """Say what an infinite derivative makes of the gradient that arrives there."""
    op = scene.name
    pole = f"the derivative of {op}, {formula}, is infinite at {point}"
    if proof.unknown:
        arriving: float | None = None
    else:
        arriving = _arriving_at(scene, proof)
    if scene.is_nan and (arriving == 0 or arriving is None):
        dropped = find_dropped(scene, _place(scene, proof))
        reason = f", because {dropped.said}" if dropped else ""
        zero = "0 · ∞"
        known = f"the gradient that arrives there is 0{reason}, and 0 · ∞ is NaN"
        if arriving is None:
            known = "0 · ∞ is NaN"
        found = proven(f"{zero} at {op}′({point})", f"{known}; {pole}", proof, remedy)
        mask = dropped.mask if dropped else ""
        return _with_safe_argument(scene, found, proof.operand, mask) if mask else found
    root = _norm_by_hand(scene)
    if root:
        pole, remedy = f"{pole} (this is a norm, written by hand)", root
    return proven(f"{op}′({point})", pole, proof, remedy)


def _arriving_at(scene: Scene, proof: Proof) -> float | None:
    seen, place = scene.arriving, _place(scene, proof)
    if seen is None or seen.data is None or place is None:
        return None
    try:
        return float(np.real(seen.data[place]))
    except IndexError:
        return None


def _place(scene: Scene, proof: Proof) -> tuple[int, ...] | None:
    """Return a place in the result of the op at which its gradient goes wrong."""
    seen = scene.arriving
    if seen is None or seen.data is None or proof.index is None:
        return None
    if scene.bad is not None and seen.data.shape == scene.bad.shape:
        places = np.argwhere(scene.bad)
        return tuple(int(i) for i in places[0]) if len(places) else None
    return tuple(proof.index)


def _with_safe_argument(
    scene: Scene, found: Mechanism, operand: Operand, mask: str
) -> Mechanism:
    """Say to choose before the op too: what comes behind it is too late."""
    code = operand.code or "x"
    remedy = (
        f"Choose before {scene.name} too, so that it never sees such a number: "
        f"`torch.{scene.name}(torch.where({mask}, {code}, 1.0))`."
    )
    return Mechanism(found.name, found.why, remedy, found.numbers, found.unknown)


def _norm_by_hand(scene: Scene) -> str:
    """Return the remedy for the root of a sum of squares, empty for any other."""
    if scene.name not in ("sqrt", "pow") or scene.op is None or not scene.op.inputs:
        return ""
    total = scene.facts.op_of(scene.op.inputs[0])
    if total is None or plain_name(total) not in _SUMS or not total.inputs:
        return ""
    square = scene.facts.op_of(total.inputs[0])
    if square is None or plain_name(square) not in _SQUARES or not square.inputs:
        return ""
    inner = scene.operand_of(square.inputs[0]).code or "x"
    return (
        f"Use `torch.linalg.vector_norm({inner})` (with the same dim), whose gradient "
        "at 0 is 0, or add a small number under the root."
    )


def _power(scene: Scene, name: str) -> Mechanism | None:
    base, exponent = scene.bound.get("input"), scene.bound.get("exponent")
    if name != "Pow" or base is None or exponent is None or exponent.data is None:
        return None
    if exponent.data.size == 1 and exponent.data.item() < 1:
        proof = scene.prove(base, ZERO)
        if proof is not None:
            shown = exponent.code or amount(exponent.data.item())
            return _infinite(
                scene,
                "0",
                f"n·x^(n − 1) with n = {shown}",
                proof,
                f"Keep the base away from 0: `{as_object(base.code or 'x')} + 1e-12`.",
            )
    return None


def _hypot(scene: Scene, name: str) -> Mechanism | None:
    if name != "Hypot":
        return None
    one = scene.prove(scene.bound.get("input"), ZERO)
    other = scene.prove(scene.bound.get("other"), ZERO)
    if one is None or other is None:
        return None
    return proven(
        "hypot′(0, 0)",
        "the derivative of hypot, x / √(x² + y²), is 0/0 where both are 0",
        replace(one, text=f"{one.text} and {other.text}"),
        "Add a small number to one of them, such as 1e-12.",
    )


def _eigen(scene: Scene, name: str) -> Mechanism | None:
    if name not in _EIGEN:
        return None
    what = "singular values" if name == "LinalgSvd" else "eigenvalues"
    return Mechanism(
        f"equal {what}",
        f"the derivative of {scene.name} has 1 / (a − b) in it for every two {what}, "
        "and two of them are the same",
        f"Use only the {what}, whose derivative is finite, or add a little noise to "
        "the matrix.",
    )


def _overflow(scene: Scene, _name: str) -> Mechanism | None:
    """A gradient that is too large for its dtype."""
    arriving = scene.arriving
    if scene.is_nan or arriving is None or arriving.stats is None:
        return None
    if scene.dtype != "float16" or not arriving.stats.numel:
        return None
    stats = arriving.stats
    largest = max(abs(stats.minimum), abs(stats.maximum))
    operands = [(size_of(o), o) for o in scene.bound.values() if o.value is not None]
    shown = [
        f"{o.text} up to {amount(size)}" for size, o in operands if size is not None
    ]
    beside = f", {scene.name} of {' and '.join(shown[:2])}" if shown else ""
    return Mechanism(
        "overflow of float16",
        f"the gradient is larger than 65,504, the largest number of float16: up to "
        f"{amount(largest)} arrives{beside}",
        "Let a GradScaler choose the scale, or compute this in float32 or bfloat16.",
        (("largest gradient that arrives", largest),),
        is_range=True,
    )


def _unexplained(scene: Scene, name: str) -> Mechanism:
    what = "NaN" if scene.is_nan else "Inf"
    stats = None if scene.arriving is None else scene.arriving.stats
    arrives = ""
    if stats is not None and stats.numel:
        largest = max(abs(stats.minimum), abs(stats.maximum))
        arrives = f"; the gradient that arrives there is at most {amount(largest)}"
    unknown = (
        f"Cannot tell why {scene.name or name} gives {what} in backward: there is no "
        "rule for it here."
    )
    return Mechanism(
        f"{name}Backward gives {what}",
        f"its derivative is {what} there{arrives}",
        "Look at what goes in, and use a form of it whose derivative is finite there.",
        (),
        (unknown,),
    )
