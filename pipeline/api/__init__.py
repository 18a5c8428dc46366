"""The Python API: one function for each command of the command line, by groups of commands."""

from pipeline.api.arguments import DEFAULT_CONFIG
from pipeline.api.configuration import describe_layers, resolve_config, show_augment, why
from pipeline.api.lecture import explain_gradients, gradcheck
from pipeline.api.models import evaluate, list_models, predict_batch, serve, sign, verify
from pipeline.api.operations import gc, history, label, labels, promote, remove, rollback
from pipeline.api.recorded import (
    compare,
    report,
    runs,
    tensorboard_command,
    track_drop,
    track_status,
    track_sync,
    watch,
)
from pipeline.api.reproducing import reproduce
from pipeline.api.training import follow, run, study, worker_rank
from pipeline.api.workspace import clean, diagnose
from pipeline.commands.loading import load_model
from pipeline.commands.predict import predict
from pipeline.results.run_result import RunResult
from pipeline.results.summaries import DataSummary, RunSeconds, SplitMetrics

__all__ = [
    "DEFAULT_CONFIG",
    "DataSummary",
    "RunResult",
    "RunSeconds",
    "SplitMetrics",
    "clean",
    "compare",
    "describe_layers",
    "diagnose",
    "evaluate",
    "explain_gradients",
    "follow",
    "gc",
    "gradcheck",
    "history",
    "label",
    "labels",
    "list_models",
    "load_model",
    "predict",
    "predict_batch",
    "promote",
    "remove",
    "report",
    "reproduce",
    "resolve_config",
    "rollback",
    "run",
    "runs",
    "serve",
    "show_augment",
    "sign",
    "study",
    "tensorboard_command",
    "track_drop",
    "track_status",
    "track_sync",
    "verify",
    "watch",
    "why",
    "worker_rank",
]
