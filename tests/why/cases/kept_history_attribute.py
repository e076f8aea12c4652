"""A trainer writes tensors into its history."""

from collections import defaultdict

import torch
from torch import nn


class Trainer:
    def __init__(self, model, lr=1e-2):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.loss_fn = nn.L1Loss()
        self.history = defaultdict(list)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.history["train_loss"].append(loss)  # finds: kept-graph

    def fit(self, batches):
        for x, y in batches:
            self.step(x, y)


trainer = Trainer(nn.Linear(5, 1))
trainer.fit((torch.randn(3, 5), torch.randn(3, 1)) for _ in range(6))
