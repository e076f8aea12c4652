"""Why a number is not finite that the step was given, or was told to write."""

from graphscope.analysis.evidence.facts import UNWRITTEN, plain_name
from graphscope.analysis.why.nonfinite.mechanism import Mechanism
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.model.graph import OpKind, ValueKind


def explain_given(scene: Scene) -> Mechanism:
    """Say how a number came in that nothing has computed."""
    birth = scene.birth
    if scene.op is not None:
        name = plain_name(scene.op)
        return unwritten(name) if name in UNWRITTEN else _written(scene, name)
    kind = None if birth.value is None else scene.trace.graph.values[birth.value].kind
    if kind is ValueKind.CONSTANT:
        return Mechanism(
            "a number in the code",
            "it is a number of the program's, and it is not finite",
            "Look at where the number comes from.",
        )
    return Mechanism(
        "before anything is computed",
        "that is how it came in, no op of this step has computed it",
        "Look at what makes it, and leave these numbers out before they are used.",
    )


def _written(scene: Scene, name: str) -> Mechanism:
    if scene.op is None or scene.op.kind is not OpKind.CREATE:
        why = f"that is what {name} was told to write"
        large = "a large finite number in its place, such as `-1e9`"
        remedy = _leave_out(scene) if scene.is_nan else f"Let it write {large}."
        return Mechanism(f"{name} writes it", why, remedy)
    return Mechanism("as it was made", "it was made with it", _leave_out(scene))


def _leave_out(scene: Scene) -> str:
    value = scene.birth.value
    code = None if value is None else scene.operand_of(value).code
    remedy = "Leave these numbers out before anything is computed with them"
    if code is None or not code.isidentifier():
        return f"{remedy}."
    test = f"~{code}.isnan()" if scene.is_nan else f"{code}.isfinite()"
    return f"{remedy}: `{code}[{test}]` are the others."


def unwritten(name: str) -> Mechanism:
    """Return the mechanism of memory that was reserved and never written."""
    return Mechanism(
        f"torch.{name} writes nothing",
        f"torch.{name} reserves memory and leaves in it whatever was there before",
        "Fill it before it is used, as with `torch.nn.init.normal_`, or make it with "
        "`torch.zeros`.",
    )
