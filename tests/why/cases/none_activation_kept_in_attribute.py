"""The gradient of feature maps that the model keeps for Grad-CAM, read afterwards."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 4, 3)
        self.c2 = nn.Conv2d(4, 8, 3)
        self.fc = nn.Linear(8, 5)
        self.activations = None

    def forward(self, x):
        x = F.relu(self.c1(x))
        x = F.relu(self.c2(x))
        self.activations = x
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.fc(x)


model = CNN().eval()
image = torch.randn(1, 1, 10, 10)
scores = model(image)
cls = scores.argmax(1).item()
scores[0, cls].backward()
grads = model.activations.grad  # finds: none-grad
if grads is not None:
    weights = grads.mean(dim=(2, 3))
else:
    print("grads is None")
