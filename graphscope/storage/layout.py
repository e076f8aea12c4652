"""How the body of a step begins: its sources, before the bytes of its numbers.

A body is a u32 number of sources, their row ids as u32, and then the status bytes and
numbers that `graphscope.model.packed` describes.
"""

from struct import Struct
from typing import Final

from graphscope.model.packed import PLACE, STATS, DType, Kept, SlotTable, stored_dtype

COUNT: Final = Struct("<I")

__all__ = [
    "COUNT",
    "PLACE",
    "STATS",
    "DType",
    "Kept",
    "SlotTable",
    "stored_dtype",
]
