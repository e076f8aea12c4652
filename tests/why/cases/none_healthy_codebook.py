"""A vector-quantised autoencoder with a commitment loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class VectorQuantizer(nn.Module):
    def __init__(self, n, d, beta=0.25):
        super().__init__()
        self.embedding = nn.Embedding(n, d)
        self.embedding.weight.data.uniform_(-1 / n, 1 / n)
        self.beta = beta

    def forward(self, z):
        d = (
            z.pow(2).sum(1, keepdim=True)
            + self.embedding.weight.pow(2).sum(1)
            - 2 * z @ self.embedding.weight.t()
        )
        idx = torch.argmin(d, dim=1).unsqueeze(1)
        enc = torch.zeros(idx.shape[0], self.embedding.num_embeddings)
        enc.scatter_(1, idx, 1)
        zq = enc @ self.embedding.weight
        loss = F.mse_loss(zq, z.detach()) + self.beta * F.mse_loss(zq.detach(), z)
        zq = z + (zq - z).detach()
        return zq, loss


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))
        self.vq = VectorQuantizer(16, 4)
        self.dec = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 10))

    def forward(self, x):
        q, l = self.vq(self.enc(x))
        return self.dec(q), l


model = VQVAE()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(4):
    x = torch.randn(16, 10)
    out, vql = model(x)
    loss = F.mse_loss(out, x) + vql
    opt.zero_grad()
    loss.backward()
    opt.step()
