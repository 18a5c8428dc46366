"""``pipeline gradcheck --explain``: the lecture's example, and the steps of a mini-batch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.artifacts.stage_facts import DataFacts
from pipeline.engine.runner import output_of
from pipeline.errors import RequestError
from pipeline.pages.writing import write_page
from pipeline.stages import check_network, run_stages
from pipeline.tasks.registry import task_of
from pipeline.textbook.output_formulas import OUTPUT_FORMULAS
from pipeline.textbook.scalar_example import Weights
from pipeline.textbook.scalar_steps import ScalarStep, scalar_steps
from pipeline.textbook.steps import Description, Step, steps

if TYPE_CHECKING:
    from pipeline.artifacts.stage_facts import LayerSummary
    from pipeline.config.schema import Config
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

TEMPLATE = "backpropagation.html"


@dataclass(frozen=True)
class Sample:
    """The numbers of the scalar example."""

    x: float = 1.0
    y: float = 1.0
    w0: float = 2.0
    w1: float = 0.5
    w2: float = 3.0
    alpha: float = 0.01


@dataclass(frozen=True)
class Explanation:
    """The lines of the scalar example, and the steps of one mini-batch of a network.

    ``widths`` are the units of the input and of each layer, ``batch`` the images.
    """

    name: str
    sample: Sample
    scalar: tuple[ScalarStep, ...]
    widths: tuple[int, ...]
    batch: int
    network: tuple[Step, ...]


def explain(
    config: "Config", sample: Sample, workspace: "Workspace", progress: "Progress"
) -> Explanation:
    """Calculate the example with the given numbers, and list the steps of a mini-batch.

    Only the full gradient needs the data, for the number of training images.

    Raises:
        RequestError: a number is not finite, or too large to calculate with.
        ConfigError: the configuration is invalid.
    """
    scalar = _scalar(sample)
    network = _description(config, check_network(config, progress))
    size = config.train.batch_size
    batch = _num_images(config, workspace, progress) if size == "full" else size
    made = tuple(steps(network, batch))
    return Explanation(config.name, sample, scalar, tuple(network.widths), batch, made)


def _description(config: "Config", layers: "list[LayerSummary]") -> Description:
    task, model = task_of(config), config.model
    widths = [layer.shape[-1] for layer in layers if layer.kind in ("Flatten", "Dense")]
    output = OUTPUT_FORMULAS[task.output_name, task.loss_name]
    return Description(widths, model.activation, output, dropout=model.dropout, l2=model.l2)


def _num_images(config: "Config", workspace: "Workspace", progress: "Progress") -> int:
    data = output_of(run_stages(config, workspace, progress, until="data"), DataFacts)
    assert data is not None, "the stage ran"
    return data.facts.train


def write_explanation(path: Path, explanation: Explanation) -> None:
    """Write the explanation as one self-contained HTML page.

    Raises:
        StorageError: the file cannot be written.
    """
    write_page(path, TEMPLATE, _page_data(explanation))


def _scalar(sample: Sample) -> tuple[ScalarStep, ...]:
    weights = Weights(sample.w0, sample.w1, sample.w2)
    try:
        lines = scalar_steps(sample.x, sample.y, weights, rate=sample.alpha)
    except OverflowError:
        lines = []
    if not lines or not all(math.isfinite(line.value) for line in lines):
        given = ", ".join(f"--{name} {value:g}" for name, value in vars(sample).items())
        raise RequestError(
            f"The example must stay finite; got {given}. Choose smaller numbers, for example "
            "between -10 and 10."
        )
    return tuple(lines)


def _page_data(explanation: Explanation) -> dict[str, Any]:
    layers = " - ".join(map(str, explanation.widths))
    return {
        "subtitle": f"The forward pass computes the loss; the backward pass computes the "
        f"derivative of the loss with respect to every weight. Network: {explanation.name}.",
        "network_text": f"{layers} units, {explanation.batch:,} images. A number of values is kept "
        "after each step: the backward pass needs the values of the forward pass.",
        "scalar": [{**vars(line), "value": f"{line.value:.6g}"} for line in explanation.scalar],
        "network": [
            {
                "phase": step.phase,
                "name": step.result,
                "formula": step.formula,
                "shape": step.shape,
                "flops": step.flops,
                "freed": step.freed,
                "alive": step.alive,
            }
            for step in explanation.network
        ],
    }
