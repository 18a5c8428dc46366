"""``pipeline gradcheck``: check the gradients of a configured network on a real mini-batch."""

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from pipeline.artifacts.data_set import read_data
from pipeline.stages import check_network, run_stages

if TYPE_CHECKING:
    from pipeline.artifacts.data_set import DataSet
    from pipeline.config.schema import Config
    from pipeline.engine.workspace import Workspace
    from pipeline.gradcheck.framework import Batch
    from pipeline.gradcheck.report import GradientCheck
    from pipeline.progress import Progress

MAX_IMAGES = 256  # of the batch; more would make the finite differences slow, not better


def check_configured(
    config: "Config", workspace: "Workspace", progress: "Progress"
) -> "GradientCheck":
    """Prepare the data, build the network as ``train`` does, and check its gradients.

    Raises:
        PipelineError: the configuration is invalid, or the data is not available.
    """
    check_network(config, progress)
    [data] = run_stages(config, workspace, progress, until="data")
    check = import_module("pipeline.gradcheck.check")  # TensorFlow
    found = read_data(data.output.path)
    with progress.task("checking gradients") as task:
        result: GradientCheck = check.check_network(
            config, found, _batch(config, found), on_tensor=lambda name: task.update(0, name)
        )
    return result


def _batch(config: "Config", data: "DataSet") -> "Batch":
    """Return the first mini-batch of training images, in an order drawn from the seed."""
    from pipeline.gradcheck.framework import Batch

    order = np.random.default_rng(config.train.seed).permutation(len(data.train))
    size = MAX_IMAGES if config.train.batch_size == "full" else config.train.batch_size
    chosen = np.sort(order[: min(size, MAX_IMAGES)])
    return Batch(data.train.images[chosen], data.train.labels[chosen])
