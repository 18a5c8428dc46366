"""The search that a study asks for; Optuna is imported only if it is needed."""

from pipeline.errors import MissingExtra
from pipeline.studies.points import LISTED, points
from pipeline.studies.reading import Study
from pipeline.studies.search.search import Listed, Search
from pipeline.tasks.task import Score


def open_search(study: Study, score: Score) -> Search:
    """Return the search; ``score`` is that of the validation set, which decides.

    Raises:
        ConfigError: Optuna does not know a name or an argument.
        MissingExtra: the study needs Optuna, which is not installed.
    """
    search = study.settings.search.name
    if search in LISTED and study.settings.pruner is None:
        return Listed(points(search, study.axes))
    try:
        from pipeline.studies.search.optuna_search import OptunaSearch
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise MissingExtra("A study with a sampler or a pruner", "studies") from error
    return OptunaSearch(study, score)
