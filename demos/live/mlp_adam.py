"""Two layers learn XOR with Adam.

Try: graphscope run --break 'fc2 if step == 3' demos/live/mlp_adam.py
"""

import torch
from torch import nn


class Net(nn.Module):
    """Two inputs, eight hidden units, one number between 0 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2, 8)
        self.fc2 = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return one prediction for each row of `x`."""
        h = torch.tanh(self.fc1(x))
        return torch.sigmoid(self.fc2(h))


torch.manual_seed(0)
X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
for step in range(50):
    y_hat = net(X)
    loss = nn.functional.binary_cross_entropy(y_hat, Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step}: loss {loss.item():.4f}")
