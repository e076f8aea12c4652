"""Images with their channels behind, as most image libraries read them."""

import torch
from torch import nn

conv = nn.Conv2d(3, 8, kernel_size=3, padding=1)
images = torch.rand(2, 16, 16, 3)
features = conv(images)  # finds: mismatch
