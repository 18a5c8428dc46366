"""All parts of the campaign, in the order in which they run."""

from campaign import coverage_fuzz, folders, kills, measured, model_files, request_fuzz, study_kills

PARTS = {
    part.name: part
    for part in (
        request_fuzz.PART,
        measured.SLOW_CLIENTS,
        folders.PART,
        model_files.PART,
        coverage_fuzz.PART,
        measured.TOLERANCES,
        kills.PART,
        study_kills.PART,
    )
}
