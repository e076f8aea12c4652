"""Training and evaluation mode mixed up: dropout and batch normalisation tell it.

Both do one thing in training and another in evaluation, and nothing complains when a
model is in the wrong mode. A mode is only called wrong by the run itself: the same
layers were trained in the other one.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graphscope.analysis.evidence.calling import call_of_model
from graphscope.analysis.evidence.facts import Facts, is_arranging, plain_name
from graphscope.analysis.evidence.source import all_sources
from graphscope.analysis.evidence.wording import listing, name_call, where
from graphscope.model.calls import ModuleCall
from graphscope.model.finding import Finding
from graphscope.model.graph import EventKind, Graph, Op, OpKind
from graphscope.model.site import Site
from graphscope.model.trace import Trace

_DROPOUTS: Final = frozenset(
    {"dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"}
    | {"dropout1d", "dropout2d", "dropout3d"}
)
_MODAL: Final = (*("Dropout", "AlphaDropout", "FeatureAlphaDropout"), "BatchNorm")
_NO_GRAD: Final = ("no_grad", "inference_mode")
_MOST_GRAPHS: Final = 64


@dataclass(frozen=True, slots=True)
class _Modes:
    """What a graph says of modes.

    Attributes:
        graph: Kept, so that its id stays its own.
        trains: Paths of outermost modules that were trained in training mode.
        rests: Those that were trained although all of their calls were in evaluation
            mode -> the layers inside for which that makes a difference, and their
            classes.
        active: Scopes whose dropout or batch_norm was trained in training mode.
        tests: Ops of dropout or batch_norm in training mode without gradient, of which
            nothing comes but results that are read.
        drops: Ops of dropout in training mode in modules in evaluation mode.
    """

    graph: Graph
    trains: frozenset[str]
    rests: Mapping[str, Mapping[str, str]]
    active: frozenset[str]
    tests: tuple[Op, ...]
    drops: tuple[Op, ...]


class ModeCheck:
    """Remembers in which mode each module was trained."""

    def __init__(self) -> None:
        self._known: dict[int, _Modes] = {}
        self._trained: set[str] = set()
        self._active: set[str] = set()
        self._tested: list[tuple[Trace, Op]] = []

    def see(self, trace: Trace, facts: Facts) -> Iterable[Finding]:
        """Compare the modes of a step with those of the steps before."""
        if id(trace.graph) in self._known or len(self._known) >= _MOST_GRAPHS:
            return ()
        modes = self._known[id(trace.graph)] = _read(facts)
        found = [
            _tell_of_rest(trace, facts, path, layers)
            for path, layers in modes.rests.items()
            if path in self._trained
        ]
        self._trained |= modes.trains
        self._active |= modes.active
        self._tested += [(trace, op) for op in modes.tests]
        return [*found, *(_tell_of_drop(trace, op) for op in modes.drops)]

    def finish(self) -> Iterable[Finding]:
        """Tell of evaluations in training mode, of layers that are trained too."""
        told = set[object]()
        for trace, op in self._tested:
            site = call_of_model(op.site)
            place = None if site is None else (site.file, site.line)
            if op.scope in self._active and place not in told:
                told.add(place)
                yield _tell_of_test(trace, op, site)


def _read(facts: Facts) -> _Modes:
    graph = facts.graph
    outermost = _outermost(graph)
    accumulated = {
        name
        for event in graph.events
        if event.kind is EventKind.ACCUMULATE
        for v in event.values
        if (name := graph.values[v].name)
    }
    modal = [op for op in graph.ops if _is_active(op)]
    on = {call.path for call in graph.calls if call.training is not False}
    off = {call.path for call in graph.calls if call.training is False}
    return _Modes(
        graph,
        frozenset(p for p, c in outermost.items() if any(o.training for o, _ in c)),
        dict(_resting(graph, outermost, accumulated)),
        frozenset(op.scope for op in modal if op.id in facts.before_roots),
        tuple(op for op in modal if op.scope not in off and _is_test(facts, op)),
        tuple(
            op
            for op in modal
            if plain_name(op) in _DROPOUTS
            and op.scope in off
            and (op.scope not in on or _is_test(facts, op))
        ),
    )


_Calls = list[tuple[ModuleCall, list[ModuleCall]]]


def _outermost(graph: Graph) -> dict[str, _Calls]:
    """Return the outermost calls by path, each with all calls inside of it."""
    found: dict[str, _Calls] = {}
    inside: list[list[ModuleCall]] = []
    for call in graph.calls:
        if call.parent is None:
            inside.append([call])
            found.setdefault(call.path, []).append((call, inside[-1]))
        else:
            inside.append(inside[call.parent])
            inside[-1].append(call)
    return found


def _resting(
    graph: Graph, outermost: Mapping[str, _Calls], accumulated: set[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    if all(event.kind is not EventKind.UPDATE for event in graph.events):
        return
    for path, calls in outermost.items():
        if any(call.training is not False for call, _ in calls):
            continue
        inner = [call for _, within in calls for call in within]
        owned = {graph.parameters[p].name for call in inner for p in call.parameters}
        layers = {
            call.path or call.class_name: call.class_name
            for call in inner
            if call.class_name.startswith(_MODAL) and call.training is False
        }
        if layers and not owned.isdisjoint(accumulated):
            yield path, layers


def _is_active(op: Op) -> bool:
    """Whether an op does what dropout or batch_norm do in training."""
    if op.kind is not OpKind.COMPUTE:
        return False
    if plain_name(op) not in _DROPOUTS and plain_name(op) != "batch_norm":
        return False
    texts = {a.name: a.text for a in op.arguments}
    return texts.get("training") == "True" and texts.get("p") not in ("0", "0.0")


def _is_test(facts: Facts, op: Op) -> bool:
    """Whether an op ran without gradient, and nothing with a gradient comes of it.

    Data that a frozen generator makes for training are no test, and neither is what is
    computed twice from the same data: that is how one samples with dropout.
    """
    if not _runs_without_gradient(facts, op):
        return False
    graph, waiting, seen = facts.graph, list(op.outputs), set(op.outputs)
    is_read = False
    while waiting:
        for reader in graph.consumers.get(waiting.pop(), ()):
            found = graph.ops[reader]
            is_read |= found.kind is OpKind.READOUT
            if found.kind is OpKind.UPDATE or _passes_gradient(graph, found):
                return False
            new = [v for v in found.outputs if v not in seen]
            seen.update(new)
            waiting += new
    return is_read and not any(
        other.id != op.id
        and _is_alike(op, other)
        and _call_place(other) == _call_place(op)
        and _runs_without_gradient(facts, other)
        and _is_same_input(facts, op, other)
        for other in graph.ops
    )


def _is_alike(one: Op, other: Op) -> bool:
    """Whether two ops do the same at one place of a model."""
    if (one.scope, one.name) != (other.scope, other.name):
        return False
    texts = [[a.text for a in op.arguments if a.value is None] for op in (one, other)]
    return texts[0] == texts[1]


def _is_same_input(facts: Facts, one: Op, other: Op) -> bool:
    """Whether two runs of a model were given the same data.

    Walked back side by side, runs on the same data meet at a tensor. The batches of a
    loop are different tensors, or parts of one that was taken apart.
    """
    for _ in range(len(facts.graph.ops)):
        if one.id == other.id or not one.inputs or not other.inputs:
            return False
        if not _is_alike(one, other):
            return False
        if is_arranging(one) and one.inputs[1:] != other.inputs[1:]:
            return False
        before = one.inputs[0], other.inputs[0]
        if before[0] == before[1]:
            return True
        left, right = map(facts.op_of, before)
        if left is None or right is None:
            return False
        one, other = left, right
    return False


def _runs_without_gradient(facts: Facts, op: Op) -> bool:
    """Whether gradients were switched off where an op of a model ran."""
    graph = facts.graph
    if not op.inputs or any(graph.values[v].requires_grad for v in op.outputs):
        return False
    made_by = (facts.op_of(value.id) for value in facts.ancestors(op.inputs[0]))
    return any(o.cut.startswith(_NO_GRAD) for o in (op, *made_by) if o is not None)


def _call_place(op: Op) -> object:
    site = call_of_model(op.site)
    return None if site is None else (site.file, site.line)


def _passes_gradient(graph: Graph, op: Op) -> bool:
    return not op.cut and any(graph.values[v].requires_grad for v in op.outputs)


def _tell_of_rest(
    trace: Trace, facts: Facts, path: str, layers: Mapping[str, str]
) -> Finding:
    name = path if path[:1].islower() else "the model"
    evals = list(_eval_calls(trace))
    blamed = evals[0] if len(evals) == 1 else None
    ops = [op for op in facts.graph.ops if op.id in facts.before_roots]
    first = next((op for op in ops if op.scope), None) or next(iter(ops), None)
    call = call_of_model(None if first is None else first.site)
    switch = f": `{blamed[0]}`{where(blamed[1])} was not undone" if blamed else ""
    owner = blamed[0].removesuffix(".eval()") if blamed else "model"
    names = listing([f"`{layer}`" for layer in layers])
    one = len(layers) == 1
    return Finding(
        kind="eval-mode-training",
        title="The model is trained in evaluation mode",
        explanation=(
            f"From step {trace.step} on {name} is trained in evaluation mode, and was "
            f"in training mode before{switch}. So {names} "
            f"{'does' if one else 'do'} what {'it does' if one else 'they do'} in "
            f"evaluation: {' and '.join(_effects(layers))}."
        ),
        remedy=(
            f"Switch back with `{owner}.train()` before the training goes on"
            f"{where(call)}."
        ),
        step=trace.step,
        site=blamed[1] if blamed else call,
        ops=() if first is None else (first.id,),
    )


def _effects(layers: Mapping[str, str]) -> Iterator[str]:
    classes = set(layers.values())
    if any("Dropout" in name for name in classes):
        yield "dropout drops nothing"
    if any("BatchNorm" in name for name in classes):
        yield (
            "batch normalisation uses the running statistics and no longer updates them"
        )


def _eval_calls(trace: Trace) -> Iterator[tuple[str, Site]]:
    """Yield the calls of `….eval()` in the user's files."""
    for source in all_sources(trace.sources):
        for node in ast.walk(source.tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "eval"
                and not node.args
            ):
                yield ast.unparse(node), source.site_of(node)


def _tell_of_test(trace: Trace, op: Op, site: Site | None) -> Finding:
    what = (
        "batch normalisation uses the statistics of this batch and mixes them into its "
        "running ones"
        if plain_name(op) == "batch_norm"
        else "dropout drops a share of the numbers at random"
    )
    layer = f"`{op.scope}`" if op.scope else plain_name(op)
    return Finding(
        kind="train-mode-evaluation",
        title="The model is evaluated in training mode",
        explanation=(
            f"The call{where(site)} computes no gradient, and what comes of it is only "
            f"read, so it is an evaluation; but {layer}{where(op.site)} is in training "
            f"mode there: {what}."
        ),
        remedy=(
            f"Call `model.eval()` before it{where(site)}, and `model.train()` after it:"
            " `torch.no_grad()` does not change the mode."
        ),
        step=trace.step,
        site=site,
        values=op.outputs[-1:],
        ops=(op.id,),
    )


def _tell_of_drop(trace: Trace, op: Op) -> Finding:
    scope = f"`{op.scope}`" if op.scope else "the model"
    return Finding(
        kind="train-mode-evaluation",
        title="Dropout is on although its module is in evaluation mode",
        explanation=(
            f"{name_call(trace, op)} drops numbers at random in evaluation mode too: "
            f"{scope} is in evaluation mode, but the function does not know of it, and "
            "its `training` is True unless it is told."
        ),
        remedy="Write `training=self.training` in the call, or use `nn.Dropout`.",
        step=trace.step,
        site=op.site,
        values=op.outputs[:1],
        ops=(op.id,),
    )
