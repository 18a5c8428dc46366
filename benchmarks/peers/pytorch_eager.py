"""PyTorch in eager mode: tensors in memory, one permutation per epoch.

Without ``DataLoader``: for images in memory, indexing tensors is several times faster.
"""

from collections.abc import Callable

import torch

from benchmarks.peers.harness import LEARNING_RATE, AfterEpoch, Problem

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    model = build(problem)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    loss_function = torch.nn.CrossEntropyLoss()

    def step(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    run_epochs(problem, step, after_epoch)
    return f"PyTorch {torch.__version__}"


def build(problem: Problem) -> torch.nn.Module:
    """Return the network with the initial weights."""
    layers: list[torch.nn.Module] = []
    for kernel, bias in zip(problem.weights[::2], problem.weights[1::2], strict=True):
        linear = torch.nn.Linear(*kernel.shape)
        linear.weight.data = torch.from_numpy(kernel.T.copy())
        linear.bias.data = torch.from_numpy(bias.copy())
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def run_epochs(problem: Problem, step: Step, after_epoch: AfterEpoch) -> None:
    """Run one step for every batch of every epoch."""
    images, labels = torch.from_numpy(problem.scaled), torch.from_numpy(problem.labels)
    for _ in range(problem.epochs):
        total = torch.zeros(())
        for batch in torch.randperm(len(labels)).split(problem.batch_size):
            total += step(images[batch], labels[batch]) * len(batch)
        after_epoch(total.item() / len(labels))
