"""PyTorch with ``torch.compile`` around the model and around the optimiser's step."""

import torch
from harness import LEARNING_RATE, AfterEpoch, Problem
from pytorch_eager import build, run_epochs


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, tell the clock after each epoch, and return the versions."""
    model = build(problem)
    rate = torch.tensor(LEARNING_RATE)  # a tensor, so that no change of it compiles anew
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
