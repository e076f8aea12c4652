"""A validation loop over batches, under no_grad() and without eval()."""

import torch
import torch.nn as nn

torch.manual_seed(0)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout2d(0.25)
        self.fc = nn.Linear(4 * 36, 3)

    def forward(self, x):
        x = self.drop(torch.relu(self.bn(self.c(x))))
        return self.fc(x.flatten(1))


model = ConvNet()
crit = nn.CrossEntropyLoss()
opt = torch.optim.SGD(model.parameters(), lr=0.01)
train_data = [(torch.randn(8, 1, 8, 8), torch.randint(0, 3, (8,))) for _ in range(3)]
val_data = [(torch.randn(8, 1, 8, 8), torch.randint(0, 3, (8,))) for _ in range(2)]
for epoch in range(2):
    for x, y in train_data:
        opt.zero_grad()
        crit(model(x), y).backward()
        opt.step()
    correct = 0
    with torch.no_grad():
        for x, y in val_data:
            out = model(x)  # finds: train-mode-evaluation
            correct += (out.argmax(1) == y).sum().item()
    print("val acc", correct / 16)
