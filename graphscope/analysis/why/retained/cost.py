"""What graphs that live too long cost, in words and in numbers."""

from typing import Final

from graphscope.analysis.evidence.wording import count
from graphscope.analysis.why.retained.sizes import Retained, older_nodes_run
from graphscope.model.graph import Graph
from graphscope.model.sizes import format_size

_WORTH_TELLING: Final = 1024  # bytes of a tensor itself


def tell_cost(retained: Retained | None, number: int) -> list[str]:
    """Return sentences about what some steps keep, each of them as much as one.

    Args:
        retained: What one step keeps, None when it is not known.
        number: How many steps there are.
    """
    if retained is None or not retained.nodes:
        return []
    nodes = count(retained.nodes, "autograd node")
    told = [f"A tensor keeps the graph that computed it, here {nodes} a step."]
    saved, own = retained.saved_bytes, retained.own_bytes
    if saved:
        told.append(
            f"By the recorded shapes they have saved at least {format_size(saved)} a "
            f"step for a backward, {format_size(saved * number)} by now."
        )
    elif retained.freed == retained.nodes:
        told.append(
            "Backward has freed what they had saved, but the nodes themselves stay."
        )
    if own >= _WORTH_TELLING:
        told.append(f"The tensors themselves take {format_size(own)} a step.")
    return told


def cost_numbers(
    retained: Retained | None, number: int
) -> tuple[tuple[str, float], ...]:
    """Return the same as evidence."""
    alive: tuple[tuple[str, float], ...] = (("graphs of earlier steps alive", number),)
    if retained is None:
        return alive
    size = retained.saved_bytes + retained.own_bytes
    return (
        *alive,
        ("autograd nodes a step", retained.nodes),
        ("bytes a step", size),
        ("bytes by now", size * number),
    )


def tell_backward(graph: Graph, step: int) -> str:
    """Say how many nodes of earlier steps the backward of a step has run."""
    ran = older_nodes_run(graph)
    if not ran:
        return ""
    nodes = count(ran, "node")
    return f"The backward of step {step} has run {nodes} of earlier steps too."
