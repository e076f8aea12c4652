"""The validation has no no_grad, and its outputs are kept: nobody frees them."""

import torch
from torch import nn

torch.manual_seed(1)
model = nn.Sequential(nn.Linear(20, 64), nn.Sigmoid(), nn.Linear(64, 2))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
ce = nn.CrossEntropyLoss()
train_x, train_y = torch.randn(32, 20), torch.randint(0, 2, (32,))
val_x, val_y = torch.randn(16, 20), torch.randint(0, 2, (16,))

val_outputs = []
for epoch in range(6):
    model.train()
    opt.zero_grad()
    loss = ce(model(train_x), train_y)
    loss.backward()
    opt.step()

    model.eval()
    logits = model(val_x)
    val_outputs.append(logits)  # finds: kept-graph
    accuracy = (logits.argmax(1) == val_y).float().mean()
    print(epoch, accuracy.item())
