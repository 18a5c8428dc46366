"""The process that runs trials, one after another: a trainable of Ray Tune with one step."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune import Trainable

from pipeline.engine.workspace import Workspace
from pipeline.errors import PipelineError
from pipeline.progress import Silent
from pipeline.studies.reading import Study
from pipeline.studies.trial import Trial
from pipeline.studies.trial_runs import run_trial

PROPOSAL, FINISHED = "proposal", "finished"  # in the configuration and the result of a trial


@dataclass(frozen=True)
class Finished:
    """The result of a trial, or the error that ends the study, and the notices for the user."""

    outcome: Trial | PipelineError
    notices: tuple[str, ...]

    def trial(self) -> Trial:
        """Return the result of the trial.

        Raises:
            PipelineError: the error that ends the study.
        """
        if isinstance(self.outcome, PipelineError):
            raise self.outcome
        return self.outcome


class TrialWorker(Trainable):  # type: ignore[misc]
    """Runs trials; a worker that is used again has TensorFlow and compiled programs already."""

    def setup(
        self, config: dict[str, Any], study: Study, workspace: Workspace, folder: Path
    ) -> None:
        """Remember the study; relative paths are relative to ``folder``."""
        del config
        self._study, self._workspace, self._folder = study, workspace, folder

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Accept another trial."""
        del new_config
        return True

    def step(self) -> dict[str, Any]:
        """Run the trial."""
        os.chdir(self._folder)
        notices = _Notices()
        outcome: Trial | PipelineError
        try:
            with notices.task("trial") as task:
                proposal = self.config[PROPOSAL]
                outcome = run_trial(self._study, proposal, self._workspace, notices, task)
        except PipelineError as error:
            outcome = error
        return {"done": True, FINISHED: Finished(outcome, tuple(notices.texts))}


class _Notices(Silent):
    """Collects the messages that the user must not miss."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        """Add a message."""
        self.texts.append(text)
