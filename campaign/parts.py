"""All parts of the campaign, in the order in which they run."""

from campaign import coverage_fuzz, folders, kills, model_files, request_fuzz

PARTS = {
    part.name: part
    for part in (
        request_fuzz.PART,
        model_files.PART,
        folders.PART,
        coverage_fuzz.PART,
        kills.PART,
    )
}
