"""The lecture view: ops that a slide writes as one formula are drawn as one box.

`x @ w.T + b` and `linear(x)` give the same number and are different graphs. Here both
are the one box that the slide shows, and a line in it says what they are in torch.
"""

from graphscope.diagram.lecture.drawing import draw_folds as draw_folds
from graphscope.diagram.lecture.folding import (
    Fold as Fold,
    find_folds as find_folds,
    fold_ops as fold_ops,
)
