"""Which line of the user's made the schedule of an optimizer's learning rate.

The recording shows only what a schedule makes of the rate. The line is looked for in
the source: the one call of one of torch's schedules that is given this optimizer.
"""

import ast
import re
from collections.abc import Mapping
from typing import Final

from graphscope.analysis.evidence.source import source_of
from graphscope.model.site import Site

_SCHEDULES: Final = frozenset(
    {"LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR"}
    | {"ExponentialLR", "PolynomialLR", "CosineAnnealingLR", "ChainedScheduler"}
    | {"SequentialLR", "ReduceLROnPlateau", "CyclicLR", "OneCycleLR"}
    | {"CosineAnnealingWarmRestarts", "get_linear_schedule_with_warmup"}
    | {"get_cosine_schedule_with_warmup", "get_scheduler"}
)
_STEP: Final = re.compile(r"^(?P<name>[\w.\[\]'\"]+)\.step\(")
_SCALED: Final = re.compile(r"\.step\((?P<name>[\w.\[\]'\"]+)[,)]")


def find_schedule(sources: Mapping[str, str], update: Site | None) -> Site | None:
    """Return the line that made the schedule of the optimizer which `update` steps.

    None where there is none, or more than one that it may be.
    """
    name = "" if update is None else optimizer_name(update.expression)
    source = None if update is None else source_of(sources, update.file)
    if source is None or not name:
        return None
    last = name.rpartition(".")[2]
    found = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and _last_name(node.func) in _SCHEDULES
        and any(_last_name(given) == last for given in _arguments(node))
    ]
    return source.site_of(found[0]) if len(found) == 1 else None


def optimizer_name(expression: str) -> str:
    """Return what the user's code calls the optimizer that it steps.

    >>> optimizer_name("self.opt.step()"), optimizer_name("scaler.step(opt)")
    ('self.opt', 'opt')
    >>> optimizer_name("train()")
    ''
    """
    found = _SCALED.search(expression) or _STEP.match(expression)
    return "" if found is None else found["name"]


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
