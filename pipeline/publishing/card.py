"""The model card: what a person should know before using the model."""

from typing import Any

from pipeline.artifacts.contract import contract_from_json
from pipeline.artifacts.cost import SLOWER
from pipeline.config.yaml_text import dump_yaml


def model_card(manifest: dict[str, Any]) -> str:
    """Return the card as Markdown, from the manifest of a version."""
    metrics, data = manifest["metrics"], manifest["data"]
    test = metrics["test"]
    return "\n".join(
        [
            f"# {manifest['name']}, version {manifest['version']}",
            "",
            f"A dense network of {manifest['parameters']:,} parameters that tells the "
            f"{len(manifest['class_names'])} classes of {data['name']} apart. "
            f"Test accuracy **{100 * test['accuracy']:.2f} %** of {data['test']:,} images.",
            "",
            f"`{contract_from_json(manifest['contract'])}`",
            "",
            "Feed raw bytes, 0 to 255: scaling is part of the model.",
            "",
            "## Data",
            "",
            f"Source: {data['source']}; {data['origin'].rstrip('.')}.",
            *_sample_warning(data),
            f"Images: {data['train']:,} to train, {data['validation']:,} to validate, "
            f"{data['test']:,} to test.",
            "",
            "## Metrics",
            "",
            "| split | accuracy | loss | calibration error |",
            "|---|---:|---:|---:|",
            *(_split_row(name, values) for name, values in metrics.items()),
            "",
            "| class (test) | precision | recall | F1 | images |",
            "|---|---:|---:|---:|---:|",
            *map(_class_row, test["classes"]),
            "",
            "## Verification",
            "",
            "Every file was opened in a fresh process and asked the whole test set. The time is "
            "that of one image alone, and in batches of 256, on the machine that published.",
            "",
            "| file | runtime | largest difference | same labels | accuracy | time of an image |",
            "|---|---|---:|---:|---:|---:|",
            *map(_verification_row, manifest["verification"]),
            "",
            *_copies(manifest["copies"], manifest["verification"]),
            "## Training",
            "",
            "```yaml",
            _short_config(manifest["config"]),
            "```",
            "",
        ]
    )


def _sample_warning(data: dict[str, Any]) -> list[str]:
    if not data["sampled"]:
        return []
    return [
        "",
        "**Trained on a sample of 5,000 digits, not on the full data set**, which could not be "
        "reached.",
        "",
    ]


def _split_row(name: str, values: dict[str, Any]) -> str:
    numbers = (values[key] for key in ("accuracy", "loss", "expected_calibration_error"))
    return f"| {name} | " + " | ".join(f"{number:.4f}" for number in numbers) + " |"


def _class_row(values: dict[str, Any]) -> str:
    numbers = " | ".join(f"{values[key]:.4f}" for key in ("precision", "recall", "f1"))
    return f"| {values['name']} | {numbers} | {values['images']:,} |"


def _verification_row(check: dict[str, Any]) -> str:
    asked = f" ({check['asked']})" if check["asked"] else ""
    name = f"| {check['artifact']} | {check['runtime']}{asked} "
    if not check["ran"]:
        return f"{name}| not run | | | |"
    times = check["cost"]["time_per_image"].values()
    shown = ", ".join(f"{1e6 * time['median_seconds']:.3g}" for time in times)
    return (
        f"{name}| {check['max_abs_diff']:.1e} | {100 * check['label_agreement']:.2f} % "
        f"| {check['accuracy']:.4f} | {shown} us |"
    )


def _copies(copies: list[dict[str, Any]], checks: list[dict[str, Any]]) -> list[str]:
    """Say of every copy in lower precision what it loses and gains, or why it is left out."""
    if not copies:
        return []
    told = [
        _copy(copy, [c for c in checks if c["artifact"] == copy["artifact"]]) for copy in copies
    ]
    return ["## Copies in lower precision", "", *told, ""]


def _copy(copy: dict[str, Any], checks: list[dict[str, Any]]) -> str:
    if copy["reason"]:
        return f"- `{copy['artifact']}` is left out: {copy['reason']}."
    tested = {f"{check['accuracy']:.4f}" for check in checks if check["ran"]}
    slower = [
        f"{check['runtime']} ({', '.join(f'{ratio:.1f}x' for ratio in ratios.values())})"
        for check in checks
        if (ratios := check["times_of_original"]) and max(ratios.values()) >= SLOWER
    ]
    return (
        f"- `{copy['artifact']}`: {copy['bytes']:,} bytes instead of {copy['original_bytes']:,}; "
        f"validation accuracy {copy['accuracy']:.4f}, {copy['accuracy_drop']:.2f} points less; "
        f"test accuracy {' to '.join(sorted(tested))}."
        + (
            f" Slower than float32 for one image or for 256 in: {'; '.join(slower)}."
            if slower
            else ""
        )
    )


def _short_config(config: dict[str, Any]) -> str:
    shown = {key: config[key] for key in ("model", "optimizer", "train")}
    return dump_yaml(shown, width=100).rstrip()
