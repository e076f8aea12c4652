"""The optional compiled half of capture: statistics and what is done most often.

`hatch_build.py` compiles it when the package is built where a C compiler is. Without
it, with `GRAPHSCOPE_KERNEL=off`, or with a torch that has no DLPack exchange table,
capture does the same in Python and with torch's own kernels, which takes longer.
"""

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Final

import torch

from graphscope.capture.channel import Channel
from graphscope.capture.records import Known, RawNode, RawSlot, RawValue

_OFFERED: Final = frozenset(
    {"Reader", "After", "is_same_chain", "is_like", "are_alike", "version_of"}
    | {"address_of", "entry", "accept_all", "changed_and_made"}
    | {"read_node", "follow_nodes", "run_gated"}
)


def load_native() -> ModuleType | None:
    """Return the compiled module, ready for use; None is no error."""
    if os.environ.get("GRAPHSCOPE_KERNEL") == "off" or sys.byteorder != "little":
        return None
    try:
        native = import_module("graphscope.capture.kernel._native")
        native.configure(
            torch.Tensor,
            torch.nn.Parameter,
            torch.strided,
            RawSlot,
            RawValue,
            RawNode,
            Channel,
            Known,
        )
    except (ImportError, AttributeError, TypeError):
        return None
    # A library that an older checkout has left is not used.
    return native if set(dir(native)) >= _OFFERED else None


NATIVE: Final = load_native()
