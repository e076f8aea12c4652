"""Leading a table of breakpoints through recorded steps, as training would."""

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from graphscope.debugger.breakpoints import BreakpointTable
from graphscope.debugger.recorded import RecordedArrival
from graphscope.model.graph import EventKind
from graphscope.model.trace import Trace
from tests.capture.capturing import capture


def arrivals_of(trace: Trace, *, is_twice: bool = True) -> Iterator[RecordedArrival]:
    """Yield the arrivals of a step: of a node two, where training can be held there."""
    for event in trace.graph.events:
        if event.kind is EventKind.GRAD and is_twice:
            yield RecordedArrival(trace, event.index, is_before=True)
        yield RecordedArrival(trace, event.index)


def pauses(
    table: BreakpointTable, traces: Iterable[Trace], *, is_twice: bool = True
) -> list[str]:
    """Return where a table pauses: `step: event`, `before` for a node that will run."""
    found = []
    for trace in traces:
        for arrival in arrivals_of(trace, is_twice=is_twice):
            if table.find_hit(arrival, 0) is not None:
                before = "before " if arrival.is_before else ""
                title = trace.event_title(arrival.index)
                found.append(f"{trace.step}: {before}{title}")
        table.check(trace)
    return found


def pauses_of(
    text: str, traces: Iterable[Trace], *, is_twice: bool = True
) -> list[str]:
    """Return where a single breakpoint pauses."""
    table = BreakpointTable()
    table.add(text)
    return pauses(table, traces, is_twice=is_twice)


class Block(nn.Module):
    """A residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.fc(x)
        return x + torch.relu(h) * 0.5  # line of the block


class Net(nn.Module):
    """Two blocks and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        out: torch.Tensor = self.head(x)
        return out


def train(steps: int = 2) -> list[Trace]:
    """Return the traces of a short training of `Net`."""
    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    x, y = torch.ones(3, 2), torch.zeros(3, 1)

    def run() -> None:
        for _ in range(steps):
            loss = ((net(x) - y) ** 2).mean()  # line of the loss
            optimizer.zero_grad()
            loss.backward()  # line of backward
            optimizer.step()

    return capture(run)


def line_of(comment: str) -> int:
    """Return the number of the line above that has `comment` behind it."""
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123 - one read
        lines = file.read().splitlines()
    found = [n for n, line in enumerate(lines, 1) if line.endswith(f"# {comment}")]
    return found[0]
