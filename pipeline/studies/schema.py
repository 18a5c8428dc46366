"""Every key of a study's file, with its type, its range and its default."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from pipeline.config.schema import NAME_PATTERN
from pipeline.config.sections import NamedWithArguments, Section

GRID = "grid"
ONE_AT_A_TIME = "one_at_a_time"
SEED = "train.seed"
Positive = Annotated[int, Field(ge=1)]


class Search(NamedWithArguments):
    """How trials are chosen: from the axes alone, or by a sampler of Optuna with its arguments."""

    name: str = Field(
        GRID,
        description="grid (all combinations), one_at_a_time (each value with the first values of "
        "all other axes, and every seed), random, or a sampler of Optuna in lower case, such as "
        "tpe.",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the sampler.")
    parallel: Positive = Field(
        1,
        description="Number of trials proposed before the result of the first of them is known.",
    )

    @field_validator("name")
    @classmethod
    def _normalize(cls, name: str) -> str:
        """Return TPESampler as tpe: they are the same search."""
        return name.lower().removesuffix("sampler")


class Pruner(NamedWithArguments):
    """A pruner of Optuna, which stops trials that are worse than others, with its arguments."""

    @field_validator("name")
    @classmethod
    def _normalize(cls, name: str) -> str:
        """Return MedianPruner as median: they are the same pruner."""
        return name.lower().removesuffix("pruner")


class Budget(Section):
    """When to stop. Never in seconds, so that the same study has the same trials everywhere."""

    trials: Positive | None = Field(None, description="Number of trials.")
    epochs: Positive | None = Field(None, description="Epochs of all trials together.")
    images: Positive | None = Field(
        None,
        description="Training images in all trials together, counted each time a gradient is "
        "computed from them.",
    )


class StudySchema(Section):
    """A study: a configuration, the values of its keys to try, and how to choose among them."""

    name: str = Field(
        max_length=100, pattern=NAME_PATTERN, description="The name of the folder of its results."
    )
    base: str = Field(description="A configuration, relative to the study's file.")
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="Values of keys that are the same in all trials."
    )
    axes: dict[str, Any] = Field(
        description="For each key, a list of values, or a range: {low: 0.001, high: 1, log: true}. "
        "A value may have axes of its own: {value: sgd, axes: {optimizer.learning_rate: [1, 2]}}."
    )
    tuned: tuple[str, ...] = Field(
        ("optimizer.learning_rate",),
        description="Keys to tune: their best values are chosen separately for each combination "
        "of the other keys before these are compared.",
    )
    target: float | None = Field(
        None, description="Validation score; the results list what each trial needs to reach it."
    )
    search: Search = Search()
    pruner: Pruner | None = None
    budget: Budget = Budget()
    threads: Positive = Field(
        2, description="Threads of each trial; a different number changes the last bits of results."
    )
    executor: Literal["local", "ray"] = Field(
        "local", description="local: one trial after another; ray: on a Ray cluster (extra ray)."
    )
