"""The optional compiled kernel: statistics of a tensor in one pass over its memory.

`hatch_build.py` compiles it when the package is built where a C compiler is. Without
it, or with `GRAPHSCOPE_KERNEL=off`, capture measures with torch's own kernels.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

Kernel = Callable[[int, int, int], None]
"""`kernel(address, numel, target)`: writes 72 bytes of statistics to `target`."""

_LIBRARY: Final = Path(__file__).with_name("statistics.so")
_NAMES: Final = ("float32", "float64", "bfloat16", "float16")


def load_kernels() -> Mapping[str, Kernel]:
    """Return the kernel for each dtype that has one; none is no error."""
    is_off = os.environ.get("GRAPHSCOPE_KERNEL") == "off"
    if is_off or sys.byteorder != "little" or not _LIBRARY.exists():
        return {}
    try:
        # Keeps the interpreter: letting go of it would hand it to the writer's thread
        # for up to 5 ms.
        library = ctypes.PyDLL(str(_LIBRARY))
        return {name: _prepare(library, name) for name in _NAMES}
    except (OSError, AttributeError):
        return {}


def _prepare(library: ctypes.PyDLL, name: str) -> Kernel:
    function = getattr(library, f"graphscope_{name}")
    function.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
    function.restype = None
    kernel: Kernel = function
    return kernel
