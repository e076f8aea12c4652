"""A Function whose backward forgets one of its inputs."""

import torch


class ScaledSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return scale * x * x

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * 2 * scale * x, None  # finds: none-grad


x = torch.randn(5, requires_grad=True)
scale = torch.tensor(1.5, requires_grad=True)
loss = ScaledSquare.apply(x, scale).sum()
loss.backward()
print(x.grad, scale.grad)
