"""A dictionary of results for every epoch, with the tensors themselves."""

import torch

torch.manual_seed(3)
weight = torch.randn(2, 2, requires_grad=True)
results = {}
for epoch in range(6):
    data = torch.randn(4, 2)
    prediction = torch.sigmoid(data @ weight)
    error = (prediction - 0.5).abs().sum()
    error.backward()
    with torch.no_grad():
        weight -= 0.1 * weight.grad
    weight.grad = None
    results[epoch] = {"error": error, "prediction": prediction}  # finds: kept-graph
