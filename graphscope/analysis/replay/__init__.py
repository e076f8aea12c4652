"""The recorded forward, computed again in float64: what changes when a value does.

A recording keeps numbers and operator names, not code. Here is a formula in NumPy for
each operator, and with it the part of a step between two values can be computed again
for other numbers. Every formula is first held against what was recorded: what cannot be
reproduced is refused, with the reason, and never guessed.
"""
