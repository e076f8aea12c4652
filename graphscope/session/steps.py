"""Recorded steps as the user reads them: by index, by name, saved in any format."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from graphscope.analysis.summary import ModelSummary, summarize_model
from graphscope.diagram.build import build_diagram
from graphscope.diagram.model import Diagram, Style
from graphscope.diagram.options import DiagramOptions, PathEnds
from graphscope.errors import RecordingError
from graphscope.model.finding import Finding
from graphscope.model.trace import Recording, Trace
from graphscope.model.view import ValueView
from graphscope.render.text import to_text
from graphscope.session.chains import ChainRuleView, view_chain_rule
from graphscope.session.choosing import last_complete
from graphscope.storage.writer import RecordingWriter

if TYPE_CHECKING:
    from graphscope.session.answers import AnswerView


class TracedStep:
    """One recorded step: values by name, as a text picture, saved in any format."""

    def __init__(self, trace: Trace, environment: Mapping[str, str]) -> None:
        self.trace = trace
        self._environment = environment

    @property
    def step(self) -> int:
        """Its 0-based index in the recording."""
        return self.trace.step

    @property
    def loss(self) -> float | None:
        """The scalar that backward started from, None when there was none."""
        return self.trace.loss()

    @property
    def names(self) -> list[str]:
        """All names that `step[name]` knows, in order of first appearance."""
        return list(self.trace.graph.names)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The known traps that show in this step, looked at alone."""
        from graphscope.analysis.findings import find_in_step

        return find_in_step(self.trace)

    def __getitem__(self, name: str) -> ValueView:
        """Return the value that the user's code calls `name`.

        Raises:
            UnknownNameError: No value has the name; lists the nearest three.
        """
        return ValueView(self.trace, self.trace.resolve(name))

    def all(self, name: str) -> list[ValueView]:
        """Return every value of that name: one per pass, and per in-place version."""
        self.trace.resolve(name)
        ids = self.trace.graph.names[name]
        return [ValueView(self.trace, self.trace.graph.values[i]) for i in ids]

    def chain_rule(self, leaf: str, root: str | None = None) -> ChainRuleView:
        """Take the gradient of `root` by `leaf` apart into factors, with two checks.

        Without `root` it is about what backward started from last.

        Raises:
            UnknownNameError: A name is not in the step.
            NotRecordedError: No gradient flowed between the two in this step.
        """
        return view_chain_rule(self.trace, leaf, root)

    def why(self, name: str | None = None) -> "AnswerView":
        """Answer why the gradient of something is what it is: None, 0, NaN, or large.

        Printed it is the verdict, what explains it, and the chain rule; it has
        `.verdict`, `.findings` and `.is_suspicious`.

        Args:
            name: A name of your code, such as `w`, `w.grad` or `fc1.weight.grad`.
                Without one it is about the whole model: which parameters got no
                gradient, counted by the reason.

        Raises:
            UnknownNameError: The step has nothing of that name; lists the nearest.
        """
        from graphscope.session.answers import ask_step

        return ask_step(self.trace, name)

    def summary(self) -> ModelSummary:
        """Return the layers that ran, with output shapes and parameter counts.

        Printed it is the table of torchsummary; `.rows`, `.total`, `.trainable` and
        `.non_trainable` have its numbers.
        """
        return summarize_model(self.trace)

    def diagram(
        self,
        style: str = "operations",
        depth: int | None = None,
        *,
        lecture: bool = False,
        path: str | tuple[str, str | None] | None = None,
    ) -> Diagram:
        """Return the picture of the step, without coordinates; see `save`."""
        ends = _ends_of(path)
        options = DiagramOptions(Style(style), depth, lecture=lecture, path=ends)
        return build_diagram(self.trace, options)

    def save(
        self,
        file: str | Path,
        /,
        *,
        style: str = "operations",
        depth: int | None = None,
        engine: str = "auto",
        lecture: bool = False,
        path: str | tuple[str, str | None] | None = None,
    ) -> None:
        """Write the step to `file`, in the format that the suffix says.

        Known suffixes: .svg .png .pdf .html .dot .json .graphml .mmd .txt .gscope

        Args:
            file: Where to write.
            style: `operations` or `variables`.
            depth: Modules nested this deep are drawn as one box each.
            engine: What lays images out: `auto`, `dot`, `wasm` or `builtin`.
            lecture: Draw as one box what a slide writes as one formula: `x @ w.T + b`
                and `linear(x)` alike.
            path: Mark the path of a gradient: `"w"` from what backward started from
                back to w, `("w", "h")` from h back to w.

        Raises:
            ExportError: The suffix is unknown or the file cannot be written; an
                existing file is left as it was.
            UnknownNameError: A name in `path` is not in the step.
            NotRecordedError: No gradient flowed along `path`.
        """
        target = Path(file)
        if target.suffix == ".gscope":
            save_recording(target, [self.trace], self._environment)
            return
        from graphscope.render.save import save_trace

        ends = _ends_of(path)
        options = DiagramOptions(Style(style), depth, lecture=lecture, path=ends)
        save_trace(self.trace, target, diagram_options=options, engine=engine)

    def __str__(self) -> str:
        """Return the text picture."""
        return to_text(self.diagram())

    def __repr__(self) -> str:
        """Return step, size and status on one line."""
        graph = self.trace.graph
        return (
            f"<step {self.step}: {len(graph.ops)} ops, {len(graph.events)} events, "
            f"{self.trace.status.value}>"
        )


def _ends_of(path: str | tuple[str, str | None] | None) -> PathEnds | None:
    return (path, None) if isinstance(path, str) else path


class LoadedRecording:
    """A sequence of steps: `recording[12]["w"].grad`."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    @property
    def environment(self) -> Mapping[str, str]:
        """Versions, platform, script and arguments of the run."""
        return self.recording.environment

    @property
    def error(self) -> str:
        """What ended the run early: an exception, or why it was stopped; else empty."""
        return str(getattr(self.recording, "error", ""))

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.recording)

    def __getitem__(self, step: int) -> TracedStep:
        """Return one step; negative indices count from the end.

        Raises:
            StepRangeError: There is no such step.
        """
        return TracedStep(self.recording[step], self.recording.environment)

    def __iter__(self) -> Iterator[TracedStep]:
        """Iterate over the steps."""
        for step in range(len(self)):
            yield self[step]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The known traps, each at the step in which it shows first; reads all steps.

        Also those that only show from step to step: a learning rate that is too
        large, gradients that are never zeroed.
        """
        from graphscope.analysis.findings import find_all

        return find_all(self.recording)

    def why(self, name: str | None = None, step: int | None = None) -> "AnswerView":
        """Answer why the gradient of something is what it is; see `TracedStep.why`.

        Args:
            name: A name of your code, such as `w`, `w.grad` or `fc1.weight.grad`;
                None for the whole model.
            step: The index of the step. Without it the first one in which something
                was found about it, and where nothing was the last complete one.

        Raises:
            UnknownNameError: The step has nothing of that name; lists the nearest.
            StepRangeError: There is no such step.
        """
        from graphscope.session.answers import (
            ask_model,
            ask_why,
            choose_trace,
            find_findings,
        )

        recording = self.recording
        if name is None:
            return ask_model(
                last_complete(recording) if step is None else recording[step]
            )
        found = find_findings(recording)
        if step is not None:
            return ask_why(recording[step], name, recording, found)
        trace = choose_trace(recording, name, found, last_complete(recording))
        return ask_why(trace, name, recording, found)

    def losses(self) -> list[float | None]:
        """Return the loss of every step."""
        return list(self.recording.losses())

    def save(self, path: str | Path) -> None:
        """Write all steps to a `.gscope` file."""
        traces = [self.recording[step] for step in range(len(self))]
        save_recording(Path(path), traces, self.environment, error=self.error)

    def __repr__(self) -> str:
        """Return the number of steps and the script, on one line."""
        script = self.environment.get("script", "")
        return f"<recording of {len(self)} steps{' of ' * bool(script)}{script}>"

    def close(self) -> None:
        """Close the file, if there is one."""
        close = getattr(self.recording, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def save_recording(
    path: Path,
    traces: Sequence[Trace],
    environment: Mapping[str, str],
    *,
    error: str = "",
) -> None:
    """Write traces to a `.gscope` file; replaces an older recording, nothing else.

    Args:
        path: Where to.
        traces: The steps.
        environment: Versions, platform, script and its arguments.
        error: What ended the run early.

    Raises:
        RecordingError: The file is something else, or cannot be written.
    """
    writer = RecordingWriter(path, environment=environment, overwrite=True)
    for found in traces:
        writer.add(found)
    writer.close(error=error)
    if writer.error is not None:
        raise writer.error
    if writer.dropped:
        raise RecordingError(
            f"{writer.dropped} of {len(traces)} steps are too large for {path}: record "
            "with a smaller `whole`, or fewer steps."
        )
