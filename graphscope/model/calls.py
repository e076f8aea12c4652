"""Which modules a step called, with what, and what they own.

Separate from the ops, because a module may run without an op of its own (an
`nn.Identity`), run twice, or own parameters that nothing reads.
"""

from dataclasses import dataclass

from graphscope.model.site import Site


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape and dtype of a tensor that a module was given or has returned."""

    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class ModuleParameter:
    """A parameter that a called module owns, whether anything read it or not.

    Attributes:
        name: The dotted path by which it was met first.
        shape: Sizes of the axes.
        dtype: torch's name without the module.
        requires_grad: False for a frozen one.
        set_by: The user's line that made it so while it was recorded; None when nobody
            was seen to do it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    requires_grad: bool = True
    set_by: Site | None = None


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One run of a module's forward; a module that runs twice has two.

    Attributes:
        path: Its scope, empty for the only model of a step.
        class_name: Its class.
        parent: Position of the call that it was made in, None for the outermost.
        inputs: The tensors among its positional arguments.
        outputs: The tensors that it returned; none when it raised.
        parameters: Positions in `Graph.parameters`: of a module that calls others its
            own, of any other those of the modules inside it too.
        training: Whether it was in training mode, as `train()` and `eval()` set it;
            None in recordings of older versions.
    """

    path: str
    class_name: str
    parent: int | None = None
    inputs: tuple[TensorType, ...] = ()
    outputs: tuple[TensorType, ...] = ()
    parameters: tuple[int, ...] = ()
    training: bool | None = None
