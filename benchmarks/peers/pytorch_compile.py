"""PyTorch with ``torch.compile`` for the model and for the optimizer's step."""

import torch

from benchmarks.peers.harness import LEARNING_RATE, AfterEpoch, Problem
from benchmarks.peers.pytorch_eager import build, run_epochs


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    model = build(problem)
    rate = torch.tensor(LEARNING_RATE)  # a tensor, so that changes do not recompile
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, capturable=False)
    loss_function = torch.nn.CrossEntropyLoss()
    forward = torch.compile(lambda images, labels: loss_function(model(images), labels))
    update = torch.compile(optimizer.step)

    def step(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        loss = forward(images, labels)
        loss.backward()
        update()
        return loss.detach()

    run_epochs(problem, step, after_epoch)
    return f"PyTorch {torch.__version__}"
