"""The little language of conditions and watches.

    grad.l2 > 1e3 or has_nan
    'fc1.weight'.grad.max < 0 and step % 10 == 0
    loss.value > 3 and not w.grad.has_inf

**Of the event** that happens: `value`, `grad` and `arrived` (the gradient before it was
accumulated), and the ready-made filters `has_nan`, `has_inf`, `exploding`, `vanishing`,
`zero_grad` and `none_grad`. **Of the run**: `step`, `pass`, `loss`. **Of the user's
values**: their names, bare (`w`, `layers.0.weight`) or in quotes (`'step'`, where the
name is a word of the language), each with `.value` (what a name alone means), `.grad`
or `.arrived`.

Of all of these tensors there are the numbers `.l2 .min .max .mean .std .zeros` (how
many elements are zero), `.has_nan` and `.has_inf`. As everywhere in graphscope, the
numbers of a tensor of several elements are those of its finite ones; a tensor of one
element has this element for its `.min`, `.max` and `.mean`, also where it is infinite.
Without a number a tensor means its only element, and if it has several its l2 norm.

The filters `has_nan` and `has_inf` look at all numbers of the event, the others at
gradients: `exploding` at one that is infinite or whose l2 norm is above 1,000,
`vanishing` at one below 1e-7 that is not exactly zero, `zero_grad` at one that is;
`none_grad` holds where parameters are updated and backward has missed one of them.

Numbers are joined by `+ - * / // % **`, compared by `< <= > >= == !=` (also in chains),
and given to `abs min max sqrt log log10 exp`; `and or not` join what is true or false.
A number that is not there yet, a division by zero and an overflow are nothing at all:
so is what is computed from them, and a comparison with them is false. (`not` of that is
true, as of everything that is false.)
"""

from graphscope.debugger.expressions.expression import (
    Expression,
    check_names,
    parse_expression,
)

__all__ = ["Expression", "check_names", "parse_expression"]
