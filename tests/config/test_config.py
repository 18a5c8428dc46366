"""Configuration: types, defaults, overrides and error messages."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.api import describe_layers
from pipeline.artifacts.formats import FORMATS
from pipeline.config import Config, read
from pipeline.config.known_keys import all_keys
from pipeline.config.places import Places
from pipeline.config.reading import validate
from pipeline.config.shorthands import expand
from pipeline.config.yaml_text import dump_yaml, load_yaml
from pipeline.errors import ConfigError
from pipeline.progress import Silent
from pipeline.stages import STAGES
from tests.support.command_line import assert_error, command, in_process
from tests.support.paths import PROJECT, SMOKE, shipped_configurations

MLP = PROJECT / "configs" / "mlp.yaml"


def test_overrides_are_yaml_and_replace_optimizer_as_a_whole() -> None:
    config = read(MLP, ["optimizer={name: adam, learning_rate: 1e-3}", "model.hidden=[128]"])
    assert config.model.hidden == (128,)
    assert config.optimizer.learning_rate == 0.001
    assert config.optimizer.arguments == {}  # the file's momentum went with the section
    assert config.train.batch_size == 128


def test_a_section_is_merged_and_a_key_changed() -> None:
    config = read(MLP, ["train={epochs: 3}", "train.batch_size=full"])
    assert (config.train.epochs, config.train.batch_size) == (3, "full")


def test_configuration_is_frozen() -> None:
    config = read(MLP)
    with pytest.raises(ValidationError, match="frozen"):
        config.train.epochs = 3  # type: ignore[misc]


def test_every_shipped_configuration_is_valid() -> None:
    names = {path.stem: read(path).name for path in shipped_configurations()}
    assert {"mlp", "smoke", "softmax", "linear_deep"} <= set(names)
    assert all(stem == name for stem, name in names.items())


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.batchsize=3", ["Unknown key 'train.batchsize'", "Did you mean train.batch_size?"]),
        ("tran.epochs=3", ["Unknown key 'tran'", "Did you mean train?"]),
        ("train.batch_size=many", ["train.batch_size must be a whole number or 'full'", "'many'"]),
        ("train.batch_size=0", ["at least 1 or 'full'; got 0"]),
        ("train.batch_size=1.5", ["a whole number"]),
        ("train.epochs='3'", ["train.epochs must be a whole number; got '3'"]),
        ("model.hidden=[0]", ["model.hidden[0] must be at least 1; got 0"]),
        ("model.hidden=[1000000000]", ["model.hidden[0] must be at most 65536"]),
        ("model.hidden=12", ["model.hidden must be a list; got 12"]),
        ("model.hidden=[true]", ["a whole number; got true"]),
        ("model.dropout=1", ["model.dropout must be less than 1"]),
        ("optimizer.learning_rate=.nan", ["optimizer.learning_rate must be a finite number"]),
        ("optimizer.learning_rate=-1", ["greater than 0"]),
        ("publish.min_accuracy=2", ["at most 1"]),
        ("name=../x", ["name must be text of letters, digits, - and _", "'../x'"]),
        (
            "export.formats=[onx]",
            ["export.formats[0] must be 'saved_model', 'onnx', 'keras', ", "got 'onx'"],
        ),
        ("export.formats=[]", ["a list with at least 1 value; got []"]),
        ("data=3", ["data must be a section"]),
        (
            "task=regresion",
            ["task must be 'multiclass', 'binary' or 'regression'", "Did you mean 'regression'?"],
        ),
        (
            "data.target={pair: [3, 5], is: 7}",
            [
                "data.target must be label, parity, value, scaled_value, {is: CLASS}, {pair: "
                "[CLASS, CLASS]} or the name of a feature",
                "Keep one of the two.",
            ],
        ),
        (
            "data.target={pair: [3, '3']}",
            ["data.target must be a pair of two different classes"],
        ),
        ("data.target={pair: [3]}", ["data.target must be label, parity"]),
        ("data.target={pari: [3, 5]}", ["Did you mean 'pair'?"]),
        ("data.target={is: -1}", ["data.target must be label, parity"]),
        ("data.target={is: true}", ["data.target must be label, parity"]),
        ("data.target=7", ["got 7", "Write {is: 7}."]),
        ("data.target=[3, 5]", ["got [3, 5]", "Write {pair: [3, 5]}."]),
        ("data.target='the label'", ["got 'the label'"]),
        ("data.target=odd", ["Unknown value 'odd' for data.target", "Write parity."]),
        ("data.taget=parity", ["Unknown key 'data.taget'", "Did you mean data.target?"]),
        ("target=parity", ["Unknown key 'target'", "Did you mean data.target?"]),
        ("task=classification", ["Write multiclass, or binary for two classes."]),
        ("train.loss=mse", ["Unknown value 'mse' for train.loss", "Write squared"]),
        ("train.loss=mae", ["Write absolute."]),
        ("train.loss=bce", ["Write cross_entropy, which is computed from the logits."]),
        ("train.loss=huber", ["It is not available; the losses of regression are squared and"]),
        ("train.loss=squard", ["train.loss must be", "Did you mean 'squared'?"]),
        ("model.output=none", ["Unknown value 'none' for model.output", "Write linear."]),
        ("model.output=sigmoyd", ["model.output must be", "Did you mean 'sigmoid'?"]),
        ("output=sigmoid", ["the key model.output for the output of the network"]),
        ("train.early_stopping.monitor=val_rmse", ["Write val_loss or val_mae"]),
        ("publish.max_rmse=-1", ["publish.max_rmse must be at least 0"]),
        (
            "optimizer.schedule={nme: cosine}",
            ["Missing key 'optimizer.schedule.name'", "name: cosine"],
        ),
        ("model=[", ["Invalid YAML", "the override 'model=['"]),
        ("nonsense", ["KEY=VALUE; got 'nonsense'"]),
        ("train.epochs=010", ["a whole number; got '010'"]),
        ("train.epochs=1:30", ["a whole number; got '1:30'"]),
        ("name=2024-01-01x!", ["name must be text of letters, digits"]),
        ("name=stats", ["name must be a name other than config and stats", "got 'stats'"]),
        ("name=Config", ["name must be a name other than config and stats", "got 'Config'"]),
        (f"name={'x' * 101}", ["text of at most 100 characters"]),
        ("export.formats=[onnx,onnx]", ["export.formats must be a list without duplicates"]),
        (
            "data.name=MNIST",
            [
                "data.name must be the name of a data set of TensorFlow Datasets in lower case",
                "Write mnist.",
            ],
        ),
        ("train.callbacks=[3]", ["train.callbacks[0] must be a section"]),
        (
            "train.callbacks=[{name: a}, {x: 1}]",
            ["Missing key 'train.callbacks[1].name'", "name: csv_logger"],
        ),
        ("train.callbacks=[{name: 3}]", ["train.callbacks[0].name must be text; got 3"]),
        ("train.memory_mb=0", ["train.memory_mb must be at least 1; got 0"]),
        ("train.workers=0", ["train.workers must be at least 1; got 0"]),
        (
            "train.cluster=ray://10.0.0.5:10001",
            ["train.cluster must be the HOST:PORT of a running Ray cluster, or auto", "ray://"],
        ),
        ("train.precision=int8", ["train.precision must be 'float32' or 'mixed_bfloat16'"]),
        ("train.compiler=XLA", ["'auto', 'xla' or 'graph'; got 'XLA'", "Did you mean 'xla'?"]),
        (
            "data.mirrors=['nonsense']",
            ["data.mirrors[0] must be an address that begins with http:// or", "'nonsense'"],
        ),
    ],
)
def test_error_names_the_override(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(MLP, [override])
    for word in [*words, override if "=" in override else "nonsense"]:
        assert word in str(caught.value)


def test_target_of_an_override_is_the_place(tmp_path: Path) -> None:
    """``data.target.is=7`` takes the place of a word in the file."""
    path = tmp_path / "a.yaml"
    path.write_text("name: x\ndata: {target: parity}\n")
    assert read(path, ["data.target.is=7"]).data.target == {"is": 7}
    assert read(path, ["data=emnist/digits"]).data.target == "parity"
    with pytest.raises(ConfigError, match=r"in the override 'data\.target\.is=-7'"):
        read(path, ["data.target.is=-7"])


def test_all_errors_are_listed() -> None:
    with pytest.raises(ConfigError) as caught:
        read(MLP, ["model.dropout=2", "train.epochs=0"])
    assert "model.dropout" in str(caught.value)
    assert "train.epochs" in str(caught.value)


def test_errors_in_a_file_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: x\ntrain:\n  epochs: 3\n  batch_size: big\n")
    with pytest.raises(ConfigError, match=r"train\.batch_size .*wrong\.yaml, line 4"):
        read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nname: y\n", "line 2: duplicate key 'name', first on line 1"),
        (
            "name: x\ntrain:\n  callbacks:\n  - name: a\n    name: b\n",
            "line 5: duplicate key 'name', first on line 4",
        ),
        ("train: {epochs: 3}\n", "Missing key 'name' in .*wrong.yaml"),
        ("- a\n- b\n", "contains a list; a configuration must be a YAML mapping"),
        ("", "is empty; a configuration must be a YAML mapping"),
        ("name: [x\n", "line 2: a bracket opened on line 1 is not closed"),
        ("a: &a [*a]\n", "sections that do not contain themselves"),
        ("a: &a {b: *a}\n", "sections that do not contain themselves"),
        ("[a]: b\n", "got keys must be str"),
        ("name: !!binary eA==\n", "only text, .* got Object of type bytes"),
        (
            "name: !!python/object:os.system x\n",
            "Invalid YAML in .*line 1: .*Remove .*python/object:os.system",
        ),
        (
            "name: !other x\n",
            "Invalid YAML in .*line 1: YAML tags are not allowed. Remove '!other'",
        ),
        ("name: !!bool x\n", "Invalid YAML in .*: KeyError: 'x'"),
        ("name: !!float ''\n", "Invalid YAML in .*: IndexError"),
        ("name: !!omap [a: 1, a: 2]\n", "Invalid YAML in .*: AssertionError"),
        ("name: x\0\n", "Invalid YAML in .*#x0000"),
        ("name: *a\n", "line 1: undefined alias 'a'. Put values that begin with . in quotes"),
        ("name: x\n---\nname: y\n", "line 2: a second document begins here"),
        ("%YAML 1.3\n---\nname: x\n", "must be YAML 1.2; got '%YAML 1.3' in .*wrong.yaml"),
        ("[" * 3000, "Invalid YAML in .*nested too deeply"),
        (f"name: {'9' * 5000}\n", "Invalid YAML in .*too many digits"),
        ('name: "\\ud800"\n', "must be valid Unicode text: Invalid JSON"),
        ("train: {<<: {epochs: 3}}\nname: x\n", "Unknown key 'train.<<' in .*line 1"),
        ("%YAML 1.1\n---\nname: yes\n", "must be YAML 1.2; got '%YAML 1.1' in .*wrong.yaml"),
        ("name: x\noptimizer: {1: 2, '1': 3}\n", "duplicate key '1', first on line 2"),
    ],
)
def test_invalid_file_is_explained(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-.inf", float("-inf")),
        ("-7", -7),
        ("~", None),
        ("TRUE", True),
        ("yes", "yes"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1_0.5", "1_0.5"),
        (".5e3", 500.0),
        ("+.5e1", 5.0),
        ("5e3", 5000.0),
        ("'.5e3'", ".5e3"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01 10:00:00", "2024-01-01 10:00:00"),
        ("=", "="),
        ("[&a 1, *a]", [1, 1]),
        ("[&a 1, &a 2, *a]", [1, 2, 2]),
        ("{a: {b: [c, 1.5]}}", {"a": {"b": ["c", 1.5]}}),
    ],
)
def test_values_are_plain(text: str, value: object) -> None:
    loaded = load_yaml(text, "here")[1]
    assert loaded == value
    assert type(loaded) is type(value)


def test_yaml_round_trip() -> None:
    values = {
        "texts": ["yes", "010", "1:30", "2024-01-01", "a: b #c", "", "~", "x" * 200],
        "numbers": [0.1, 1e-10, 1e22, 3, -1],
        "others": {"z": None, "a": True},
    }
    text = dump_yaml(values)
    assert load_yaml(text, "here")[1] == values
    assert text.endswith("others: {z: null, a: true}\n")  # in their order


def test_section_of_the_resolved_configuration_is_on_one_line() -> None:
    lines = dump_yaml(read(SMOKE).model_dump(mode="json")).splitlines()
    assert "data: {name: mnist" in lines[1]
    assert lines[1].endswith("mirrors: null}")


def test_names_of_formats_agree_with_the_sources_of_copies() -> None:
    for name, written in FORMATS.items():
        assert name.startswith(f"{written.copy_of}_") == (written.copy_of is not None)
        with_copy = [f"export.formats=[{name}]"]
        if written.copy_of is None:
            assert read(SMOKE, with_copy).export.formats == (name,)
            continue
        with pytest.raises(ConfigError, match=f"a list with {written.copy_of}, the source of"):
            read(SMOKE, with_copy)


def test_spellings_of_a_name_are_one_configuration() -> None:
    ours = read(SMOKE, ["optimizer={name: sgd, schedule: cosine}"])
    for text in ("{name: SGD, schedule: CosineDecay}", "{name: Sgd, schedule: cosine_decay}"):
        assert read(SMOKE, [f"optimizer={text}"]).model_dump() == ours.model_dump()


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner)
)


@given(st.sampled_from(sorted(all_keys())), _VALUES)
def test_any_value_of_any_key_is_read_or_rejected(key: tuple[str, ...], value: object) -> None:
    values: object = value
    for part in reversed(key):
        values = {part: values}
    with contextlib.suppress(ConfigError):
        validate({"name": "x", **expand(values)}, Places("here"))  # type: ignore[arg-type]


@given(st.text() | st.text(alphabet="a&*!|>-?:[]{},'\"#%@`\\ \n\t0.e<="))
def test_any_text_is_read_or_rejected(text: str) -> None:
    with contextlib.suppress(ConfigError):
        load_yaml(text, "here")


def test_missing_file_and_binary_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such configuration file: '.*none\.yaml'"):
        read(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"is not UTF-8 text\. Save it as UTF-8"):
        read(tmp_path / "binary.yaml")


def test_schema_has_every_section() -> None:
    done = in_process("config", "--schema")
    schema = json.loads(done.out)
    assert set(schema["properties"]) == set(Config.model_fields)
    assert schema["additionalProperties"] is False


@pytest.mark.tensorflow
def test_config_prints_defaults_and_parameter_count() -> None:
    done = in_process("config", MLP, "model.hidden=[300, 100]", "--json")
    document = json.loads(done.out)
    assert document["config"]["data"]["offline"] == "sample"
    assert document["config"]["publish"]["label"] == "stable"
    d1, d2 = 300, 100
    hidden_biases = d2 + 10  # of the layers after the first, whose bias is in the 785
    parameters = sum(layer["parameters"] for layer in document["layers"])
    assert parameters == 785 * d1 + d1 * d2 + 10 * d2 + hidden_biases


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.activation=rellu", ["model.activation", "'rellu'", "Did you mean 'relu'?"]),
        ("model.initializer=he_norml", ["model.initializer", "Did you mean 'he_normal'?"]),
        ("optimizer={name: adagrd}", ["optimizer.name", "Did you mean 'adagrad'?"]),
        (
            "optimizer={name: adam, momentum: 0.9}",
            ["Adam has no argument 'momentum' (optimizer.momentum in", "sgd", "optimizer=adam"],
        ),
        ("optimizer={name: sgd, nesterov: 1}", ["optimizer.nesterov must be true or false"]),
        ("optimizer={name: sgd, momentum: 7}", ["SGD does not accept {momentum: 7}"]),
        ("optimizer.schedule={name: cosin}", ["optimizer.schedule.name", "'cosine"]),
        ("optimizer.schedule={name: cosine, alfa: 1}", ["schedule.alfa", "Did you mean 'alpha'?"]),
        (
            "optimizer.schedule={name: piecewise_constant}",
            ["requires boundaries and values", "Write {name: piecewise_constant"],
        ),
        ("data.name=mnits", ["data.name", "Did you mean 'mnist'?"]),
        (
            "data.name=imdb_reviews",
            ["uint8 images, each with a class or", "imdb_reviews"],
        ),
        ("data.name=mnist:9.9.9", ["TensorFlow Datasets cannot open the data set", "9.9.9"]),
        (
            "model.hidden=[65536,65536,65536]",
            ["does not fit into memory", "GiB to train", "fewer units"],
        ),
        (
            "model.activation=threshold",
            ["activation 'threshold' cannot be used", "from celu, elu"],
        ),
        ("model.initializer=constant", ["model.initializer", "'constant'"]),
        (
            "model.output_initializer=lecun_norml",
            ["output initializer 'lecun_norml' (model.output_initializer in", "'lecun_normal'?"],
        ),
        (
            "model.initializer=stft",
            ["initializer 'stft' cannot be used", "ones, orthogonal"],
        ),
        (
            "optimizer={name: adam, weight_decay: x}",
            ["Adam failed a trial step with {weight_decay: x}", "Choose other values, or remove"],
        ),
        (
            "optimizer={name: adam, clipnorm: x}",
            ["Adam failed a trial step with {clipnorm: x}", "to use the Keras defaults."],
        ),
        (
            "optimizer.schedule={name: exponential, decay_rate: x}",
            [
                "Cannot compute the learning rate of exponential with {decay_rate: x}",
                "Choose other arguments.",
            ],
        ),
        (
            "optimizer={name: sgd, gradient_accumulation_steps: 1}",
            ["a whole number of at least 2", "Remove it to update"],
        ),
        (
            "train.early_stopping={patience: 1}",
            ["cannot be combined with optimizer.use_ema", "Remove one of them"],
        ),
    ],
)
def test_names_of_keras_and_data_sets_are_checked(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        averaged = ["optimizer.use_ema=true"] if "early_stopping" in override else []
        describe_layers(read(MLP, [override, *averaged]), progress=Silent())
    for word in words:
        assert word in str(caught.value)


@pytest.mark.tensorflow
def test_command_line_reports_unknown_names() -> None:
    assert_error(in_process("config", MLP, "optimizer.name=sdg"), 2, "Did you mean 'sgd'?")


def test_every_key_is_read_by_a_stage() -> None:
    """A key that no stage reads has no effect, or one that fingerprints miss."""
    unread = {
        "data.offline",
        "data.path",
        "data.manual_dir",
        "data.tfds_dir",
        "data.mirrors",
        "track",
    }  # these only locate the data, and track the run
    keys = {
        f"{name}.{key}" if field.annotation and hasattr(field.annotation, "model_fields") else name
        for name, field in Config.model_fields.items()
        for key in getattr(field.annotation, "model_fields", {"": None})
    }
    reads = {read for stage in STAGES for read in stage.reads}
    assert {key for key in keys if key not in reads and key.split(".")[0] not in reads} == unread


@pytest.mark.tensorflow
def test_integers_are_accepted_for_float_arguments() -> None:
    describe_layers(read(MLP, ["optimizer={name: sgd, momentum: 0}"]), progress=Silent())


@pytest.mark.tensorflow
def test_default_learning_rate_is_that_of_keras() -> None:
    from pipeline.models.optimizers import build_optimizer

    for name, rate in (("sgd", 0.01), ("adam", 0.001), ("rmsprop", 0.001)):
        config = read(MLP, [f"optimizer={{name: {name}}}"]).optimizer
        assert float(build_optimizer(config, total_steps=1).learning_rate) == pytest.approx(rate)


@pytest.mark.process
def test_other_keras_backend_is_rejected() -> None:
    done = command("config", MLP, KERAS_BACKEND="torch")
    assert_error(done, 2, "backend must be 'tensorflow'; got 'torch'", "Unset the variable")


@pytest.mark.parametrize("path", shipped_configurations(), ids=lambda path: path.stem)
def test_printed_configuration_can_be_read_back(path: Path, tmp_path: Path) -> None:
    values = read(path).model_dump(mode="json")
    (tmp_path / "printed.yaml").write_text(dump_yaml(values))
    assert read(tmp_path / "printed.yaml").model_dump(mode="json") == values


@pytest.mark.tensorflow
def test_standard_output_is_the_configuration_and_the_layers_are_on_standard_error(
    tmp_path: Path,
) -> None:
    first = in_process("config", SMOKE, "train.epochs=7")
    (tmp_path / "printed.yaml").write_text(first.out)
    again = in_process("config", tmp_path / "printed.yaml")
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert again.out == first.out
    assert "  epochs: 7\n" in first.out
    assert re.search(r"hidden_1 +Dense +32 +25,120", first.err)
    assert "Dense" not in first.out


def test_committee_of_the_record_has_its_settings() -> None:
    folder = PROJECT / "configs"
    record, committee = (read(folder / f"{n}.yaml") for n in ("record", "record_committee"))
    differences = {
        "name": "record_committee",
        "model": record.model.model_copy(update={"members": 5}),
    }
    assert committee.model_dump() == record.model_copy(update=differences).model_dump()
