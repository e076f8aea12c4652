"""Soft actor-critic whose target follows the critic through `.data`."""

import torch
import torch.nn as nn
from torch.distributions import Normal

torch.manual_seed(0)


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(3, 32)
        self.mu = nn.Linear(32, 1)
        self.log_std = nn.Linear(32, 1)

    def forward(self, s):
        h = torch.relu(self.l(s))
        return self.mu(h), self.log_std(h).clamp(-20, 2)

    def sample(self, s):
        mu, ls = self(s)
        n = Normal(mu, ls.exp())
        u = n.rsample()
        a = torch.tanh(u)
        lp = n.log_prob(u) - torch.log(1 - a.pow(2) + 1e-6)
        return a, lp.sum(1, keepdim=True)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.q1 = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
        self.q2 = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, s, a):
        x = torch.cat([s, a], 1)
        return self.q1(x), self.q2(x)


actor, critic, critic_t = Actor(), Critic(), Critic()
critic_t.load_state_dict(critic.state_dict())
log_alpha = torch.zeros(1, requires_grad=True)
oa = torch.optim.Adam(actor.parameters(), lr=3e-4)
oc = torch.optim.Adam(critic.parameters(), lr=3e-4)
ot = torch.optim.Adam([log_alpha], lr=3e-4)
for _ in range(4):
    s, a, r, s2, d = (
        torch.randn(16, 3),
        torch.rand(16, 1),
        torch.rand(16, 1),
        torch.randn(16, 3),
        torch.zeros(16, 1),
    )
    with torch.no_grad():
        a2, lp2 = actor.sample(s2)
        t1, t2 = critic_t(s2, a2)
        y = r + 0.99 * (1 - d) * (torch.min(t1, t2) - log_alpha.exp() * lp2)
    q1, q2 = critic(s, a)
    lc = nn.functional.mse_loss(q1, y) + nn.functional.mse_loss(q2, y)
    oc.zero_grad()
    lc.backward()
    oc.step()
    pi, lp = actor.sample(s)
    q1, q2 = critic(s, pi)
    la = (log_alpha.exp().detach() * lp - torch.min(q1, q2)).mean()
    oa.zero_grad()
    la.backward()
    oa.step()
    lt = -(log_alpha * (lp + -1.0).detach()).mean()
    ot.zero_grad()
    lt.backward()
    ot.step()
    with torch.no_grad():
        for p, pt in zip(critic.parameters(), critic_t.parameters()):
            pt.data.mul_(0.995)
            pt.data.add_(0.005 * p.data)
