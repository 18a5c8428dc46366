"""``pipeline config --show-augment``: a picture with examples of changed training images."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.artifacts.data_set import read_data
from pipeline.engine.stage import load
from pipeline.errors import RequestError
from pipeline.stages import run_stages
from pipeline.system.atomic import write_file

if TYPE_CHECKING:
    from pipeline.config.schema import Config
    from pipeline.engine.workspace import Workspace
    from pipeline.progress import Progress

_IMAGES, _VARIANTS = 12, 11  # rows, and changed images beside each
_SIDE = 84  # pixels of the longer side of an image on the sheet: small images are enlarged to it


def write_sheet(config: "Config", path: Path, workspace: "Workspace", progress: "Progress") -> None:
    """Prepare the data, and write a PNG: a training image a row, first as it is, then changed.

    Raises:
        RequestError: the configuration changes no images, or ``path`` does not end in .png.
        ConfigError: images of this size or color cannot be changed so.
        PipelineError: the data is not available, or the file cannot be written.
    """
    if config.train.augment is None:
        raise RequestError(
            "--show-augment shows what train.augment does to images; the configuration has no "
            "train.augment. Add it, for example train.augment={rotation: 15}."
        )
    if path.suffix.lower() != ".png":
        raise RequestError(f"--show-augment writes a PNG; got {path}. Choose a name with .png.")
    [data] = run_stages(config, workspace, progress, until="data")
    train = read_data(data.output.path).train
    images = np.asarray(train.images[:_IMAGES])
    height, width, channels = images.shape[1:]
    checks = load("pipeline.training.augmentation.checks")
    checks.check_augmentation(config, (height, width, channels))
    found = load("pipeline.training.augmentation.examples")
    augment, seed = config.train.augment, config.train.seed
    shown = found.examples(augment, images, variants=_VARIANTS, seed=seed)
    pictures = import_module("pipeline.reporting.pictures")  # slow: Pillow
    sheet = pictures.sheet(shown, 1 + _VARIANTS, gap=2)
    scale = max(1, _SIDE // max(height, width))
    write_file(path, pictures.png(sheet.repeat(scale, axis=0).repeat(scale, axis=1)))
