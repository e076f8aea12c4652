"""Multi-layer perceptrons: layers, activations, dropout.

What a hidden layer adds to a linear model, why it needs an activation, and how the
gradients find their way through both. Each function runs by itself:
`graphscope demo ID`.
"""

import torch
import torch.nn.functional as F
from torch import nn


def linear_2_3() -> None:
    """ee-linear-2-3: nn.Linear(2, 3): two inputs, three outputs.

    Look at: every output is a row of the weight times the input, plus its bias:
    0.2 · 1 + 0.5 · 2 + 0.5 = 1.7. One sample or a batch of one give the same numbers by
    another way: only the single one ends in a ViewBackward0.
    """
    linear = nn.Linear(2, 3)
    linear.weight.data = torch.tensor([[0.2, 0.5], [2.1, -1.3], [-3.0, -2.2]])
    linear.bias.data = torch.tensor([0.5, -0.2, 4.1])

    x = torch.tensor([1.0, 2.0])
    out = linear(x)
    batch = torch.tensor([[1.0, 2.0]])
    out_batch = linear(batch)
    print(out)
    print(out_batch)


def bias_rows() -> dict[str, object]:
    """ee-mlp-bias-rows: The bias as the first row of every weight matrix.

    Look at: a 1 is put in front of x and of z, so that the first row of W1 and of W2 is
    the bias; the first entry of the gradient of W2 is that 1.
    """
    torch.manual_seed(0)
    x = torch.rand(1, 3)
    W1 = torch.rand(4, 2, requires_grad=True)
    W2 = torch.rand(3, 1, requires_grad=True)

    one = torch.ones(1, 1)
    one_x = torch.cat([one, x], dim=1)
    z = one_x @ W1
    one_z = torch.cat([one, z], dim=1)
    y = one_z @ W2
    total = y.sum()
    total.backward()
    print("y =", y, "gradient of W2:", W2.grad)

    error = ""
    try:
        x @ W1  # as the slide prints it, without the 1: (1, 3) does not fit (4, 2)
    except RuntimeError as problem:
        error = type(problem).__name__
        print(problem)
    return {"as_printed_error": error}


def linear_stack() -> None:
    """ee-linear-stack: Two linear layers without an activation are one linear layer.

    Look at: y went through both layers, y_one through the product of their weights, and
    they differ by rounding only: the second layer adds nothing.
    """
    torch.manual_seed(0)
    layer_1, layer_2 = nn.Linear(3, 4), nn.Linear(4, 2)
    x = torch.rand(5, 3)

    h = layer_1(x)
    y = layer_2(h)

    W = layer_2.weight @ layer_1.weight
    b = layer_2.weight @ layer_1.bias + layer_2.bias
    y_one = x @ W.T + b
    max_diff = (y - y_one).abs().max()
    is_same = torch.isclose(y, y_one, atol=1e-6).all()
    print(y, y_one, "largest difference:", max_diff, is_same)


def activations() -> None:
    """ee-activations: Sigmoid, tanh, ReLU, leaky ReLU and ELU, and their slopes.

    Look at: in the variables style every arrow from x carries the slopes at −2, 0 and
    2: the ReLU has none left of zero, the leaky one 0.1, the sigmoid never above 0.25.
    """
    x = torch.tensor([-2.0, 0.0, 2.0], requires_grad=True)
    sigmoid = torch.sigmoid(x)
    tanh = torch.tanh(x)
    relu = torch.relu(x)
    leaky = F.leaky_relu(x, negative_slope=0.1)
    elu = F.elu(x)

    total = torch.stack([sigmoid, tanh, relu, leaky, elu]).sum()
    total.backward()
    print(sigmoid, tanh, relu, leaky, elu, sep="\n")
    print("all slopes added up:", x.grad)


def neural_net_1() -> None:
    """41-neuralnet1: 784 inputs, 5 hidden, 1 output: sigmoid inside, then BCELoss.

    Look at: forward ends with the sigmoid, so y_hat is a probability and the loss is
    BCELoss; 3931 parameters, nearly all of them in linear1.
    """

    class NeuralNet1(nn.Module):
        def __init__(self, input_size: int, hidden_size: int) -> None:
            super().__init__()
            self.linear1 = nn.Linear(input_size, hidden_size)
            self.relu = nn.ReLU()
            self.linear2 = nn.Linear(hidden_size, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.relu(self.linear1(x))
            z = self.linear2(hidden)
            return torch.sigmoid(z)

    torch.manual_seed(0)
    model = NeuralNet1(input_size=28 * 28, hidden_size=5)
    criterion = nn.BCELoss()
    x = torch.rand(8, 28 * 28)
    y = torch.ones(8, 1)
    y_hat = model(x)
    loss = criterion(y_hat, y)
    loss.backward()
    print(model, y_hat.shape, loss)


def neural_net_2() -> None:
    """41-neuralnet2: 784 inputs, 5 hidden, 3 classes: no softmax, CrossEntropyLoss.

    Look at: forward ends with the scores, because the loss has the softmax in it; the
    two more outputs make 12 parameters more than the net before: 3943.
    """

    class NeuralNet2(nn.Module):
        def __init__(self, input_size: int, hidden_size: int, num_classes: int) -> None:
            super().__init__()
            self.linear1 = nn.Linear(input_size, hidden_size)
            self.relu = nn.ReLU()
            self.linear2 = nn.Linear(hidden_size, num_classes)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.relu(self.linear1(x))
            z: torch.Tensor = self.linear2(hidden)
            return z

    torch.manual_seed(0)
    model = NeuralNet2(input_size=28 * 28, hidden_size=5, num_classes=3)
    criterion = nn.CrossEntropyLoss()
    x = torch.rand(8, 28 * 28)
    y = torch.randint(0, 3, (8,))
    z = model(x)
    loss = criterion(z, y)
    loss.backward()
    print(model, z.shape, loss)


def parabola() -> None:
    """ee-nonlinear-mlp: 100 hidden ReLUs learn a parabola, 1000 epochs.

    Look at: a line is stuck at a loss of 0.0796 on these points (ee-nonlinear-linear);
    the hidden layer brings it from 0.6470 to 0.0011.
    """

    class MLP(nn.Module):
        def __init__(self, input_dim: int, output_dim: int, hidden_dim: int) -> None:
            super().__init__()
            self.linear1 = nn.Linear(input_dim, hidden_dim)
            self.linear2 = nn.Linear(hidden_dim, output_dim)
            self.activation = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.activation(self.linear1(x))
            y_hat: torch.Tensor = self.linear2(hidden)
            return y_hat

    torch.manual_seed(42)
    samples = torch.rand(100)
    labels = (2 * samples - 1) ** 2 + torch.rand(samples.shape) * 0.1
    nn.Linear(1, 1)  # the lecture's line: it takes two random numbers, so make it here
    model = MLP(1, 1, 100)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    for epoch in range(1000):
        y_hat = model(samples.unsqueeze(1))
        loss = loss_fn(y_hat, labels.unsqueeze(1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if epoch % 100 == 0:
            print(f"epoch {epoch}: loss {loss.item():.6f}")


def dropout() -> None:
    """ee-dropout: Dropout is random in train() and does nothing in eval().

    Look at: while training about half of x becomes 0 and the rest is doubled, so the
    mean stays near 1; in eval() x comes out as it went in.
    """
    torch.manual_seed(0)
    layer = nn.Dropout(p=0.5)
    x = torch.ones(1000)

    layer.train()
    trained = layer(x)
    train_values = trained.unique()
    train_mean = trained.mean()

    layer.eval()
    evaluated = layer(x)
    is_identity = (evaluated == x).all()
    print(train_values, train_mean, is_identity)


def two_paths() -> None:
    """x-two-paths: A weight that is used twice: in the layer and in its own norm.

    Look at: two arrows leave the weight. Back along them come [3, 6] from the data and
    [0.06, 0.08] from the norm, and their sum, [3.06, 6.08], is its gradient.
    """
    model = nn.Linear(2, 1)
    model.weight.data = torch.tensor([[3.0, 4.0]])
    model.bias.data = torch.tensor([0.5])
    x = torch.tensor([[1.0, 2.0]])
    y = torch.tensor([[10.0]])

    y_hat = model(x)
    data_loss = F.mse_loss(y_hat, y)
    norm = model.weight.norm()
    loss = data_loss + 0.1 * norm

    loss.backward()
    print("loss =", loss, "gradient of the weight:", model.weight.grad)


if __name__ == "__main__":
    for example in [f for f in globals().values() if hasattr(f, "__code__")]:
        print("\n" + (example.__doc__ or "").partition("\n")[0])
        example()
