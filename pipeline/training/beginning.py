"""What a training begins with, in the process that leads it and in those that follow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from pipeline.artifacts.data_set import DataSet
from pipeline.config.batch_size import batch_size_of
from pipeline.models.dense import build_model
from pipeline.models.standardization import Standardization, measure
from pipeline.tasks.registry import task_of
from pipeline.training.feed import Feed
from pipeline.training.members import member_seed
from pipeline.training.streaming import open_feed

if TYPE_CHECKING:
    from pipeline.config.schema import Config


@dataclass(frozen=True)
class Beginning:
    """A new network, the feed of its images, and the standardization of these, if there is one."""

    model: keras.Model
    feed: Feed
    standardization: Standardization | None

    @classmethod
    def of_member(cls, config: "Config", data: DataSet, number: int) -> "Beginning":
        """Return that of a member of the committee, counted from 1; a single network is member 1.

        Raises:
            ConfigError: the batch is larger than the data or the memory limit.
        """
        seed = member_seed(config.train.seed, number)
        keras.utils.set_random_seed(seed)
        images = data.train.images
        standardization = measure(images) if config.model.input == "standardized" else None
        model = new_model(config, data, config.train.precision, standardization)
        feed = open_feed(
            data.train,
            batch_size=batch_size_of(config, len(data.train)),
            seed=seed,
            memory_mb=config.train.memory_mb,
        )
        return cls(model, feed, standardization)


def new_model(
    config: "Config",
    data: DataSet,
    precision: str,
    standardization: Standardization | None = None,
) -> keras.Model:
    """Return a new network for the images and labels of a data set."""
    return build_model(
        config.model,
        image_shape=data.image_shape,
        num_classes=len(data.class_names),
        task=task_of(config),
        precision=precision,
        standardization=standardization,
    )
