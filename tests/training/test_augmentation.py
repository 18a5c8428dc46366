"""Random changes of the training images: the same as a slow reference, and reproducible."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.artifacts.data_set import Split
from pipeline.config import read
from pipeline.config.augment_schema import Augment
from pipeline.config.training_schema import Optimizer
from pipeline.errors import ConfigError
from pipeline.models.optimizers import build_optimizer
from pipeline.training.augmentation import Augmentation
from pipeline.training.augmentation.checks import check_augmentation
from pipeline.training.compiled_program import EpochState
from pipeline.training.feed import InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.network_program import GRAPH, XLA
from pipeline.training.preflight import check
from pipeline.training.program_pool import compiled
from pipeline.training.streaming import StreamingFeed
from pipeline.training.trainers import new_trainer
from tests.support.augmentation_reference import augmented
from tests.support.paths import SMOKE
from tests.support.small_training import MULTICLASS, new_model

pytestmark = pytest.mark.tensorflow

EVERYTHING = Augment(
    rotation=15,
    scale=0.2,
    shear=0.2,
    translation=1.5,
    elastic=1.4,
    smoothness=6,
    stroke=0.5,
    undeformed=0.15,
)
Bytes = npt.NDArray[np.uint8]


def noise(count: int, *shape: int) -> Bytes:
    """Return images that are inked everywhere, so that the edges matter."""
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def changed(config: Augment, images: Bytes, *, seed: int = 3, step: int = 5) -> Any:
    found = Augmentation(config, images.shape[1:])
    return found(tf.constant(images), seed, step).numpy()


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (EVERYTHING, (28, 28, 1)),
        (Augment(rotation=180, scale=1, shear=1, translation=9), (12, 20, 1)),  # far beyond edges
        (Augment(elastic=5, smoothness=2.5, undeformed=0.3), (9, 14, 3)),
        (Augment(translation=2, flip=True), (8, 8, 3)),
        (Augment(stroke=1.0), (10, 10, 1)),
    ],
    ids=["everything", "far", "elastic in color", "flip", "strokes"],
)
def test_equals_the_slow_reference(config: Augment, shape: tuple[int, int, int]) -> None:
    images = noise(11, *shape)
    augmentation = Augmentation(config, shape)

    def compute(batch: Any, step: Any) -> Any:
        draws = augmentation.draws(len(images), 7, step)
        return augmentation.changed(batch, *draws), *draws

    compute = tf.function(compute, jit_compile=True)
    for step in range(3):
        found, of_images, of_shares = compute(tf.constant(images), tf.constant(step, tf.int64))
        expected = augmented(
            config, images, of_images.numpy().astype(np.float64), of_shares.numpy()
        )
        assert_allclose(found, expected, atol=255 * 1e-4, rtol=0)
        assert (np.abs(expected - images).max(axis=(1, 2, 3)) > 10).sum() > 5


def test_without_any_range_images_stay_the_same() -> None:
    images = noise(8, 28, 28, 1)
    assert_array_equal(changed(Augment(), images), images)


def test_quarter_turn() -> None:
    """Drawn by hand: the draw for the angle is 1, all others are 0."""
    images = noise(1, 6, 6, 2)
    augmentation = Augmentation(Augment(rotation=90), (6, 6, 2))
    draws = np.zeros((1, 8), np.float32)
    draws[0, 0] = 1
    turned = augmentation.changed(tf.constant(images), tf.constant(draws), tf.zeros(2))
    assert_allclose(turned[0], np.rot90(images[0], -1), atol=1e-2)


def test_elastic_displacement_has_its_deviation() -> None:
    """On a ramp of 8 gray levels a pixel, away from the edges."""
    ramp = np.broadcast_to((np.arange(28) * 8)[None, None, :, None], (2000, 28, 28, 1))
    augmentation = Augmentation(Augment(elastic=1.4, smoothness=6), (28, 28, 1))
    draws = augmentation.draws(2000, 0, 0)
    moved = augmentation.changed(tf.constant(ramp.astype(np.uint8)), *draws).numpy()
    by = (moved - ramp)[:, 10:18, 10:18] / 8
    assert by.std() == pytest.approx(1.4, rel=0.05)
    assert abs(by.mean()) < 0.1


def test_shares_are_exact_on_average() -> None:
    """Of batches of 3 images, 15 % are not changed."""
    images = noise(3, 28, 28, 1)
    config = Augment(translation=3, undeformed=0.15)
    same = [
        (changed(config, images, step=step) == images).all(axis=(1, 2, 3)).mean()
        for step in range(400)
    ]
    assert np.mean(same) == pytest.approx(0.15, abs=0.04)  # 6 standard deviations
    single = [(changed(config, images[:1], step=step) == images[:1]).all() for step in range(400)]
    assert np.mean(single) == pytest.approx(0.15, abs=0.11)


def test_draws_depend_on_seed_step_and_position() -> None:
    images = np.repeat(noise(1, 28, 28, 1), 4, axis=0)
    config = Augment(translation=3)
    first = changed(config, images)
    assert len({image.tobytes() for image in first}) == 4
    assert_array_equal(first, changed(config, images))
    for other in (changed(config, images, seed=4), changed(config, images, step=6)):
        assert not (first == other).all(axis=(1, 2, 3)).any()


def trained(
    digits: Split, config: Augment | None, *, compiler: str = XLA, chunks: int = 1, steps: int = 8
) -> tuple[list[Any], EpochState]:
    """Return the weights after steps in chunks, and the state; the last 2 of 8 may be clean."""
    optimizer = build_optimizer(Optimizer(name="sgd", learning_rate=0.1), total_steps=10)
    feed = InMemoryFeed(digits, batch_size=50, seed=0)
    augmentation = Augmentation(config, (28, 28, 1)) if config else None
    with compiled(
        new_model(), optimizer, task=MULTICLASS, batch_size=50, augmentation=augmentation
    ) as program:
        program.compiler, program.clean_from = compiler, 6
        [shard] = feed.shards(0, 0)
        state = EpochState()
        for chunk in range(chunks):
            count = steps // chunks
            state, _ = program.run(shard, state, count, first=chunk * count)
        return [np.array(weight) for weight in program.model.get_weights()], state


def test_program_changes_images_and_chunks_make_no_difference(digits: Split) -> None:
    whole, state = trained(digits, EVERYTHING)
    in_chunks, chunked = trained(digits, EVERYTHING, chunks=4)
    for one, other in zip(whole, in_chunks, strict=True):
        assert_array_equal(one, other)
    assert state == chunked
    plain, _ = trained(digits, None)
    assert not np.array_equal(whole[0], plain[0])


def test_graph_and_xla_draw_the_same() -> None:
    """Their arithmetic may round in another way, but the images are not others."""
    images, augmentation = tf.constant(noise(20, 28, 28, 1)), Augmentation(EVERYTHING, (28, 28, 1))

    def compute(step: Any) -> Any:
        draws = augmentation.draws(len(images), 7, step)
        return *draws, augmentation.changed(images, *draws)

    step = tf.constant(9, tf.int64)
    one, other = (tf.function(compute, jit_compile=xla)(step) for xla in (True, False))
    assert_array_equal(one[0], other[0])
    assert_array_equal(one[1], other[1])
    assert_allclose(one[2], other[2], atol=255 * 1e-4)


def test_graph_trains_on_changed_images(digits: Split) -> None:
    _, state = trained(digits, EVERYTHING, compiler=GRAPH)
    _, compiled_state = trained(digits, EVERYTHING)
    _, plain = trained(digits, None)
    assert state.loss_sum == pytest.approx(compiled_state.loss_sum, rel=1e-3)
    assert abs(state.loss_sum / plain.loss_sum - 1) > 1e-2


def ran(digits: Split, config: Augment | None, *, clean_from: int = 6, **shard: int) -> EpochState:
    """Return the state after 6 steps, which are clean from one on, with fields of the shard."""
    optimizer = build_optimizer(Optimizer(name="sgd", learning_rate=0.1), total_steps=10)
    feed = InMemoryFeed(digits, batch_size=50, seed=0)
    augmentation = Augmentation(config, (28, 28, 1)) if config else None
    with compiled(
        new_model(), optimizer, task=MULTICLASS, batch_size=50, augmentation=augmentation
    ) as program:
        program.clean_from = clean_from
        [whole] = feed.shards(0, 0)
        state, _ = program.run(replace(whole, **shard), EpochState(), 6)
        return state


def test_last_steps_are_clean(digits: Split) -> None:
    config = Augment(translation=3, clean_at_end=0.25)
    plain, all_changed = ran(digits, None), ran(digits, config)
    assert all_changed != plain
    assert ran(digits, config, clean_from=0) == plain
    assert ran(digits, config, clean_from=3) not in (plain, all_changed)
    assert ran(digits, config, clean_from=100, first_step=100) == plain
    assert ran(digits, config, clean_from=0, first_step=-100) != plain


def test_program_draws_from_the_seed_and_the_number_of_the_step(digits: Split) -> None:
    config = Augment(translation=3)
    first = ran(digits, config)
    assert ran(digits, config) == first
    assert ran(digits, config, seed=1) != first
    assert ran(digits, config, first_step=10) != first


def test_share_of_clean_steps_is_that_of_all_epochs(digits: Split) -> None:
    changes = ["train.epochs=3", "train.augment={translation: 1, clean_at_end: 0.2}"]
    feed = InMemoryFeed(digits, batch_size=50, seed=0)
    assert feed.num_steps == 10
    checkpoint: Any = None  # for full-gradient methods
    with new_trainer(read(SMOKE, changes), new_model(), feed, checkpoint) as trainer:
        assert isinstance(trainer, Loop)
        assert trainer.program.clean_from == 24
        assert trainer.program.augmentation is not None
        assert trainer.program.augmentation.config.translation == 1


def test_steps_of_streamed_shards_are_numbered_through(digits: Split) -> None:
    row = 28 * 28 + digits.labels.itemsize
    feed = StreamingFeed(digits, batch_size=50, seed=0, max_bytes=2 * row * 50 * 4)
    assert feed.num_shards == 3
    numbers = [
        (shard.first_step, shard.num_steps, shard.seed)
        for epoch in (0, 2)
        for shard in feed.shards(epoch, 0)
    ]
    assert numbers == [(0, 4, 0), (4, 4, 0), (8, 2, 0), (20, 4, 0), (24, 4, 0), (28, 2, 0)]


def test_steps_are_numbered_through_the_epochs(digits: Split) -> None:
    feed = InMemoryFeed(digits, batch_size=50, seed=4)
    [shard] = feed.shards(2, 0)
    assert (shard.first_step, shard.seed) == (20, 4)


def test_strokes_of_color_images_are_refused() -> None:
    config = read(SMOKE, ["train.augment={stroke: 0.5}"])
    with pytest.raises(ConfigError) as raised:
        check(config, image_shape=(28, 28, 3), num_classes=10, run_own_code=False)
    assert str(raised.value) == (
        "the override 'train.augment={stroke: 0.5}': train.augment.stroke changes light strokes on "
        "dark in gray images; got images with 3 channels. Set train.augment.stroke=0, or "
        "data.channels=1."
    )


def test_elastic_displacement_of_large_images_must_be_smooth() -> None:
    """A field of a node has as many numbers as the image has pixels."""
    config = read(SMOKE, ["train.augment={elastic: 2}"])
    with pytest.raises(ConfigError) as raised:
        check(config, image_shape=(256, 512, 1), num_classes=10, run_own_code=False)
    assert str(raised.value) == (
        "the override 'train.augment={elastic: 2}': the elastic displacement of images with "
        "256 x 512 pixels needs too much memory with train.augment.smoothness=6. Set it to at "
        "least 19, or data.size to smaller images."
    )
    smoother = read(SMOKE, ["train.augment={elastic: 2, smoothness: 19}"])
    check_augmentation(smoother, (256, 512, 1))
    check_augmentation(read(SMOKE, ["train.augment={rotation: 2}"]), (1024, 1024, 3))


def test_images_without_elastic_displacement_need_no_fields() -> None:
    assert Augmentation(Augment(rotation=5), (1024, 1024, 3)).draws(1, 0, 0)[0].shape == (1, 8)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 9, 1), (9, 1, 3)])
def test_images_of_a_single_row_or_column(shape: tuple[int, int, int]) -> None:
    config = EVERYTHING.model_copy(update={"stroke": 0.5 if shape[2] == 1 else 0, "flip": True})
    for count in (1, 4):
        images = noise(count, *shape)
        found = changed(config, images)
        assert (found.shape, found.dtype) == (images.shape, images.dtype)


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (
            "train.augment={rotation: 200}",
            "train.augment.rotation must be .*180",
        ),
        ("train.augment={undeformed: 1}", "train.augment.undeformed must be .*1"),
        ("train.augment={rotate: 10}", "rotation"),
    ],
)
def test_wrong_values_name_their_range(override: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        read(SMOKE, [override])
