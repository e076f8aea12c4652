"""The .grad of a hidden activation, without retain_grad()."""

import torch


def saliency(weights, image):
    features = torch.relu(image @ weights)
    score = features.sum()
    score.backward()
    return features.grad  # finds: none-grad


weights = torch.randn(6, 3, requires_grad=True)
print(saliency(weights, torch.randn(2, 6)))
