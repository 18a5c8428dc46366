"""What answers depend on: for the description of the parts, and for the metadata of the output."""

from pathlib import Path
from typing import Any

from pipeline.artifacts.formats import artifact_name
from pipeline.batch_prediction.options import Options
from pipeline.batch_prediction.sources import Source
from pipeline.commands.predict import Reader
from pipeline.publishing.published_folder import MANIFEST, read_version
from pipeline.system.atomic import sha256
from pipeline.system.packages import installed_version

_PACKAGES = ("dense-pipeline", "onnxruntime")


def model_facts(path: Path) -> dict[str, str]:
    """Return name, version and hashes of a published model, or of a file."""
    if path.is_file():
        return {"name": path.name, "sha256": sha256(path)}
    published = read_version(path)
    return {
        "name": f"{published.name}/{published.version}",
        "sha256": published.manifest.files[artifact_name("onnx")].sha256,
        "manifest_sha256": sha256(path / MANIFEST),
    }


def description(
    facts: dict[str, str], source: Source, options: Options
) -> dict[str, dict[str, str]]:
    """Return what the answers depend on, and how they are divided."""
    settings = {
        "--keep": ", ".join(options.keep),
        "--part-images": str(options.part_images),
        **_versions(),
    }
    return {"model": facts, "input": source.identity, "setting": settings}


def metadata(facts: dict[str, str], reader: Reader, source: Source) -> dict[str, Any]:
    """Return the metadata of the output."""
    return {
        **{f"model_{name}": text for name, text in facts.items()},
        "task": reader.task.name,
        "class_names": [*reader.class_names],
        "input": [*source.identity],
        **_versions(),
    }


def _versions() -> dict[str, str]:
    return {name: str(installed_version(name)) for name in _PACKAGES}
