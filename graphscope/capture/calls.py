"""Making the user's torch calls from where the user made them.

Torch attributes a warning to the Python frame that called it, and Python remembers
which warnings it has shown by that place. A call made from a function mode would move
every warning into our file. So the call runs in a frame that carries the caller's file,
line and globals.
"""

from collections.abc import Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from torch.overrides import handle_torch_function

CALL_NAME: Final = "<graphscope call>"

HANDLER: Final = handle_torch_function.__code__
_TEMPLATE: Final = (lambda func, args, kwargs: func(*args, **kwargs)).__code__


STACK_LEVEL: Final = "_stacklevel"
_PLACED: Final = 3  # a warning of this level already finds the place of the call
_BETWEEN: Final = 5  # two of the mode, the handler, torch's function and its caller


def deepened(kwargs: Mapping[str, Any], frame: FrameType | None) -> dict[str, Any]:
    """Return keyword arguments with a stack level for warnings that counts us too.

    `nn.Softmax()` without a dimension warns about the code that called the module,
    further out than the frame in which the call is placed.
    """
    level = kwargs[STACK_LEVEL]
    is_handled = frame is not None and frame.f_code is HANDLER
    if frame is None or not is_handled or not isinstance(level, int):
        return dict(kwargs)
    if level > _PLACED:
        level += _BETWEEN + _is_hooked_by_us(frame)
    return {**kwargs, STACK_LEVEL: level}


def _is_hooked_by_us(frame: FrameType) -> bool:
    """Whether a module's call has one frame more, because a global hook is there."""
    caller = frame.f_back.f_back if frame.f_back is not None else None
    inner = caller.f_back if caller is not None else None
    if caller is None or inner is None or inner.f_code.co_name != "inner":
        return False
    module = caller.f_locals.get("self")
    own = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return not any(getattr(module, name, None) for name in own)


class PlacedCalls:
    """Caches one calling function for each place; one per recorder."""

    def __init__(self) -> None:
        self._functions: dict[int, tuple[FunctionType, CodeType]] = {}

    def at(self, frame: FrameType | None) -> FunctionType:
        """Return `call(func, args, kwargs)` that runs as if in `frame`.

        Torch's Python functions hand themselves over through `handle_torch_function`:
        then it is the place that called that function.
        """
        if frame is None:
            return FunctionType(_TEMPLATE, {})
        code = frame.f_code
        if code is HANDLER and frame.f_back is not None:
            frame = frame.f_back.f_back
            if frame is None:
                return FunctionType(_TEMPLATE, {})
            code = frame.f_code
        key = id(code) + frame.f_lasti  # `frames.place_of`: a call less
        found = self._functions.get(key)
        if found is not None and found[0].__globals__ is frame.f_globals:
            return found[0]
        template = _TEMPLATE.replace(
            co_filename=code.co_filename,
            co_firstlineno=frame.f_lineno,
            co_name=CALL_NAME,
            co_qualname=CALL_NAME,
        )
        function = FunctionType(template, frame.f_globals)
        self._functions[key] = function, code
        return function

    def clear(self) -> None:
        """Let go of the user's modules: python frees them at its end, in their order.

        A `__del__` of the user's that runs then still needs what its module has.
        """
        self._functions.clear()
