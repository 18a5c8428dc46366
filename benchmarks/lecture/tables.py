"""The tables of docs/lecture.md."""

import json

from benchmarks.lecture.runs import command, trained
from benchmarks.machine import PROJECT, RESULTS
from benchmarks.markdown import table
from benchmarks.report import replace

_PAGE = PROJECT / "docs" / "lecture.md"
_NETWORKS = ("softmax", "linear_deep", "relu")
_BATCH_SIZES = ("sgd", "mini_batch", "full_gradient")
_OPTIMIZERS = (
    "mini_batch", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamax", "nadam",
    "amsgrad", "adadelta",
)  # fmt: skip
_NAMES = {"accuracy": "accuracy", "roc_auc": "ROC AUC", "rmse": "RMSE", "mae": "MAE"}
# The study full_gradient has these trials too.
_FULL_GRADIENT = ("train.batch_size=full", "train.epochs=200", "train.threads=2")
_FULL_GRADIENT_METHODS = (
    "optimizer={name: sgd, learning_rate: 1}",
    "optimizer={name: sgd, momentum: 0.95, learning_rate: 1}",
    "optimizer={name: conjugate_gradient, max_gradients: 100}",
    "optimizer={name: l_bfgs, max_gradients: 100}",
)
_BINARY = ("binary_sigmoid", "binary_tanh")
_REGRESSION = ("regression_linear", "regression_relu", "regression_l1")


def write_tables() -> None:
    """Write each table between its ``<!-- NAME -->`` and ``<!-- end -->``."""
    text = _PAGE.read_text()
    tables = {
        "networks": _networks(),
        "batch sizes": _batch_sizes(),
        "optimizers": _optimizers(),
        "full gradient": _full_gradient(),
        "binary": _scores(_BINARY, ("accuracy", "roc_auc")),
        "regression": _scores(_REGRESSION, ("rmse", "mae")),
        "softmax variants": _softmax_variants(),
    }
    for name, content in tables.items():
        text = replace(text, name, content)
    _PAGE.write_text(text)


def _networks() -> str:
    rows = []
    for name in _NETWORKS:
        found = trained(name).result
        accuracies = [_percent(found.metrics[split].accuracy) for split in ("train", "test")]
        rows.append([f"`{command(name)}`", f"{found.parameters:,}", *accuracies])
    return table(["command", "parameters", "training accuracy", "test accuracy"], rows)


def _batch_sizes() -> str:
    rows = []
    for name in _BATCH_SIZES:
        run = trained(name)
        size = run.result.config.train.batch_size
        images, epochs = run.result.data.train, len(run.history)
        steps = epochs * (1 if size == "full" else -(-images // size))
        metrics = run.result.metrics
        rows.append([
            f"`{command(name)}`", f"{size}", f"{epochs}", f"{steps:,}",
            f"{metrics['train'].loss:.3f}", _percent(metrics["test"].accuracy),
        ])  # fmt: skip
    head = ["command", "batch size", "epochs", "steps", "training loss", "test accuracy"]
    return table(head, rows)


def _optimizers() -> str:
    rows = []
    for name in _OPTIMIZERS:
        found = trained(name).result
        rows.append([
            f"`{command(name)}`", f"{found.config.optimizer.learning_rate:g}",
            f"{found.metrics['train'].loss:.3f}", _percent(found.metrics["test"].accuracy),
        ])  # fmt: skip
    return table(["command", "learning rate", "training loss", "test accuracy"], rows)


def _full_gradient() -> str:
    rows = []
    for method in _FULL_GRADIENT_METHODS:
        run = trained("softmax", *_FULL_GRADIENT, method)
        metrics = run.result.metrics
        rows.append([
            f"`{method}`", f"{run.costs[-1].gradients:,}", f"{metrics['train'].loss:.4f}",
            _percent(metrics["test"].accuracy),
        ])  # fmt: skip
    return table(["optimizer", "gradients", "training loss", "test accuracy"], rows)


def _scores(names: tuple[str, ...], scores: tuple[str, str]) -> str:
    rows = []
    for name in names:
        found = trained(name).result
        shown = [f"{found.metrics['test'].scores[score]:.4f}" for score in scores]
        config = found.config
        rows.append([f"`{command(name)}`", f"{config.model.output}", *shown])
    return table(["command", "output", *(_NAMES[score] for score in scores)], rows)


def _softmax_variants() -> str:
    found = json.loads((RESULTS / "lecture_softmax.json").read_text())
    rows = []
    for variant in found["variants"]:
        path = variant["path"]
        passed = next(
            ((train, test) for _, train, test in path if test >= found["slides"][1]), None
        )
        ends = [_pair(*passed) if passed else "not reached", _pair(*path[-1][1:])]
        rows.append([variant["name"], f"{variant['epochs']}", *ends])
    return table(["what differs", "epochs", "first test accuracy >= 83.58 %", "at the end"], rows)


def _pair(train: float, test: float) -> str:
    return f"{train:.2f} / {test:.2f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"
