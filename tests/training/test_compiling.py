"""The choice of the compiler, its notices, and the reuse of compiled programs."""

from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.data_set import Split
from pipeline.config.schema import Model
from pipeline.config.training_schema import Optimizer, Schedule, Train
from pipeline.errors import ConfigError
from pipeline.models.dense import build_model
from pipeline.models.optimizers import build_optimizer
from pipeline.progress import Silent
from pipeline.tasks.registry import task_named
from pipeline.training import compiling
from pipeline.training.compiled_program import Program
from pipeline.training.compiling import compile_program
from pipeline.training.feed import InMemoryFeed
from pipeline.training.loop import Loop
from pipeline.training.network_program import GRAPH, XLA
from pipeline.training.program_pool import compiled
from tests.support.small_training import (
    MULTICLASS,
    SHAPE,
    new_fit,
    new_loop,
    new_minimization,
    new_model,
    silent,
    weights,
)

pytestmark = pytest.mark.tensorflow


class Recorder(Silent):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def compile_loop(loop: Loop, *, previous: str | None = None, **settings: Any) -> list[str]:
    """Compile, and return the notices."""
    recorder, config = Recorder(), Train(**settings)
    compile_program(loop.program, loop.feed, config, recorder, previous_compiler=previous)
    return recorder.notices


def test_xla_compilation_runs_no_step(digits: Split) -> None:
    loop = new_loop(digits, batch_size=100, fresh=True)
    before = weights(loop)
    assert compile_loop(loop) == []
    assert loop.program.compiler == XLA
    assert all(map(np.array_equal, weights(loop), before))
    assert int(loop.program.optimizer.iterations.numpy()) == 0


@pytest.fixture
def impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps with a string operation, which XLA does not support."""
    import tensorflow as tf

    train_step = Program._train_step

    def with_string(self: Program, images: Any, labels: Any, size: Any) -> Any:
        tf.print(tf.strings.as_string(size), output_stream="file:///dev/null")
        return train_step(self, images, labels, size)

    monkeypatch.setattr(Program, "_train_step", with_string)


@pytest.mark.usefixtures("impossible")
def test_graph_fallback_is_reported(digits: Split) -> None:
    loop = new_loop(digits, batch_size=100, fresh=True)
    [notice] = compile_loop(loop)
    assert notice.startswith("The training steps run as a TensorFlow graph. ")
    assert "XLA cannot compile them: Detected unsupported" in notice
    assert loop.program.compiler == GRAPH
    loop.run_epoch(0, silent)
    assert int(loop.program.optimizer.iterations.numpy()) == 5


@pytest.mark.usefixtures("impossible")
def test_configured_xla_has_no_fallback(digits: Split) -> None:
    loop = new_loop(digits, batch_size=100, fresh=True)
    with pytest.raises(
        ConfigError, match=r"train.compiler: xla cannot compile the training step: .* or graph"
    ):
        compile_loop(loop, compiler="xla")


def test_graph_and_xla_give_the_same_training(digits: Split) -> None:
    graph, xla = (new_loop(digits, batch_size=64, fresh=True) for _ in range(2))
    assert compile_loop(graph, compiler="graph") == []
    compile_loop(xla, compiler="xla")
    assert (graph.program.compiler, xla.program.compiler) == (GRAPH, XLA)
    loss, expected = (loop.run_epoch(0, silent).loss for loop in (graph, xla))
    assert loss == pytest.approx(expected, rel=1e-5)
    for got, wanted in zip(weights(graph), weights(xla), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("batch_size", "compiler", "previous", "expected"),
    [
        (16_384, "auto", None, GRAPH),
        (16_383, "auto", None, XLA),
        (16_384, "xla", None, XLA),
        (16_384, "auto", XLA, XLA),  # a training that was interrupted before this rule
    ],
)
def test_large_batches_are_computed_as_a_graph(
    digits: Split, batch_size: int, compiler: str, previous: str | None, expected: str
) -> None:
    copies = -(-batch_size // len(digits))
    split = Split(np.tile(digits.images, (copies, 1, 1, 1)), np.tile(digits.labels, copies))
    loop = new_loop(split, batch_size=batch_size, fresh=True)
    assert compile_loop(loop, previous=previous, compiler=compiler) == []
    assert loop.program.compiler == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [({XLA: 2, GRAPH: 1}, GRAPH), ({XLA: 1.05, GRAPH: 1}, XLA)]
)
def test_bfloat16_uses_the_clearly_faster_compiler(
    digits: Split, monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], expected: str
) -> None:
    """The measured times are scripted; the steps are real."""
    time_steps = compiling._time

    def scripted(program: Program, *arguments: Any) -> float:
        time_steps(program, *arguments)
        return seconds[program.compiler]

    monkeypatch.setattr(compiling, "_time", scripted)
    loop = new_loop(digits, batch_size=100, precision="mixed_bfloat16", dropout=0.2)
    before = [v.numpy() for v in loop.program.variables]
    [notice] = compile_loop(loop, precision="mixed_bfloat16")
    assert f"{seconds[XLA]:.2f} s in XLA and {seconds[GRAPH]:.2f} s as a graph" in notice
    assert loop.program.compiler == expected
    after = [v.numpy() for v in loop.program.variables]
    assert all(map(np.array_equal, before, after)), "the probe changes no state"


def test_mixed_precision_keeps_float32_weights(digits: Split) -> None:
    model = new_model(precision="mixed_bfloat16", hidden=(16, 16))
    assert model.get_layer("hidden_2").compute_dtype == "bfloat16"
    assert {v.dtype for v in model.variables} == {"float32"}
    assert model.get_layer("logits").compute_dtype == "float32"
    loop = new_loop(digits, batch_size=50, precision="mixed_bfloat16")
    full = new_loop(digits, batch_size=50)
    losses = [one.run_epoch(0, silent).loss for one in (loop, full)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def train_in_pool(
    digits: Split, seed: int, optimizer: Optimizer, epochs: int = 1, **settings: Any
) -> tuple[Program, list[np.ndarray]]:
    model = new_model(seed, dropout=0.2, **settings)
    built = build_optimizer(optimizer, total_steps=10)
    with compiled(model, built, task=MULTICLASS, batch_size=100) as program:
        loop = Loop(program, InMemoryFeed(digits, batch_size=100, seed=seed))
        for epoch in range(epochs):
            loop.run_epoch(epoch, silent)
        return program, weights(loop)


def test_reused_program_gives_the_same_bits(digits: Split) -> None:
    adam, faster = (Optimizer(name="adam", learning_rate=rate) for rate in (0.001, 0.002))
    first, expected = train_in_pool(digits, 0, adam)
    other, different = train_in_pool(digits, 1, faster, epochs=2)
    again, found = train_in_pool(digits, 0, adam)
    assert first is other is again, "seed and learning rate are values, not code"
    assert again._calls[XLA].experimental_get_tracing_count() == 1
    assert all(map(np.array_equal, found, expected))
    assert not np.array_equal(different[0], expected[0])


def test_reused_program_of_the_full_gradient_gives_the_same_bits(digits: Split) -> None:
    """For both methods: the program only computes losses and gradients."""
    found = []
    for name, seed in (("l_bfgs", 0), ("conjugate_gradient", 1), ("l_bfgs", 0)):
        trainer = new_minimization(digits, Optimizer(name=name), seed=seed, hidden=(8,))
        new_fit(trainer, digits, epochs=2).run()
        found.append((trainer.program, weights(trainer)))
    (first, expected), (other, different), (again, got) = found
    assert first is other is again
    assert again._calls[XLA].experimental_get_tracing_count() == 1
    assert all(map(np.array_equal, got, expected))
    assert not np.array_equal(different[0], expected[0])


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (Optimizer(name="adam", beta_1=0.8), {}),
        (Optimizer(name="adam", schedule=Schedule(name="cosine")), {}),
        (Optimizer(name="adam", weight_decay_on="kernels"), {}),
        (Optimizer(name="adam"), {"l2": 0.1}),
        (Optimizer(name="adam"), {"activation": "tanh"}),
        (Optimizer(name="adam"), {"precision": "mixed_bfloat16"}),
    ],
)
def test_fixed_settings_require_another_program(
    digits: Split, optimizer: Optimizer, settings: dict[str, Any]
) -> None:
    plain, _ = train_in_pool(digits, 0, Optimizer(name="adam"), epochs=0)
    other, _ = train_in_pool(digits, 0, optimizer, epochs=0, **settings)
    assert other is not plain


def test_program_with_callbacks_is_not_reused() -> None:
    sgd = [build_optimizer(Optimizer(name="sgd"), total_steps=1) for _ in range(2)]
    with compiled(new_model(), sgd[0], task=MULTICLASS, batch_size=9, reusable=False) as first:
        pass
    with compiled(new_model(), sgd[1], task=MULTICLASS, batch_size=9) as second:
        assert first is not second


def test_concurrent_trainings_do_not_share_a_program() -> None:
    sgd = build_optimizer(Optimizer(name="sgd"), total_steps=1)
    other = build_optimizer(Optimizer(name="sgd"), total_steps=1)
    first, second = (
        compiled(new_model(), one, task=MULTICLASS, batch_size=7) for one in (sgd, other)
    )
    with first as one, second as two:
        assert one is not two


def test_program_is_not_reused_for_another_loss() -> None:
    """The models and optimizers are equal; only the loss differs."""
    programs = []
    for loss in ("squared", "absolute"):
        task = task_named("regression", "linear", loss)
        model = build_model(Model(hidden=(4,)), image_shape=SHAPE, num_classes=0, task=task)
        built = build_optimizer(Optimizer(learning_rate=0.1), total_steps=100)
        with compiled(model, built, task=task, batch_size=11) as program:
            programs.append(program)
    assert programs[0] is not programs[1]
