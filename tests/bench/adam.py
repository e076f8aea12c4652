"""The benchmark's MLP, trained with Adam for as long as somebody steps through it."""

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it

from tests.bench.models import perceptron


def train(steps: int) -> None:
    """Train on one batch."""
    torch.manual_seed(0)
    model = perceptron()
    x, y = torch.randn(64, 256), torch.randint(0, 10, (64,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for _ in range(steps):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    train(1000)
