"""Run a study and compare its trials."""

from pipeline.artifacts.metrics import Metrics
from pipeline.artifacts.stage_facts import EvaluateFacts
from pipeline.engine.workspace import Workspace
from pipeline.progress import Progress
from pipeline.stages import plan_stages
from pipeline.studies.documents.writing import write_documents
from pipeline.studies.folder import results_folder
from pipeline.studies.reading import Study
from pipeline.studies.results import Group, StudyResult
from pipeline.studies.running import run_trials
from pipeline.tasks.registry import task_of


def run_study(study: Study, workspace: Workspace, progress: Progress) -> StudyResult:
    """Run the trials that are not stored, compare all, and write ``studies/<name>/``.

    Raises:
        PipelineError: see ``run_trials`` and ``results_folder``.
        StorageError: a document cannot be written.
    """
    folder = results_folder(study, workspace)
    trials = run_trials(study, workspace, progress)
    score = task_of(study.config_of({})).quality
    winner = StudyResult(study, folder, score, trials, {}).winner
    result = StudyResult(study, folder, score, trials, _test_metrics(study, winner, workspace))
    write_documents(result, progress)
    return result


def _test_metrics(study: Study, winner: Group | None, workspace: Workspace) -> dict[str, Metrics]:
    found: dict[str, Metrics] = {}
    for trial in winner.trials if winner else ():
        planned = plan_stages(study.config_of(trial.values), workspace)
        evaluated = planned and planned.output(EvaluateFacts)
        if evaluated:
            found[trial.fingerprint] = evaluated.facts.metrics["test"]
    return found
