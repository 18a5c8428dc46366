"""Names that other tools use, and what to write instead.

They are explained, not accepted, so that all configurations spell a key and a value alike.
"""

from collections.abc import Iterator
from typing import Any

from pipeline.config.places import KeyPath

_PATHS = {
    "name": "model_name run_name experiment",
    "data": "datasets",
    "data.name": "dataset data_set dataset_name tfds_name",
    "data.path": "data_dir data_path dataset_dir image_dir image_folder root directory",
    "data.size": "imgsz image_size img_size input_shape input_size target_size resize",
    "data.fit": "resize_mode crop_to_aspect_ratio pad_to_aspect_ratio",
    "data.channels": "color_mode num_channels grayscale",
    "data.test": "test_split test_size",
    "data.target": "target_feature label_feature label_key label_column label_mode",
    "data.validation": "val valid validation_split val_split validation_size val_size",
    "data.manual_dir": "download_dir",
    "model": "network net architecture",
    "model.hidden": "layers units hidden_layers hidden_units hidden_size hidden_sizes neurons "
    "width widths",
    "model.activation": "act nonlinearity activation_function",
    "model.output": "output_activation final_activation last_activation output_layer",
    "model.initializer": "init kernel_initializer initialiser weight_init",
    "model.l2": "reg regularization regularizer kernel_regularizer l2_reg",
    "model.dropout": "dropout_rate drop p_dropout",
    "model.average": "tta test_time_augmentation averaging",
    "model.members": "ensemble ensemble_size num_members n_members committee",
    "optimizer": "opt optim optimiser",
    "optimizer.learning_rate": "lr learningrate learn_rate rate eta",
    "optimizer.schedule": "scheduler lr_schedule lr_scheduler learning_rate_schedule",
    "optimizer.momentum": "momentum",
    "optimizer.weight_decay": "weight_decay wd",
    "train": "training trainer fit",
    "train.batch_size": "bs batch batchsize batch_sizes minibatch",
    "train.epochs": "epoch num_epochs n_epochs nb_epoch nb_epochs max_epochs",
    "train.seed": "random_seed random_state",
    "train.early_stopping": "early_stop earlystopping early_stopper",
    "export.formats": "format file_formats output_format",
    "verify.runtimes": "runtime backends",
    "publish.min_accuracy": "min_acc threshold target_accuracy",
    "publish.max_rmse": "max_error min_rmse rmse",
    "publish.label": "tag alias",
}
# Another tool's name of a key -> the path of the key.
KEYS = {name: path for path, names in _PATHS.items() for name in names.split()}

_DECAY = (
    "For a decaying learning rate, write optimizer.schedule, for example "
    "schedule: {name: cosine}; for weight decay, write optimizer.weight_decay."
)
_PRECISION = "Write train.precision: mixed_bfloat16."
_LOSS = "Write train.loss for the loss; the task determines the metrics."
_FOLDER = "Use the option --workspace FOLDER instead."
_OUTPUT = (
    "Use the option --workspace FOLDER for the folder of all results, or the key model.output for "
    "the output of the network."
)
_DEVICE = (
    "Remove it: TensorFlow uses the GPUs that it finds; to hide them, set the environment variable "
    "CUDA_VISIBLE_DEVICES to -1."
)
_SERIALIZED = "Write the name and the arguments in one section: {name: adam, learning_rate: 0.001}."
# Another tool's name of a key -> what to write, where that is not another key.
ADVICE = {
    **dict.fromkeys(("decay", "lr_decay", "learning_rate_decay"), _DECAY),
    **dict.fromkeys(("fp16", "amp", "mixed_precision", "bf16", "dtype"), _PRECISION),
    **dict.fromkeys(("xla", "jit", "jit_compile"), "Write train.compiler: xla."),
    **dict.fromkeys(("loss", "metrics", "criterion"), _LOSS),
    **dict.fromkeys(("device", "devices", "gpu", "gpus", "cuda", "accelerator"), _DEVICE),
    **dict.fromkeys(
        ("num_workers", "workers", "prefetch"),
        "Remove it: images are in memory, or read in the background (train.memory_mb).",
    ),
    "mode": "Remove it: the command sets the mode, `pipeline run` or `pipeline predict`.",
    "early_stopping.mode": "Remove it: val_accuracy is maximized, and all others are minimized.",
    "early_stopping.restore_best_weights": "Remove it: the best weights are always restored.",
    "resume": "Remove it: an interrupted run resumes by itself.",
    **dict.fromkeys(("class_name", "config"), _SERIALIZED),
    **dict.fromkeys(("output_dir", "out_dir", "workspace"), _FOLDER),
    "output": _OUTPUT,
    "depth": "Write the units of every layer: model.hidden: [512, 512].",
    "num_layers": "Write the units of every layer: model.hidden: [512, 512].",
    "steps": "Write train.epochs; an epoch is one pass over the training images.",
    "patience": "Write train.early_stopping: {patience: 3}.",
    "shuffle": "Remove it: every epoch is shuffled, with the seed train.seed.",
}
# Names that Keras 2 had, which no optimizer of Keras 3 takes.
_NOT_OF_OPTIMIZERS = {"lr", "decay", "lr_decay", "lr_schedule", "scheduler"} | {
    "class_name",  # of a serialized optimizer
    "config",
}

_TASK = "Write multiclass, or binary for two classes."
_CROSS_ENTROPY = "Write cross_entropy, which is computed from the logits."
_NO_LOSS = "It is not available; the losses of regression are squared and absolute."
_TWO_CLASSES = "Write parity, {is: 7} or {pair: [3, 5]}, with your own classes."
_VAL_LOSS = (
    "Write val_loss or val_mae; with train.loss: squared, val_loss is half the squared error."
)
_MIXED = (
    "Write mixed_bfloat16; for exported files in half precision, add onnx_fp16 to export.formats."
)
_TORCH = "Write onnx; models cannot be exported to PyTorch."
_NO_SCHEDULE = "Remove the schedule for a constant learning rate."
_WARMUP = "Write {name: cosine, warmup: 0.03}, with the share of the steps that you want."
# Key -> another tool's name of a value -> what to write.
_VALUES: dict[KeyPath, dict[str, str]] = {
    ("task",): {
        **dict.fromkeys(("classification", "classifier", "softmax"), _TASK),
        **dict.fromkeys(("multi_class", "multiclass_classification"), "Write multiclass."),
        **dict.fromkeys(
            ("binary_classification", "logistic", "logistic_regression"), "Write binary."
        ),
        **dict.fromkeys(("regressor", "linear_regression", "least_squares"), "Write regression."),
        **dict.fromkeys(
            ("multilabel", "multi_label"),
            "It is not available; choose multiclass, binary or regression.",
        ),
    },
    ("data", "name"): dict.fromkeys(
        ("image_folder", "imagefolder", "folder_dataset", "directory", "files"),
        "Write folder, and the folder with the pictures as data.path.",
    ),
    ("data", "fit"): {
        **dict.fromkeys(("pad", "contain", "letterbox"), "Write fit."),
        **dict.fromkeys(("cover", "center_crop"), "Write crop."),
        **dict.fromkeys(
            ("stretch", "squash", "none"), "It is not available: the aspect ratio is kept."
        ),
    },
    ("data", "channels"): {
        **dict.fromkeys(("gray", "grey", "grayscale", "l"), "Write 1."),
        **dict.fromkeys(("color", "colour", "rgb"), "Write 3."),
        **dict.fromkeys(
            ("4", "rgba"), "Write 3: transparent pictures are put on a plain background."
        ),
    },
    ("data", "target"): {
        **dict.fromkeys(("odd", "even", "odd_even", "even_odd", "oddness"), "Write parity."),
        **dict.fromkeys(("binary", "pair", "is", "two_classes"), _TWO_CLASSES),
        **dict.fromkeys(("regression", "numeric"), "Write value."),
    },
    ("model", "output"): {
        **dict.fromkeys(("none", "identity", "no"), "Write linear."),
        "logistic": "Write sigmoid.",
        "logits": "Remove it: files return probabilities, and training uses the logits anyway.",
    },
    ("model", "activation"): {
        **dict.fromkeys(("none", "identity", "no", "null"), "Write linear."),
        "prelu": "Write leaky_relu; activations with weights are not available.",
    },
    ("model", "initializer"): {
        **dict.fromkeys(("kaiming", "kaiming_normal", "he"), "Write he_normal."),
        "kaiming_uniform": "Write he_uniform.",
        **dict.fromkeys(("xavier", "xavier_uniform", "glorot"), "Write glorot_uniform."),
        "xavier_normal": "Write glorot_normal.",
    },
    ("optimizer", "name"): {
        **dict.fromkeys(("momentum", "sgd_momentum"), "Write {name: sgd, momentum: 0.9}."),
        **dict.fromkeys(("nesterov", "nag"), "Write {name: sgd, momentum: 0.9, nesterov: true}."),
        "amsgrad": "Write {name: adam, amsgrad: true}.",
        **dict.fromkeys(
            ("gd", "gradient_descent"), "Write sgd, and train.batch_size: full for all images."
        ),
        **dict.fromkeys(
            ("cg", "nonlinear_cg", "conjugate_gradients", "fletcher_reeves", "polak_ribiere"),
            "Write conjugate_gradient, and train.batch_size: full.",
        ),
        **dict.fromkeys(
            ("lbfgs", "lbfgs_b", "l_bfgs_b", "bfgs", "quasi_newton"),
            "Write l_bfgs, and train.batch_size: full.",
        ),
    },
    ("optimizer", "schedule", "name"): {
        **dict.fromkeys(("none", "constant", "fixed"), _NO_SCHEDULE),
        **dict.fromkeys(("warmup", "cosine_warmup"), _WARMUP),
        **dict.fromkeys(
            ("linear", "poly"), "Write polynomial; with its default power of 1, it is linear."
        ),
        **dict.fromkeys(("cosine_annealing", "cosineannealing", "cos"), "Write cosine."),
        **dict.fromkeys(
            ("step", "multistep", "piecewise"),
            "Write {name: piecewise_constant, boundaries: [1000, 2000], values: [0.1, 0.01, "
            "0.001]}, with your own steps and rates.",
        ),
        **dict.fromkeys(("exp", "decay"), "Write {name: exponential, decay_rate: 0.1}."),
    },
    ("train", "loss"): {
        **dict.fromkeys(
            ("mse", "mean_squared_error", "l2", "least_squares", "rmse"),
            "Write squared; it is half the square of the difference.",
        ),
        **dict.fromkeys(("mae", "mean_absolute_error", "l1"), "Write absolute."),
        **dict.fromkeys(
            (
                "bce",
                "ce",
                "nll",
                "crossentropy",
                "binary_crossentropy",
                "binary_cross_entropy",
                "categorical_crossentropy",
                "logistic",
                "sparse_categorical_crossentropy",
                "log_loss",
                "logloss",
                "softmax",
            ),
            _CROSS_ENTROPY,
        ),
        **dict.fromkeys(("huber", "smooth_l1", "log_cosh"), _NO_LOSS),
        **dict.fromkeys(
            ("hinge", "squared_hinge", "focal"),
            "It is not available; the loss of classification is cross_entropy.",
        ),
    },
    ("train", "precision"): dict.fromkeys(
        ("float16", "fp16", "half", "bfloat16", "bf16", "mixed", "mixed_float16", "16"), _MIXED
    ),
    ("train", "compiler"): {
        **dict.fromkeys(("jit", "true"), "Write xla."),
        **dict.fromkeys(("none", "eager", "false", "tf"), "Write graph."),
    },
    ("train", "batch_size"): dict.fromkeys(("all", "none", "-1"), "Write full for all images."),
    ("train", "early_stopping", "monitor"): {
        **dict.fromkeys(("acc", "accuracy", "val_acc"), "Write val_accuracy."),
        "loss": "Write val_loss.",
        **dict.fromkeys(("mae", "val_mean_absolute_error"), "Write val_mae."),
        **dict.fromkeys(("rmse", "val_rmse", "mse", "val_mse", "r2", "val_r2"), _VAL_LOSS),
    },
    ("export", "formats"): {
        **dict.fromkeys(("tflite", "lite", "tf_lite"), "Write litert."),
        **dict.fromkeys(("h5", "hdf5", "keras_v3"), "Write keras."),
        **dict.fromkeys(("tf", "tensorflow", "savedmodel", "pb"), "Write saved_model."),
        **dict.fromkeys(("torch", "pytorch", "pt", "pth", "torchscript"), _TORCH),
        **dict.fromkeys(("int8", "quantized"), "Write onnx_int8, in addition to onnx."),
        **dict.fromkeys(("fp16", "float16", "half"), "Write onnx_fp16, in addition to onnx."),
        "ort": "Write onnx.",
    },
}


def unsupported_optimizer_keys(values: dict[str, Any]) -> Iterator[KeyPath]:
    """Yield the keys of the optimizer that no class of Keras 3 takes as an argument."""
    section = values.get("optimizer")
    for key in section if isinstance(section, dict) else ():
        if str(key).lower() in _NOT_OF_OPTIMIZERS or ":" in str(key):
            yield ("optimizer", key)


def values_of_other_tools(values: dict[str, Any]) -> Iterator[tuple[KeyPath, Any, str]]:
    """Yield the key and the value of each name of another tool, with what to write instead."""
    for path, names in _VALUES.items():
        found: Any = values
        for key in path:
            found = found.get(key, "") if isinstance(found, dict) else ""
        for position, value in enumerate(found if isinstance(found, list) else [found]):
            name = "null" if value is None else str(value).lower().replace("-", "_")
            index = f"[{position}]" if isinstance(found, list) else ""
            if name in names:
                yield (*path[:-1], path[-1] + index), value, names[name]
