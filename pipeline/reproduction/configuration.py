"""The configuration of a published version, for a second run of it on this machine."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pipeline.config.callback_files import require_inside, require_paths
from pipeline.config.data_schema import FOLDER
from pipeline.config.own_code import check_references, references
from pipeline.config.places import Places
from pipeline.config.reading import Override, apply_override, parse_override, validate
from pipeline.config.schema import Config
from pipeline.engine.workspace import Workspace
from pipeline.errors import ConfigError, RequestError
from pipeline.publishing.published_folder import MANIFEST, PublishedModel

# Where this machine has the data; a manifest has no folders and no hosts of other machines.
_SETTABLE = ("data.path", "data.manual_dir", "data.tfds_dir", "data.mirrors")
_OF_LATER_STAGES = ("verify", "publish", "track")
_SENDS = "remotemonitor"  # the callback of Keras that sends the progress of a training to a host


def configuration_of(published: PublishedModel, overrides: Sequence[str]) -> Config:
    """Return the configuration in the manifest, checked as any other, with data of here.

    Raises:
        ConfigError: it does not fit the schema.
        RequestError: an override is not one, or not about where the data is, or the folder of
            pictures is not given.
    """
    for text in overrides:
        if "=" not in text:
            raise RequestError(
                "pipeline reproduce takes one model, and KEY=VALUE to say where this machine has "
                f"the data, as in data.manual_dir=DIR; got {text!r} after the model."
            )
    given = [parse_override(text) for text in overrides]
    for override in given:
        if override.key not in _SETTABLE:
            raise RequestError(
                "pipeline reproduce takes the configuration from the manifest. Only "
                f"{', '.join(_SETTABLE)} can be set, which say where this machine has the data; "
                f"got '{override.text}'. To train another configuration, use pipeline run."
            )
    values: dict[str, Any] = deepcopy(published.manifest.config)
    places = Places(str(published.path / MANIFEST))
    recorded = validate(values, places)
    values = {key: values[key] for key in values.keys() - set(_OF_LATER_STAGES)}
    if recorded.data.name == FOLDER:
        _require_path(published, recorded, given)
    # A sample in place of the data would be another training.
    here = {**{key.partition(".")[2]: None for key in _SETTABLE}, "offline": "fail"}
    values["data"] = {**values.get("data", {}), "name": recorded.data.name, **here}
    for override in given:
        apply_override(override, values, places)
    return validate(values, places)


def _require_path(published: PublishedModel, config: Config, given: Sequence[Override]) -> None:
    if any(override.key == "data.path" for override in given):
        return
    name = f"{published.name}/{published.version}"
    raise RequestError(
        f"{name} was trained on a folder of pictures named {config.data.path!r}. A manifest has no "
        "paths of other machines: specify the folder with the same pictures, as in "
        f"pipeline reproduce {name} data.path=DIR"
    )


def check_code_and_files(
    published: PublishedModel,
    config: Config,
    workspace: Workspace,
    *,
    own_code: bool,
    allow_outside: bool,
) -> None:
    """Check what the callbacks of a manifest, which may be from anyone, are about to do.

    Raises:
        RequestError: they run Python files, which is not allowed, or send data to a host.
        ConfigError: such a file is missing, or a callback writes outside the workspace.
    """
    name = f"{published.name}/{published.version}"
    found = references(config)
    if found and not own_code:
        files = " and ".join(dict.fromkeys(reference.file for reference in found))
        raise RequestError(
            f"The training of {name} ran {files} ({found[0].key} in {found[0].place}), which the "
            "manifest names but does not contain. Put the file there, read it, and allow it to "
            "run with --own-code."
        )
    try:
        check_references(config)
    except ConfigError as error:
        raise ConfigError(f"{error} The path is that of the manifest of {name}.") from error
    require_paths(config)
    if allow_outside:
        return
    require_inside(config, workspace.root)
    for number, callback in enumerate(config.train.callbacks):
        if callback.name.replace("_", "").lower() == _SENDS:
            key = f"train.callbacks[{number}]"
            raise RequestError(
                f"{key} in {config.place_of(key)} is {callback.name}, which sends the progress of "
                "the training to a host. Allow this with --allow-outside."
            )
