"""The one-line fix of an in-place change, in the user's own code.

A change by `h += 1` is written `h = h + 1`. Where there is no such form a copy is
changed; an update by an optimizer has to wait.
"""

import ast
from typing import Final

from graphscope.analysis.evidence.facts import Facts, plain_name
from graphscope.analysis.evidence.wording import code_of, name_value
from graphscope.analysis.why.errors.saving import Change
from graphscope.analysis.why.errors.wording import is_name, parse_statement
from graphscope.model.graph import Op, OpKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_WITHOUT_COUNTERPART: Final = frozenset(
    {"zero_", "fill_", "copy_", "set_", "normal_", "uniform_", "random_", "detach_"}
    | {"requires_grad_", "resize_", "bernoulli_", "exponential_", "setitem"}
    | {"fill_diagonal_", "resize_as_", "cauchy_", "geometric_", "log_normal_"}
    | {"apply_", "map_", "map2_"}
)
_IN_PLACE: Final = "inplace"


def change_remedy(
    facts: Facts, trace: Trace, change: Change, saved: int, call: Site | None
) -> str:
    """Return what to write in place of a change.

    Args:
        facts: Of the graph.
        trace: The step with the change.
        change: The first one.
        saved: Id of the value that was saved.
        call: The backward that failed.
    """
    if change.op is None or change.op.kind is OpKind.UPDATE:
        return _postpone(change, call)
    fresh = rewrite(facts, trace, change.op, change.value)
    if fresh:
        was, name = name_value(trace, saved), name_value(trace, change.value)
        keeps = f", which leaves {was} as it is" if was != name else ""
        return f"{fresh}{keeps}."
    text = "" if change.op.site is None else change.op.site.expression
    names = [code_of(trace, value) for value in (saved, change.value)]
    own = next((name for name in names if name and is_name(name)), None)
    if own is None:
        return "Change a copy of it, made with `.clone()`."
    before = f" before `{' '.join(text.split())}`" if text else ""
    return f"Change a copy: put `{own} = {own}.clone()`{before}."


def rewrite(facts: Facts, trace: Trace, op: Op, value: int) -> str:
    """Say how a call is written so that it makes a new tensor; empty if unknown."""
    if _is_layer(facts, trace, op):
        class_name = facts.class_names[op.scope]
        return f"Make the layer `{op.scope}` without inplace=True: `nn.{class_name}()`"
    statement = parse_statement(op.site)
    if statement is None:
        return ""
    was = ast.unparse(statement)
    if isinstance(statement, ast.AugAssign):
        fresh = _spell_out(statement)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        fresh = _call_without(statement.value, op)
    else:
        return ""
    if not fresh:
        return ""
    if not isinstance(statement, ast.AugAssign):
        fresh = _assign(trace, op, value, fresh, statement.value)
        target = fresh.partition(" = ")[0]
        if f"{target} = " in fresh and _is_inner(trace, op.site):
            return (
                f"Put `{fresh}` in a line before, and write `{target}` in place of "
                f"`{was}`"
            )
    return f"Write `{fresh}` in place of `{was}`"


def _is_inner(trace: Trace, site: Site | None) -> bool:
    """Whether a call is only a part of its statement: `f(h.relu_())`."""
    text = "" if site is None else trace.sources.get(site.file, "")
    lines = text.splitlines()
    if site is None or not 0 < site.line <= len(lines) or site.line != site.end_line:
        return False
    line = lines[site.line - 1].partition(" #")[0].strip()
    return line not in (site.expression, f"{site.expression};")


def _postpone(change: Change, call: Site | None) -> str:
    """Say that an update has to come after the backward."""
    site = change.event.site
    update = f"`{site.expression}`" if site and site.expression else "the update"
    last = f"`{call.expression}`" if call and call.expression else "the last backward"
    line = f" (line {site.line})" if site is not None else ""
    behind = f" (line {call.line})" if call is not None else ""
    return (
        f"Move {update}{line} behind {last}{behind}, or run the forward pass anew in "
        "between."
    )


def _is_layer(facts: Facts, trace: Trace, op: Op) -> bool:
    """Whether a layer that was made with inplace=True made the call."""
    has_flag = any(a.name == _IN_PLACE and a.text == "True" for a in op.arguments)
    is_own = op.site is not None and trace.has_own_expression(op)
    is_named = has_flag and op.scope in facts.class_names
    of_layer = facts.class_names.get(op.scope, "").lower().startswith(plain_name(op))
    return is_named and (of_layer or not is_own)


def _spell_out(statement: ast.AugAssign) -> str:
    """Write `h += 1` as `h = h + 1`; empty where only a part of a tensor is meant."""
    if not isinstance(statement.target, ast.Name | ast.Attribute):
        return ""
    target = ast.unparse(statement.target)
    left = ast.parse(target, mode="eval").body
    whole = ast.BinOp(left, statement.op, statement.value)
    return f"{target} = {ast.unparse(whole)}"


def _call_without(call: ast.Call, op: Op) -> str:
    """Write a call so that it changes nothing: `h.relu_()` as `h.relu()`."""
    kept = [keyword for keyword in call.keywords if keyword.arg != _IN_PLACE]
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else ""
    if len(kept) < len(call.keywords):
        return ast.unparse(ast.Call(function, call.args, kept))
    is_marked = name.endswith("_") and not name.endswith("__")
    if not is_marked or name in _WITHOUT_COUNTERPART or op.name != name:
        return ""
    assert isinstance(function, ast.Attribute)  # noqa: S101 - it has a name
    plain = ast.Attribute(function.value, name[:-1], ast.Load())
    return ast.unparse(ast.Call(plain, call.args, kept))


def _assign(trace: Trace, op: Op, value: int, fresh: str, call: ast.expr) -> str:
    """Assign a call's result where the user's code names the changed tensor again."""
    name = trace.graph.values[value].name
    made = trace.graph.values[op.outputs[0]].name if op.outputs else None
    assert isinstance(call, ast.Call)  # noqa: S101 - it is a call
    function = call.func
    place = function.value if isinstance(function, ast.Attribute) else None
    if name is None or made not in (None, name):
        return fresh
    texts = [ast.unparse(a) for a in (place, *call.args[:1]) if a is not None]
    target = next((t for t in texts if t.split(".")[-1] == name.split(".")[-1]), "")
    return f"{target} = {fresh}" if target and is_name(target) else fresh
