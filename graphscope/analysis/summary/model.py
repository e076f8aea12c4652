"""What a summary consists of."""

from dataclasses import dataclass

from graphscope.analysis.summary.table import Footer, clean, write_table


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One call of a layer.

    Attributes:
        index: 1 for the first row.
        class_name: Of the module.
        path: Its dotted path, empty for a model that is itself a layer.
        shapes: Of each tensor that it returned; the batch axis is −1.
        parameters: How many numbers its parameters have.
        trainable: How many of them require a gradient.
    """

    index: int
    class_name: str
    path: str
    shapes: tuple[tuple[int, ...], ...]
    parameters: int
    trainable: int

    @property
    def label(self) -> str:
        """Class and index: `Linear-1`."""
        return f"{self.class_name}-{self.index}"

    @property
    def shape_text(self) -> str:
        """The shape of the result, of several results the list of theirs.

        >>> SummaryRow(1, "Linear", "", ((-1, 3),), 15, 15).shape_text
        '[-1, 3]'
        """
        texts = [str([*shape]) for shape in self.shapes]
        if not texts:
            return "–"
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """The layers that ran in a step.

    Attributes:
        rows: In the order in which they returned.
        total: Numbers in all their parameters; shared ones count once.
        trainable: Those that require a gradient.
        input_bytes: What the models were given, for one example.
        output_bytes: All results and their gradients, for one example.
        parameter_bytes: The parameters.
        notes: What the table does not say; without a row why there is none.
    """

    rows: tuple[SummaryRow, ...] = ()
    total: int = 0
    trainable: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    parameter_bytes: int = 0
    notes: tuple[str, ...] = ()

    @property
    def non_trainable(self) -> int:
        """Numbers in parameters that are frozen."""
        return self.total - self.trainable

    def __str__(self) -> str:
        """Return the table as text, and under it the notes."""
        notes = "\n".join(clean(note) for note in self.notes)
        if not self.rows:
            return notes
        table = write_table(
            [(row.label, row.shape_text, row.parameters) for row in self.rows],
            Footer(
                self.total,
                self.trainable,
                self.input_bytes,
                self.output_bytes,
                self.parameter_bytes,
            ),
        )
        return f"{table}\n{notes}" if notes else table
