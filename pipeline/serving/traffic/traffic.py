"""Everything that happens to predictions besides the answer; a service without it has None."""

import logging
from collections.abc import Callable, Collection
from typing import Any

from pipeline.errors import did_you_mean
from pipeline.runtimes.predictor import Images
from pipeline.serving import metrics
from pipeline.serving.model import Model
from pipeline.serving.settings import Settings
from pipeline.serving.traffic.choice import Call, Choice, labeled
from pipeline.serving.traffic.sample_log import SampleWriter
from pipeline.serving.traffic.shadow import Shadow
from pipeline.serving.versions import Version
from pipeline.tasks.task import Predictions

_log = logging.getLogger(__name__)
_OUTCOMES = ("agreed", "disagreed", "dropped", "failed", "skipped")


class Traffic:
    """Splits requests, copies them to other versions, and records samples, in one worker."""

    def __init__(
        self,
        settings: Settings,
        find: Callable[[str], Model | None],
        is_idle: Callable[[], bool],
    ) -> None:
        """``find`` returns a model by name; ``is_idle`` tells whether no request is in progress."""
        self.options = options = settings.traffic
        size = settings.limits.body_bytes
        self.choose = Choice(options).choose
        self._shadow = Shadow(options, size, find, is_idle) if options.shadows else None
        self._samples = SampleWriter(options.sample_log, size) if options.sample_log else None

    def observe(
        self, call: Call, version: Version, images: Images, predictions: Predictions
    ) -> None:
        """Pass on a request that was answered: images (n, *image_shape), predictions (n, units).

        Whatever goes wrong is logged: the answer is there already.
        """
        try:
            if self._samples is not None:
                self._samples.sample(call, version, images, predictions)
            if self._shadow is not None and call.chosen is not None and call.chosen.is_default:
                self._shadow.copy(version, images, predictions)
        except Exception:  # noqa: BLE001
            _log.exception("cannot copy or record a request")

    def report_unknown_models(self, served: Collection[str]) -> None:
        """Log which models the options name although there are none, as after a typing mistake."""
        for option, model in self.options.unknown_models(served):
            _log.warning(
                "%s: no model %s is served, so the option for it has no effect. %sThe models are "
                "%s. It takes effect once the model is published.",
                option,
                model,
                did_you_mean(model, served),
                ", ".join(sorted(served)) or "none",
                extra={"model": model},
            )

    def close(self) -> None:
        """Write the samples that are not written yet."""
        if self._shadow is not None:
            self._shadow.close()
        if self._samples is not None:
            self._samples.close()

    def describe(self, model: Model) -> dict[str, Any]:
        """Return the split and the shadow of a model for its status, each if it has one."""
        found: dict[str, Any] = {}
        if shares := self.options.split(model.name):
            found["split"] = {
                label: {"fraction": share, **_state(model, label)}
                for label, share in shares.items()
            }
        if shadow := self.options.shadow(model.name):
            label, fraction = shadow
            state = _state(model, label)
            compared = _compared(model.name, label, state["version"])
            found["shadow"] = {"label": label, "fraction": fraction, **state, **compared}
        return found


def _state(model: Model, label: str) -> dict[str, str | None]:
    version, problem = labeled(model, label)
    return {"version": version.text if version else None, "problem": problem}


def _compared(model: str, label: str, version: str | None) -> dict[str, Any]:
    """Return counts of images and the largest difference, of all workers, since the start.

    Images that no version has seen are counted for all versions.
    """
    images, largest = dict.fromkeys(_OUTCOMES, 0), None
    for sample in metrics.samples():
        of = sample.labels.get("model"), sample.labels.get("label")
        if of != (model, label) or sample.labels.get("version") not in {version, ""}:
            continue
        if sample.name == "pipeline_shadow_images_total":
            images[sample.labels["outcome"]] += int(sample.value)
        elif sample.name == "pipeline_shadow_max_difference":
            largest = sample.value
    return {"images": images, "max_difference": largest}
