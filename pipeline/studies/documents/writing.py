"""Write the results of a study to its folder."""

import json

from pipeline.progress import Progress
from pipeline.studies.documents.results_json import results_document
from pipeline.studies.results import StudyResult
from pipeline.system.atomic import explain_storage_errors, write_file


def write_documents(result: StudyResult, progress: Progress) -> None:
    """Write all documents; each replaces that of an earlier run of the study.

    Raises:
        StorageError: a document cannot be written.
    """
    del progress
    with explain_storage_errors(result.folder):
        result.folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(results_document(result), indent=2, allow_nan=False) + "\n"
    write_file(result.folder / "results.json", document.encode())
