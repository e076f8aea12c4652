"""Why a number was born that is not finite: which rules are asked for which birth."""

from graphscope.analysis.evidence.wording import amount
from graphscope.analysis.why.nonfinite.backward import explain_backward
from graphscope.analysis.why.nonfinite.converting import explain_converted
from graphscope.analysis.why.nonfinite.flow import Cause
from graphscope.analysis.why.nonfinite.forward import explain_forward
from graphscope.analysis.why.nonfinite.given import explain_given
from graphscope.analysis.why.nonfinite.mechanism import Mechanism
from graphscope.analysis.why.nonfinite.scene import Scene
from graphscope.analysis.why.nonfinite.updating import explain_update
from graphscope.model.graph import Role


def explain_birth(scene: Scene) -> Mechanism:
    """Return why the number of a birth is not finite."""
    if scene.birth.given:
        return explain_converted(scene)
    match scene.birth.cause:
        case Cause.COMPUTED:
            return explain_forward(scene)
        case Cause.SENT:
            return explain_backward(scene)
        case Cause.UPDATED:
            return explain_update(scene)
        case Cause.GIVEN:
            return explain_given(scene)
        case Cause.HOOKED:
            return Mechanism(
                "a hook returns it",
                "a hook on this tensor was given finite numbers and returned others",
                "Look at what the hook computes of the gradient.",
            )
        case Cause.SEEDED:
            return Mechanism(
                "backward begins with it",
                "backward was given a gradient to begin with that is not finite",
                "Look at what is given to `backward(gradient)`.",
            )
    return _explain_sum(scene)


def _explain_sum(scene: Scene) -> Mechanism:
    """Say what happened to a gradient outside of every op that was seen."""
    role = scene.trace.graph.slots[scene.birth.slot].role
    if role is Role.USED:
        return Mechanism(
            "it was changed after backward",
            "it was finite when backward ended, and was changed before the update",
            "Look at what writes into `.grad` between backward and the update.",
        )
    if scene.is_nan:
        return Mechanism(
            "a gradient from nowhere",
            "all that was seen to arrive is finite",
            "Look for hooks, and for code that writes into `.grad`.",
            (),
            ("Cannot tell what made it NaN because no recorded gradient did.",),
        )
    return Mechanism(
        f"overflow of {scene.dtype}",
        f"finite gradients add up to more than {scene.dtype} can hold "
        f"({amount(scene.largest)})",
        "Scale the loss down, or clip the gradients.",
        is_range=True,
    )
