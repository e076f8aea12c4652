"""The only place that imports torch: its hooks become events, events become traces.

`recorder` holds what one recording knows; `mode`, `gradients`, `leaves`, `modules` and
`optimizers` are the hooks that feed it, one kind each; `freeze` turns a finished step
into an `Trace`.
"""

# Before everything else: a script that runs under graphscope may import torch only
# through this package, and its recording begins, with all of this, when torch is there.
import torch as torch
