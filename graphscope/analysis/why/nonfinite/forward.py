"""Why an op made NaN or Inf of finite numbers: the rules of forward."""

from math import log
from typing import Final

import numpy as np

from graphscope.analysis.evidence.wording import amount, begin
from graphscope.analysis.replay.literals import read_literal
from graphscope.analysis.why.nonfinite.domains import RULES
from graphscope.analysis.why.nonfinite.losses import explain_loss
from graphscope.analysis.why.nonfinite.mechanism import (
    Mechanism,
    as_object,
    call,
    proven,
)
from graphscope.analysis.why.nonfinite.scene import (
    NEGATIVE,
    ZERO,
    Condition,
    Operand,
    Proof,
    Scene,
    above,
)

_SPREADS: Final = frozenset({"std", "var", "std_mean", "var_mean"})
_EXPONENTIALS: Final = {
    **dict.fromkeys(("exp", "expm1", "sinh", "cosh", "poisson_nll_loss"), 1.0),
    "exp2": log(2.0),
}
"""Functions that grow as a power does -> the logarithm of its base."""
_QUOTIENTS: Final = frozenset({"div", "divide", "true_divide", "rdiv", "rtruediv"})
_COUNTING: Final = frozenset({"sum", "count_nonzero", "bincount", "numel"})
_REMAINDERS: Final = frozenset({"remainder", "fmod", "rmod"})
_GROWING: Final = frozenset(
    {"add", "radd", "sub", "rsub", "mul", "square", "pow", "float_power", "div", "rdiv"}
    | {"sum", "mean", "prod", "cumsum", "cumprod", "norm", "vector_norm", "dot", "mv"}
    | {"matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "linear", "bilinear"}
    | {"conv1d", "conv2d", "conv3d", "mse_loss", "half", "to", "type", "float", "var"}
    | {"addcmul", "lerp", "multiply", "true_divide", "subtract", "std", "outer"}
)
"""Ops of finite numbers that, as long as none is divided by 0, only give Inf where the
result is too large."""

_NORMALISING: Final = frozenset(
    {"layer_norm", "group_norm", "instance_norm", "batch_norm", "normalize"}
    | {"rms_norm", "cosine_similarity"}
)


def explain_forward(scene: Scene) -> Mechanism:
    """Return why an op made NaN or Inf of finite operands."""
    for explain in (
        _by_rule,
        _exponential,
        _quotient,
        _power,
        _empty,
        _spread,
        _normalising,
        _determinant,
        explain_loss,
        _overflow,
    ):
        found = explain(scene)
        if found is not None:
            return found
    return _unexplained(scene)


def _by_rule(scene: Scene) -> Mechanism | None:
    fitting = [rule for rule in RULES if scene.name in rule.ops]
    for rule in sorted(fitting, key=lambda r: r.condition.is_point is scene.is_nan):
        proof = scene.prove(scene.first, rule.condition)
        if proof is not None:
            op = scene.name
            safe = _safer(scene, proof.operand) or rule.remedy.format(
                op=op, safe=call(op, proof.operand, rule.change)
            )
            name, why = rule.name.format(op=op), rule.rule.format(op=op)
            return proven(name, why, proof, f"{safe}.")
    return None


def _safer(scene: Scene, operand: Operand) -> str:
    """Return the function that computes a logarithm in one step, where there is one."""
    if scene.name != "log" or operand.value is None:
        return ""
    made_by = scene.facts.op_of(operand.value)
    if made_by is None or not made_by.inputs:
        return ""
    inner = scene.operand_of(made_by.inputs[0]).code or "z"
    match made_by.name:
        case "softmax":
            dim = next(
                (f", dim={a.text}" for a in made_by.arguments if a.name == "dim"), ""
            )
            one = f"F.log_softmax({inner}{dim})"
        case "sigmoid":
            one = f"F.logsigmoid({inner})"
        case _:
            return ""
    return f"Take both in one step, which never rounds to log(0): `{one}`"


def _exponential(scene: Scene) -> Mechanism | None:
    scale, first = _EXPONENTIALS.get(scene.name), scene.first
    if scale is None or first is None or scene.largest == float("inf"):
        return None
    limit = log(scene.largest) / scale
    beyond = above(limit)
    proof = scene.prove(first, Condition("", beyond.holds, beyond.may_hold))
    if proof is None:
        return None
    bound = f"{limit:.4g}"
    return proven(
        f"{scene.name} overflow",
        f"{scene.name}(x) is more than {scene.dtype} can hold for x above {bound}",
        proof,
        f"Keep the exponent small: subtract the largest first, as torch.softmax and "
        f"torch.logsumexp do, or {call(scene.name, first, f'.clamp(max={bound})')}.",
    )


def _quotient(scene: Scene) -> Mechanism | None:
    if scene.name not in _QUOTIENTS | _REMAINDERS:
        return None
    above_line, below_line = scene.bound.get("input"), scene.bound.get("other")
    proof = scene.prove(below_line, ZERO)
    if proof is None or below_line is None:
        return None
    number = scene.prove(above_line, ZERO) if scene.is_nan else None
    name = "0/0" if scene.is_nan else "division by 0"
    zero = _zero_spread(scene, below_line)
    if zero:
        name = zero[0]
    both = f"{number.text} and {proof.text}" if number and number.text else proof.text
    rule = "0/0 is NaN" if scene.is_nan else "a number divided by 0 is infinite"
    if scene.name in _REMAINDERS:
        name, rule = "remainder of a division by 0", "x % 0 is NaN"
    remedy = zero[1] if zero else _keep_divisor(scene, below_line)
    shown = Proof(both, below_line, proof.index, proof.number, proof.unknown)
    return proven(name, rule, shown, remedy)


def _keep_divisor(scene: Scene, divisor: Operand) -> str:
    """Say how to keep a divisor above 0; a count best above 1."""
    code = as_object(divisor.code or "x")
    if divisor.value is None:
        return f"Divide by something else than {divisor.text}."
    made_by = scene.facts.origin_op(divisor.value)
    is_count = made_by is not None and made_by.name in _COUNTING
    low = "1" if is_count or "int" in divisor.dtype else "1e-8"
    return (
        f"Keep the divisor away from 0: `{code}.clamp(min={low})`, or leave out what "
        "it is 0 for."
    )


def _zero_spread(scene: Scene, divisor: Operand) -> tuple[str, str] | None:
    """Say that the divisor is a standard deviation, or a norm, that is 0."""
    made_by = None if divisor.value is None else scene.facts.op_of(divisor.value)
    if made_by is None:
        return None
    code = as_object(divisor.code or "std")
    add = f"`{code} + 1e-8`" if divisor.code else "`std + 1e-8`"
    match made_by.name.removeprefix("linalg_"):
        case "std" | "var":
            what = "a standard deviation" if made_by.name == "std" else "a variance"
            return (
                f"division by {what} of 0",
                f"Divide by {add}: of numbers that are all the same it is 0.",
            )
        case "norm" | "vector_norm":
            return (
                "division by a norm of 0",
                f"Use F.normalize, which keeps the norm above eps, or divide by {add}.",
            )
    return None


def _power(scene: Scene) -> Mechanism | None:
    if scene.name not in ("pow", "float_power", "rpow"):
        return None
    base, exponent = scene.bound.get("input"), scene.bound.get("exponent")
    if base is None or exponent is None or exponent.data is None:
        return None
    power = exponent.data
    if scene.is_nan and not np.array_equal(power, np.round(power)):
        proof = scene.prove(base, NEGATIVE)
        if proof is not None:
            shown = f"a power of {exponent.code or 'it'}"
            return proven(
                "a fractional power of a negative number",
                f"{shown} of a negative number is NaN",
                proof,
                f"Keep the base above 0: `{as_object(base.code or 'x')}.clamp("
                "min=1e-8)`, or take the power of its absolute value.",
            )
    if (power < 0).any():
        proof = scene.prove(base, ZERO)
        if proof is not None:
            return proven(
                "a negative power of 0",
                f"0 to the power of {exponent.code or 'a negative number'} is 1/0 = ∞",
                proof,
                f"Keep the base away from 0: `{as_object(base.code or 'x')}.clamp("
                "min=1e-8)`.",
            )
    return None


def _empty(scene: Scene) -> Mechanism | None:
    first = scene.first
    if scene.name not in ("mean", "nanmean", "median", *_SPREADS) or first is None:
        return None
    if first.stats is None or first.stats.numel:
        return None
    return Mechanism(
        f"{scene.name} of nothing",
        f"{first.text} has no element, and the {scene.name} of none is 0/0",
        f"Take it only where there is something: `if {as_object(first.code or 'x')}"
        ".numel() > 0`.",
        ((f"numbers in {first.code or first.text}", 0.0),),
    )


def _spread(scene: Scene) -> Mechanism | None:
    first = scene.first
    if scene.name not in _SPREADS or first is None or first.stats is None:
        return None
    made = scene.made
    results = 1 if made is None or made.stats is None else made.stats.numel
    if first.stats.numel != results:
        return None
    return Mechanism(
        f"{scene.name} of one number",
        f"{begin(first.text)} has 1 number to take it of, and {scene.name} divides by "
        "n − 1, which is 0",
        "Take it of more than one number, or with `correction=0`.",
        (("numbers", 1.0),),
    )


def _normalising(scene: Scene) -> Mechanism | None:
    if scene.op is None or scene.name not in _NORMALISING:
        return None
    first, variance = scene.first, scene.bound.get("running_var")
    negative = scene.prove(variance, NEGATIVE, by_place=False)
    if negative is not None:
        return proven(
            "a negative variance",
            f"{scene.name} takes the root of the variance",
            negative,
            "Look at what wrote into the running variance: it can only be 0 or more.",
        )
    eps = next((a.text for a in scene.op.arguments if a.name == "eps"), "")
    if read_literal(eps) != 0 or first is None:
        return None
    return Mechanism(
        f"{scene.name} without eps",
        f"{scene.name} divides by {_divisor(scene.name, first.text)}, and eps is 0",
        "Give it an eps above 0, such as the default.",
        (("eps", 0.0),),
    )


def _divisor(name: str, of: str) -> str:
    if name in ("normalize", "cosine_similarity", "rms_norm"):
        return f"the norm of {of}, which is 0 where all its numbers are 0"
    return f"the standard deviation of {of}, which is 0 where its numbers are the same"


def _determinant(scene: Scene) -> Mechanism | None:
    if scene.name not in ("logdet", "slogdet") or scene.first is None:
        return None
    what = "negative" if scene.is_nan else "0"
    return Mechanism(
        f"log of a determinant that is {what}",
        f"the determinant of {scene.first.text} is {what}",
        "Add a small number to the diagonal, or use `torch.linalg.slogdet`.",
    )


def _overflow(scene: Scene) -> Mechanism | None:
    """Finite numbers whose result has no place in its dtype."""
    largest, made = scene.largest, scene.made
    if scene.name not in _GROWING:
        return None
    operands = list(
        {o.value: o for o in scene.bound.values() if o.value is not None}.values()
    )
    if scene.is_nan or made is None or not operands or largest == float("inf"):
        return None
    sizes = [(size_of(o), o) for o in operands]
    known = [(size, o) for size, o in sizes if size is not None]
    if len(known) < len(sizes) or not known:
        return None
    shown = [f"{o.text} up to {amount(size)}" for size, o in known[:2]]
    shown += [o.text for o in scene.bound.values() if o.value is None][:1]
    return Mechanism(
        f"overflow of {scene.dtype}",
        f"{scene.name} of {' and '.join(shown)} is more than "
        f"{limit_text(scene.dtype, largest)}, the largest number of {scene.dtype}",
        _wider(scene),
        tuple((f"largest of {o.code or o.text}", size) for size, o in known),
        is_range=True,
    )


def limit_text(dtype: str, largest: float) -> str:
    """Write the largest number of a dtype.

    >>> limit_text("float16", 65504.0), limit_text("float32", 3.4028234663852886e38)
    ('65,504', '3.403e+38')
    """
    return f"{largest:,.0f}" if dtype == "float16" else amount(largest)


def _wider(scene: Scene) -> str:
    if scene.dtype == "float16":
        return (
            "Compute this in float32 (`.float()` before it) or in bfloat16, which has "
            "its range, or scale the numbers down."
        )
    return "Keep the numbers smaller: scale the inputs, or use a smaller learning rate."


def size_of(operand: Operand) -> float | None:
    """Return the largest absolute value of an operand."""
    stats = operand.stats
    if stats is None:
        return None
    return max(abs(stats.minimum), abs(stats.maximum)) if stats.numel else 0.0


def _unexplained(scene: Scene) -> Mechanism:
    """Say what is known where no rule tells why."""
    what = "NaN" if scene.is_nan else "Inf"
    unread = [o.text for o in scene.bound.values() if o.stats is None]
    known = [
        f"{o.text} is between {amount(o.stats.minimum)} and {amount(o.stats.maximum)}"
        for o in scene.bound.values()
        if o.value is not None and o.stats is not None and o.stats.numel
    ]
    why = f"{scene.name or 'it'} gives {what} here, and nothing that goes in is"
    if known:
        why += f": {', '.join(known[:3])}"
    unknown = (
        f"Cannot tell why {scene.name or 'it'} gives {what} of these numbers: there is "
        "no rule for it here."
    )
    if unread:
        unknown = f"Cannot tell whether {unread[0]} was finite: it was not read."
    remedy = "Look at what goes in, and use a form of it that is defined there."
    return Mechanism(
        f"{scene.name or 'unknown'} gives {what}", why, remedy, (), (unknown,)
    )
