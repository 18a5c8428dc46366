"""The metadata at the top of a model card, as the Hugging Face Hub defines it.

``huggingface_hub`` writes it back byte for byte: the keys have its order, and it uses PyYAML too.
"""

from typing import Any

from pipeline.artifacts.formats import FORMATS
from pipeline.config.target import target_text
from pipeline.publishing.card_licenses import hub_license, terms_of
from pipeline.publishing.card_tables import title
from pipeline.publishing.manifest import Description

# Libraries of the Hub by format, the first that a version has.
_LIBRARIES = {
    "keras": "keras",
    "saved_model": "tf-keras",
    "onnx": "onnx",
    "openvino": "openvino",
    "litert": "litert",
}
_CLASSIFICATION = ("image-classification", "Image Classification")
_OTHER = ("other", "Image Regression")  # the Hub has no task for numbers from images


def front_matter(description: Description) -> str:
    """Return the YAML block at the top of the card, with its two lines of dashes."""
    import yaml

    text = yaml.safe_dump(_metadata(description), sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n"


def _metadata(description: Description) -> dict[str, Any]:
    task, terms = _task(description), terms_of(description.data.name)
    scores, formats = description.metrics["test"].scores, description.formats
    return {
        **hub_license(description.license),
        "library_name": next(_LIBRARIES[name] for name in _LIBRARIES if name in formats),
        "pipeline_tag": task[0],
        "tags": _tags(description),
        **({"datasets": [terms.hub]} if terms.home else {}),
        "metrics": list(scores),
        "model-index": [{"name": description.name, "results": [_result(description)]}],
    }


def _tags(description: Description) -> list[str]:
    formats = [name for name in description.formats if not FORMATS[name].copy_of]
    return [description.task, *formats]


def _task(description: Description) -> tuple[str, str]:
    return _CLASSIFICATION if description.class_names else _OTHER


def _result(description: Description) -> dict[str, Any]:
    task_type, task_name = _task(description)
    scores = description.metrics["test"].scores
    return {
        "task": {"type": task_type, "name": task_name},
        "dataset": _data_set(description),
        "metrics": [
            {"type": name, "value": value, "name": f"Test {title(name)}"}
            for name, value in scores.items()
        ],
    }


def _data_set(description: Description) -> dict[str, str]:
    data = description.data
    terms, target = terms_of(data.name), target_text(description.target)
    name = terms.title
    name += "" if target == "label" else f", target {target}"
    name += ", sample of 5,000 digits" if data.sampled else ""
    variant = data.name.split(":")[0].partition("/")[2]
    config = {"config": variant} if variant else {}
    return {"name": name, "type": terms.hub, **config, "split": "test"}
