"""BatchNorm2d behind a convolution along one axis."""

import torch
from torch import nn


class AudioNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 8, 5), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool1d(2)
        )
        self.fc = nn.Linear(8 * 14, 2)

    def forward(self, wav):
        z = self.features(wav)  # finds: mismatch
        return self.fc(z.flatten(1))


net = AudioNet()
wav = torch.randn(3, 1, 32)
logits = net(wav)
nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1])).backward()
