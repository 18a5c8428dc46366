"""Mistakes that newcomers make: every message says what to write instead."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import read
from pipeline.stages import GRAPH
from tests.support.command_line import assert_error, in_process
from tests.support.paths import PROJECT, SMOKE


@pytest.fixture(autouse=True)
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)  # relative paths are those of the README
    monkeypatch.setenv("COLUMNS", "200")  # usage errors are in a box of this width


def assert_explained(arguments: list[str], words: list[str], code: int = 2) -> None:
    done = in_process(*arguments)
    assert_error(done, code, *words)
    assert "Internal error" not in done.err


_SECONDS = ("--load-seconds", "--receive-seconds", "--answer-seconds", "--drain-seconds")
_COUNTS = ("--max-requests", "--max-uploads", "--max-client-uploads", "--max-connections")
COMMANDS = [
    ("train", ["Did you mean `pipeline run`?", "--until train"]),
    ("fit configs/mlp.yaml", ["Did you mean `pipeline run`?"]),
    ("trian", ["Did you mean `pipeline run`?"]),
    ("eval", ["pipeline run CONFIG --until evaluate"]),
    ("test", ["pipeline run CONFIG --until evaluate"]),
    ("export", ["pipeline run CONFIG --until export"]),
    ("publish", ["Did you mean `pipeline run`?", "all stages"]),
    ("list", ["Did you mean `pipeline models`?"]),
    ("start", ["Did you mean `pipeline serve`?"]),
    ("infer", ["Did you mean `pipeline predict`?"]),
    ("help", ["pipeline --help"]),
    (
        "blah",
        [
            "Choose from run, study, config, why, runs, watch, report, compare, clean, "
            "gradcheck, models, predict, evaluate, verify, serve, label, promote, rollback, "
            "remove, gc, sign, reproduce, doctor, track."
        ],
    ),
    ("history", ["Did you mean `pipeline runs`?"]),
    ("rm", ["Did you mean `pipeline clean`?"]),
    ("configs/mlp.yaml", ["Did you mean `pipeline run configs/mlp.yaml`?"]),
    ("train.epochs=3", ["Did you mean `pipeline run train.epochs=3`?"]),
    ("track snyc", ["Did you mean `pipeline track sync`?"]),
    ("track runs", ["No such command 'runs'. Choose from sync, status, drop."]),
    ("run --epochs 3", ["No such option: --epochs", "train.epochs=3"]),
    ("run smoke --lr=0.1", ["No such option: --lr", "optimizer.learning_rate=0.1"]),
    ("run --batch-size 32", ["No such option: --batch-size", "train.batch_size=32"]),
    ("config --seed 3", ["No such option: --seed", "data.seed=3 or train.seed=3"]),
    ("run --fp16", ["No such option: --fp16", "train.precision: mixed_bfloat16"]),
    (
        "run --config configs/mlp.yaml",
        ["No such option: --config", "`pipeline run configs/mlp.yaml`"],
    ),
    ("run --foo 3", ["No such option: --foo"]),
    ("run smok", ["No such configuration file: 'smok'", "Did you mean configs/smoke.yaml?"]),
    ("run softmax", ["No such configuration file", "Did you mean configs/lecture/softmax.yaml?"]),
    ("run lecture/sofmax", ["No such configuration file", "configs/lecture/softmax.yaml?"]),
    ("run lecture", ["No such configuration file: 'lecture'", "example configs/lecture/"]),
    ("run configs/lecture", ["configs/lecture is a folder", "example configs/lecture/"]),
    ("run ../configs/mlp", ["No such configuration file", "Did you mean configs/mlp.yaml?"]),
    ("run smoke.yml", ["No such configuration file: 'smoke.yml'", "configs/smoke.yaml?"]),
    ("run nowhere.yaml", ["No such configuration file: 'nowhere.yaml'", "configs/mlp.yaml"]),
    ("run configs", ["configs is a folder", "configs/mlp.yaml"]),
    ("run ~/nowhere.yaml", ["No such configuration file", "configs/mlp.yaml"]),
    ("run epochs 3", ["KEY=VALUE without spaces: train.epochs=VALUE"]),
    ("run train.epochs = 3", ["KEY=VALUE without spaces: train.epochs=VALUE"]),
    ("run smoke train.epochs = 3", ["Write train.epochs=VALUE, without spaces around ="]),
    ("run smoke train.epochs= 3", ["The override 'train.epochs=' has no value", "without spaces"]),
    ("run smoke train.epochs:3", ["Write train.epochs=VALUE"]),
    ("run smoke softmax.yaml", ["Specify only one configuration file"]),
    ("run smoke model.hidden=[512, 512]", ["Invalid YAML", "put the whole override in quotes"]),
    (
        "run smoke --until trane",
        ["data, train, evaluate, export, verify, report, publish", "'trane'"],
    ),
    (
        "run smoke --force trane",
        ["data, train, evaluate, export, verify, report, publish", "'trane'"],
    ),
    ("why smoke", ["Missing argument"]),
    ("predict nomodel x.png", ["No model 'nomodel' is published in exported", "pipeline run"]),
    ("predict exported/none x.png", ["'exported/none' is published", "no such file or folder"]),
    ("predict exported/never-run/latest x.png", ["exported/never-run/latest", "pipeline run"]),
    ("predict pyproject.toml x.png", ["not a model file: its name must end in", "exported/mlp"]),
    ("predict", ["Missing argument"]),
    ("predict mlp", ["nothing to predict", "pipeline predict MODEL FILE", "--input DIR --output"]),
    ("predict mlp --input samples", ["--input needs --output FILE.parquet"]),
    ("verify nomodel", ["No model 'nomodel' is published in exported", "pipeline run"]),
    ("serve nomodel", ["No model 'nomodel' is published in exported", "pipeline run"]),
    ("version", ["Write `pipeline --version`."]),
    ("run smoke lecture/softmax", ["Specify only one configuration file"]),
    ("run smoke mlp", ["got 'mlp'. Specify only one configuration file"]),
    ("run smoke =3", ["An override must be KEY=VALUE; got '=3'", "train.batch_size=32"]),
    ("why train smoke", ["Write `pipeline why smoke train`."]),
    ("run --output out", ["No such option: --output", "Use the option --workspace FOLDER"]),
    ("run --gpu", ["No such option: --gpu", "CUDA_VISIBLE_DEVICES"]),
    ("run --device cuda", ["No such option: --device", "CUDA_VISIBLE_DEVICES"]),
    ("run --resume", ["No such option: --resume", "resumes by itself"]),
    ("run -c configs/mlp.yaml", ["No such option: -c", "`pipeline run configs/mlp.yaml`"]),
    ("run --model mlp", ["No such option: --model", "model.hidden='[512, 512]'"]),
    ("predict --model mlp x.png", ["No such option: --model", "`pipeline predict mlp`"]),
    ("predict mlp x.png --top 3", ["No such option: --top", "Write --json"]),
    ("serve --model mlp", ["No such option: --model", "`pipeline serve mlp`"]),
    ("-C /tmp/w run smoke", ["The option -C must", "Write `pipeline run -C /tmp/w smoke`."]),
    (
        "--workspace=w --json runs",
        ["option --workspace must", "`pipeline runs --workspace=w --json`"],
    ),
    ("-Cw runs", ["The option -Cw must be written after the command.", "`pipeline runs -Cw`"]),
    ("-C track models", ["Write `pipeline models -C track`."]),
    ("-C w", ["Write `pipeline COMMAND -C w`."]),
    ("--json track status", ["Write `pipeline track status --json`."]),
    ("track -C w status", ["Write `pipeline track status -C w`."]),
    ("--epochs 3 run", ["No such option: --epochs"]),
    ("--until train runs", ["No such option: --until"]),
    ("models -C nowhere", ["The workspace nowhere is not a folder", "--workspace FOLDER"]),
    (
        "serve --port http",
        [
            "Error: --port must be an integer from 0 to 65535; got 'http'. Specify such a number, "
            "or omit --port to use the default, 8501."
        ],
    ),
    ("serve --port 99999", ["--port must be an integer from 0 to 65535; got '99999'."]),
    ("serve --port 1.5", ["--port must be an integer from 0 to 65535; got '1.5'."]),
    ("serve --grpc-port x", ["got 'x'. Specify such a number, or omit --grpc-port."]),
    ("gc --keep x", ["--keep must be an integer of at least 0; got 'x'. Specify such a number.\n"]),
    ("serve --max-batch 0", ["--max-batch must be an integer of at least 1; got '0'."]),
    ("serve --load-seconds x", ["--load-seconds must be a number from 0.1 to 86400; got 'x'."]),
    ("serve --answer-seconds nan", ["must be a number from 0.001 to 86400; got 'nan'."]),
    ("serve --split stable=1,canary=1", ["--split must add up to 1", "which adds up to 2."]),
    ("serve --split canary", ["--split must be LABEL=FRACTION", "got 'canary'."]),
    ("serve --shadow canary=10%", ["canary in --shadow must be a number from 0 to 1", "'10%'."]),
    ("serve --sample-rate 2", ["--sample-rate must be a number from 0 to 1; got '2'."]),
    ("serve --sample-rate 0.5", ["--sample-rate requires --sample-log", "Add --sample-log DIR,"]),
    ("serve --sample-images", ["--sample-images requires --sample-log", "omit --sample-images."]),
    ("serve --sample-log pyproject.toml", ["must be a folder; got the file", "pyproject.toml."]),
    ("gradcheck --explain --x one", ["--x must be a number; got 'one'.", "the default, 1.0."]),
    *((f"serve {option} inf", [f"{option} must be a number from"]) for option in _SECONDS),
    *((f"serve {option} 9999999", ["to 1000000; got '9999999'."]) for option in _COUNTS),
]


@pytest.mark.parametrize(("line", "words"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_mistakes_on_the_command_line(line: str, words: list[str]) -> None:
    assert_explained(line.split(), words)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("run", "Stop after this stage: {}."),
        ("run", "Run this stage ({}) and the later ones even if up to date."),
        ("why", "{}."),
    ],
)
def test_help_lists_the_stages(command: str, text: str) -> None:
    *names, last = GRAPH.names
    listed = f"{', '.join(names)} or {last}"
    done = in_process(command, "--help")
    printed = " ".join(done.out.replace("│", " ").split())
    assert text.format(listed) in printed


OVERRIDES = [
    ("batch_size=32", ["Unknown key 'batch_size'", "Did you mean train.batch_size?"]),
    ("lr=0.1", ["Did you mean optimizer.learning_rate?"]),
    ("optimizer.lr=0.1", ["Did you mean optimizer.learning_rate?"]),
    ("optimizer.decay=1e-4", ["write optimizer.schedule", "optimizer.weight_decay"]),
    ("bs=3", ["Did you mean train.batch_size?"]),
    ("epochs=3", ["Did you mean train.epochs?"]),
    ("model.epochs=3", ["Did you mean train.epochs?"]),
    ("train.optimizer=adam", ["Did you mean optimizer?"]),
    ("model.layers=[512]", ["Did you mean model.hidden?"]),
    ("units=512", ["Did you mean model.hidden?"]),
    ("dataset=mnist", ["Did you mean data.name?"]),
    ("momentum=0.9", ["Did you mean optimizer.momentum?"]),
    ("seed=3", ["Did you mean data.seed or train.seed?"]),
    ("train.patience=3", ["Write train.early_stopping: {patience: 3}."]),
    ("xla=true", ["Write train.compiler: xla."]),
    ("loss=mse", ["Write train.loss for the loss; the task determines the metrics."]),
    ("publish.max_rmse=", ["has no value", "or publish.max_rmse=null for none"]),
    ("train.nonsense=3", ["The keys in train are batch_size, epochs, loss, seed"]),
    ("optimizer={name:adam}", ["Put a space after the colon: name: adam"]),
    ("data=MNIST", ["Write mnist."]),
    ("data.name=fashion-mnist", ["data.name must be", "Write fashion_mnist."]),
    ("data.validation=0.1", ["Write a number of images, such as 6000 for 0.1 of MNIST's 60,000."]),
    ("data.validation=10%", ["Write a number of images, such as 6000 for 0.1 of MNIST's 60,000."]),
    ("model.activation=none", ["Write linear."]),
    ("model.activation=null", ["Write linear."]),
    ("model.hidden=512", ["must be a list", "Write [512]."]),
    ("model.hidden=512,512", ["must be a list", "Write [512, 512]."]),
    ("model.hidden=[-1]", ["at least 1; got -1"]),
    ("model=relu", ["Write, for example, model: {hidden: [512, 512]}."]),
    ("model.dropout=20%", ["Write 0.2."]),
    ("optimizer=momentum", ["Write {name: sgd, momentum: 0.9}."]),
    ("optimizer=sgd_momentum", ["Write {name: sgd, momentum: 0.9}."]),
    ("optimizer.schedule=constant", ["Remove the schedule"]),
    ("optimizer.schedule=step", ["Write {name: piecewise_constant, boundaries:"]),
    ("optimizer.learning_rate='1e-3'", ["Write it without quotes."]),
    ("train.batch_size=64.0", ["a whole number or 'full'; got 64.0", "Write 64."]),
    ("optimizer.learning_rate=0,1", ["must be a number; got '0,1'", "Write 0.1."]),
    ("optimizer.learning_rate=0,125", ["Write 0.125."]),
    ("train.epochs=1,000", ["must be a whole number", "Write 1000."]),
    ("model.hidden=512 512", ["must be a list", "Write [512, 512]."]),
    ("model.hidden=[32, 0]", ["model.hidden[1] must be at least 1; got 0"]),
    ("model.dropout=1", ["must be less than 1; got 1"]),
    ("model={hidden:[32]}", ["the space after 'hidden:' is missing"]),
    ("model.activation=PReLU", ["Write leaky_relu"]),
    ("model.initializer=kaiming_normal", ["Write he_normal."]),
    ("model.initializer=xavier", ["Write glorot_uniform."]),
    ("optimizer={class_name: Adam}", ["Unknown key 'optimizer.class_name'", "{name: adam"]),
    ("device=cuda", ["Unknown key 'device'", "TensorFlow uses the GPUs"]),
    ("train.num_workers=4", ["Unknown key 'train.num_workers'", "Remove it"]),
    ("imgsz=32", ["Unknown key 'imgsz'", "Did you mean data.size?"]),
    ("mode=train", ["Unknown key 'mode'", "`pipeline run`"]),
    (
        "train.early_stopping={mode: max}",
        ["val_accuracy is maximized, and all others"],
    ),
    ("data.manual_dir=no/data", ["The folder no/data does not exist (data.manual_dir in the o"]),
    ("train.batch_size=1_000", ["Write 1000."]),
    ("train.batch_size=-1", ["at least 1 or 'full'; got -1"]),
    ("train.epochs=0", ["train.epochs must be at least 1; got 0"]),
    ("train.epochs=", ["The override 'train.epochs=' has no value"]),
    ("train.precision=fp16", ["Write mixed_bfloat16", "onnx_fp16"]),
    ("train.early_stopping=true", ["Write, for example, early_stopping: {monitor: 'val_loss'}."]),
    ("train.early_stopping={monitor: acc}", ["Write val_accuracy."]),
    ("train.callbacks=csv_logger", ["must be a list", "Write [csv_logger]."]),
    ("export.formats=[tflite]", ["Write litert."]),
    ("export.formats=[h5]", ["Write keras."]),
    ("export.formats=[tf]", ["Write saved_model."]),
    ("export.formats=[savedmodel]", ["Write saved_model."]),
    ("export.formats=[torch]", ["Write onnx"]),
    ("export.formats=[onx]", ["export.formats[0] must be", "Did you mean 'onnx'?"]),
    ("export.formats=onnx", ["Write [onnx]."]),
    (
        "verify.runtimes=[onnxruntme]",
        ["Unknown runtime 'onnxruntme' (verify.runtimes in the override", "'onnxruntime'? Choose"],
    ),
    ("publish.min_accuracy=97", ["at most 1; got 97", "write 0.97"]),
    ("publish.label=my label", ["a word of letters, digits and _"]),
    ("name=1", ["name must be text; got 1", "Write '1'."]),
    ("name=my model", ["text of letters, digits, - and _"]),
]


@pytest.mark.parametrize(("override", "words"), OVERRIDES, ids=[text for text, _ in OVERRIDES])
def test_mistakes_in_overrides(override: str, words: list[str], tmp_path: Path) -> None:
    assert_explained(["run", "smoke", override, "-C", str(tmp_path)], words)


@pytest.mark.tensorflow
def test_runtimes_that_open_none_of_the_formats(tmp_path: Path) -> None:
    words = ["a runtime that opens saved_model; got litert in the override"]
    assert_explained(["run", "smoke", "verify.runtimes=[litert]", "-C", str(tmp_path)], words)


NAMES = [
    ("optimizer=sdg", ["Unknown optimizer 'sdg'", "Did you mean 'sgd'?"]),
    ("optimizer.name=sgd2 optimizer.x=1", ["Unknown optimizer 'sgd2'", "Did you mean 'sgd'?"]),
    ("optimizer.momentum=0.9", ["Adam has no argument 'momentum'", "sgd", "optimizer=adam"]),
    ("optimizer.schedule=exponential", ["requires decay_rate", "decay_rate: VALUE}"]),
    ("optimizer={name: sgd, nesterov: yes}", ["must be true or false; got 'yes'", "Write true."]),
    ("optimizer={name: adam, beta_1: 1}", ["NaN", "optimizer.beta_1", "Keras default is 0.9"]),
    ("model.activation=glu", ["The activation 'glu' cannot", "(3, 2)", "in the override"]),
    ("model.activation=ReLU", ["Unknown activation 'ReLU'", "Did you mean 'relu'?"]),
    ("train.callbacks=[csv_logger]", ["CSVLogger requires filename", "filename: VALUE}"]),
    ("data=mnits", ["'mnits' (data.name in the override 'data=mnits')", "Did you mean 'mnist'?"]),
]


@pytest.mark.tensorflow
@pytest.mark.parametrize(("overrides", "words"), NAMES, ids=[text for text, _ in NAMES])
def test_mistakes_in_names_of_keras(overrides: str, words: list[str]) -> None:
    given = overrides.split(" optimizer.x")
    assert_explained(["config", "smoke", given[0]], words)


FILES = [
    ("", ["is empty", "configs/mlp.yaml"]),
    ("# nothing yet\n", ["is empty", "configs/mlp.yaml"]),
    ("mlp\n", ["contains text", "KEY: VALUE"]),
    ("- name: x\n", ["contains a list", "KEY: VALUE"]),
    ("train: {epochs: 3}\n", ["Missing key 'name'", "name: mlp"]),
    ("name:a\n", ["contains text", "Put a space after the colon: name: VALUE"]),
    ("name: a\nmodel\n", ["line 2", "expected KEY: VALUE"]),
    ("name: x\nmodel: {hidden:[32]}\n", ["line 2", "the space after 'hidden:' is missing"]),
    ("name: x\nmodel:\n  hidden:[1]\n  l2: 0\n", ["line 3", "the space after 'hidden:'"]),
    ("name: x\ntrain:\n\tepochs: 3\n", ["line 3", "tabs are not allowed. Use spaces."]),
    ("name: x\ntrain:\n  epochs:3\n", ["Put a space after the colon: epochs: 3"]),
    ("name: x\ntrain:\n  epochs: 3\n batch_size: 3\n", ["line 4", "wrong indentation"]),
    ("name: x\nname: y\n", ["line 2", "duplicate key 'name', first on line 1"]),
    ("name: x\nmodel: {hidden: [512, 512}\n", ["line 2", "a bracket"]),
    ("name: 'x\n", ["a quotation mark opened on line 1 is not closed"]),
    ("name: x\nbatch_size: 32\n", ["line 2", "Did you mean train.batch_size?"]),
    ("name: x\ntrain:\n  epochs: ten\n", ["train.epochs must be a whole number", "line 3"]),
    ("name: x\ntrain:\n  # epochs: 3\n", ["train must be a section", "got null", "line 2"]),
    ("name: x\ndata: {validation: 0.1}\n", ["line 2", "Write a number of images"]),
    ("name: x\n---\nname: y\n", ["line 2", "a second document"]),
]


@pytest.mark.parametrize(("text", "words"), FILES, ids=[text for text, _ in FILES])
def test_mistakes_in_files(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert_explained(["run", str(path), "-C", str(tmp_path)], ["mine.yaml", *words])


@pytest.mark.parametrize("override", ["", "  "])
def test_empty_arguments(override: str) -> None:
    assert_explained(["run", override], ["such" if override else "No configuration file"])
    assert_explained(["run", "smoke", override], ["An override must be KEY=VALUE; got '"])


@pytest.mark.tensorflow
def test_advice_for_a_file_is_not_an_override(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\noptimizer: {name: adam, momentum: 0.9}\n")
    done = in_process("config", path)
    assert_error(done, 2, "optimizer.momentum in", "line 2", "choose one of these optimizers.")


def test_file_that_is_not_utf8_says_how_to_save_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("name: x\n".encode("utf-16"))
    assert_explained(["run", str(path)], ["is not UTF-8 text. Save it as UTF-8."])


WORKING: list[tuple[str, Callable[[str], bytes]]] = [
    ("Windows line ends", lambda text: text.replace("\n", "\r\n").encode()),
    ("byte order mark", lambda text: text.encode("utf-8-sig")),
    ("JSON", lambda _: b'{"name": "x", "train": {"epochs": 3}}'),
]


@pytest.mark.parametrize(("name", "encode"), WORKING, ids=[name for name, _ in WORKING])
def test_files_of_other_editors_are_read(
    name: str, encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(encode("name: x\ntrain:\n  epochs: 3\n"))
    assert read(path).train.epochs == 3, name


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("optimizer=adam", "optimizer={name: adam}"),
        ("optimizer=Adam", "optimizer={name: adam}"),
        ("optimizer.schedule=CosineDecay", "optimizer.schedule={name: cosine}"),
        ("optimizer.schedule=cosine", "optimizer.schedule={name: cosine}"),
        (
            "optimizer={name: sgd, schedule: cosine}",
            "optimizer={name: sgd, schedule: {name: cosine}}",
        ),
        ("data=emnist/letters", "data.name=emnist/letters"),
        ("train.callbacks=[tensor_board]", "train.callbacks=[{name: tensor_board}]"),
        ("train={callbacks: [tensor_board]}", "train.callbacks=[{name: tensor_board}]"),
    ],
)
def test_shorthands_are_the_same_as_the_long_form(short: str, long: str) -> None:
    assert read(SMOKE, [short]).model_dump() == read(SMOKE, [long]).model_dump()


def test_shorthand_can_be_overridden_further() -> None:
    optimizer = read(SMOKE, ["optimizer=sgd", "optimizer.learning_rate=0.5"]).optimizer
    assert (optimizer.name, optimizer.learning_rate) == ("sgd", 0.5)


def test_shorthands_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\ndata: mnist\noptimizer: adam\n")
    config = read(path)
    assert (config.data.name, config.optimizer.name) == ("mnist", "adam")
    assert config.optimizer.learning_rate is None  # the default of Keras


def test_json_schema_has_the_shorthands() -> None:
    from pipeline.config import Config

    optimizer = Config.model_json_schema()["$defs"]["Optimizer"]
    assert {"type": "string"} in optimizer["anyOf"]


def test_name_of_a_configuration_is_found_and_reported(tmp_path: Path) -> None:
    done = in_process("why", "smoke", "data", "-C", tmp_path)
    assert done.code == 0
    assert "Configuration: configs/smoke.yaml" in done.err
    assert read(Path("smoke")).model_dump() == read(SMOKE).model_dump()


def test_file_of_that_name_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    Path("configs/mine.yaml").write_text("name: in_configs\n")
    assert read(Path("mine")).name == "in_configs"
    Path("mine").write_text("name: here\n")
    assert read(Path("mine")).name == "here"
