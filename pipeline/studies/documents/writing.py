"""Write the results of a study to its folder."""

import json

from pipeline.errors import MissingExtra
from pipeline.progress import Progress
from pipeline.studies.documents.results_csv import results_csv
from pipeline.studies.documents.results_json import results_document
from pipeline.studies.documents.results_markdown import results_markdown
from pipeline.studies.documents.results_page import results_page
from pipeline.studies.documents.results_parquet import results_parquet
from pipeline.studies.results import StudyResult
from pipeline.system.atomic import explain_storage_errors, write_file

_PARQUET = "results.parquet"


def write_documents(result: StudyResult, progress: Progress) -> None:
    """Write all documents; each replaces that of an earlier run of the study.

    Without pyarrow, ``progress`` gets a notice, and there is no Parquet file.

    Raises:
        StorageError: a document cannot be written.
    """
    with explain_storage_errors(result.folder):
        result.folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "results.json": json.dumps(results_document(result), indent=2, allow_nan=False) + "\n",
        "results.md": results_markdown(result),
        "results.csv": results_csv(result),
        "results.html": results_page(result),
    }
    for name, text in texts.items():
        write_file(result.folder / name, text.encode())
    _write_parquet(result, progress)


def _write_parquet(result: StudyResult, progress: Progress) -> None:
    try:
        content = results_parquet(result)
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        with explain_storage_errors(result.folder):
            (result.folder / _PARQUET).unlink(missing_ok=True)  # it would be of an earlier run
        progress.notice(str(MissingExtra(_PARQUET, "studies")))
        return
    write_file(result.folder / _PARQUET, content)
