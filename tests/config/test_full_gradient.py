"""What conjugate_gradient and l_bfgs cannot be combined with is refused at once, with its place."""

import pytest

from pipeline.config import read
from pipeline.config.full_gradient import check_full_gradient
from pipeline.errors import ConfigError
from tests.support.paths import SMOKE

FULL = ["optimizer=l_bfgs", "train.batch_size=full"]


def message(*overrides: str) -> str:
    with pytest.raises(ConfigError) as raised:
        check_full_gradient(read(SMOKE, overrides))
    return str(raised.value)


def test_complete_configurations_are_accepted() -> None:
    check_full_gradient(read(SMOKE, FULL))
    check_full_gradient(
        read(SMOKE, ["optimizer={name: L_BFGS, maxcor: 5}", "train.batch_size=full"])
    )
    check_full_gradient(read(SMOKE, ["train.precision=mixed_bfloat16"]))  # with Adam


def test_batches_are_refused() -> None:
    assert message("optimizer=conjugate_gradient") == (
        "conjugate_gradient needs the gradient over all images; got batches of 64 "
        f"(train.batch_size in {SMOKE}, line 9). Set train.batch_size=full."
    )


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (
            "optimizer.learning_rate=0.1",
            "l_bfgs has no learning rate: a line search determines the length of each step "
            "(optimizer.learning_rate in the override 'optimizer.learning_rate=0.1'). Remove the "
            "key, or replace the whole section: optimizer=l_bfgs",
        ),
        (
            "optimizer.schedule=cosine",
            "l_bfgs has no learning rate: a line search determines the length of each step "
            "(optimizer.schedule in the override 'optimizer.schedule=cosine'). Remove the key, or "
            "replace the whole section: optimizer=l_bfgs",
        ),
        (
            "optimizer.scale_with_batch=128",
            "l_bfgs has no learning rate: a line search determines the length of each step "
            "(optimizer.scale_with_batch in the override 'optimizer.scale_with_batch=128'). Remove "
            "the key, or replace the whole section: optimizer=l_bfgs",
        ),
        (
            "optimizer.weight_decay_on=kernels",
            "l_bfgs has no weight decay (optimizer.weight_decay_on in the override "
            "'optimizer.weight_decay_on=kernels'). Remove the key; model.l2 is an alternative, and "
            "applies to kernels alone.",
        ),
        (
            "model.dropout=0.2",
            "l_bfgs requires a deterministic loss, but dropout changes it at random; got 0.2 "
            "(model.dropout in the override 'model.dropout=0.2'). Set model.dropout=0; model.l2 is "
            "an alternative.",
        ),
        (
            "train.augment={rotation: 5}",
            "l_bfgs requires a deterministic loss, but train.augment changes the images in every "
            "epoch (train.augment in the override 'train.augment={rotation: 5}'). Remove "
            "train.augment, or choose another optimizer.",
        ),
        (
            "train.adversarial=0.1",
            "l_bfgs minimizes a fixed loss, but adversarial images change with the weights "
            "(train.adversarial in the override 'train.adversarial=0.1'). Remove "
            "train.adversarial, or choose another optimizer.",
        ),
        (
            "train.precision=mixed_bfloat16",
            "l_bfgs compares losses that differ only slightly, so it cannot train in "
            "mixed_bfloat16 (train.precision in the override 'train.precision=mixed_bfloat16'). "
            "Set train.precision=float32.",
        ),
        (
            "train.memory_mb=2000",
            "l_bfgs needs all images in memory; got a limit of 2,000 MB (train.memory_mb in the "
            "override 'train.memory_mb=2000'). Remove the limit: train.memory_mb=null.",
        ),
        (
            "train.workers=2",
            "l_bfgs runs in one process; got 2 workers (train.workers in the override "
            "'train.workers=2'). Set train.workers=1, or choose another optimizer.",
        ),
    ],
)
def test_keys_without_a_meaning_are_refused(override: str, text: str) -> None:
    assert message(*FULL, override) == text


def test_rate_of_the_file_is_refused() -> None:
    assert f"(optimizer.learning_rate in {SMOKE}, line 8)" in message(
        "optimizer.name=l_bfgs", "train.batch_size=full"
    )
