"""Breakpoints: where to pause, when, and how often.

    fc1                        an op, a module, a value, an autograd node or a phase
    encoder.layers.* if step > 100
    var:b if b.grad.l2 > 1e3 ignore 2
    train.py:41 hit 3          only the third time
    grad.l2 > 1e3              a condition alone, asked at every event

**Places** are words or globs, and with the kind in front of them they mean nothing
else: `op:relu`, `module:encoder.*`, `var:b`, `node:MulBackward0`, `phase:backward`,
`line:train.py:41`. In quotes a name is taken as it is: `var:'my name'`. A word alone
means everything of that name, but for the parameters inside of a module that it means
(`encoder.*`), and for the phase `loss`, where a value is called so. What a place pauses
at:

- an op when it runs, and where backward comes through its autograd nodes; an optimizer
  by its class;
- a module at the first event inside of a call, not at every op in it, and again where
  backward enters it;
- a value when it is computed, when its gradient reaches its autograd node or is
  accumulated, and when it is updated;
- an autograd node before it runs;
- a phase at its first event, each time;
- a line once for each time that it runs, and where backward enters it; the line of
  `backward()` at the first gradient that arrives at a leaf.

**Conditions** are the language of `graphscope.debugger.expressions`. `ignore 2` passes
over the first two times that everything holds, `hit 3` pauses only at the third (of
those that are not ignored).
"""

from graphscope.debugger.breakpoints.parse import (
    Breakpoint,
    check_breakpoint,
    parse_breakpoint,
)
from graphscope.debugger.breakpoints.table import BreakpointTable

__all__ = ["Breakpoint", "BreakpointTable", "check_breakpoint", "parse_breakpoint"]
