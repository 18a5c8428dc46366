"""Run the campaign: ``python -m campaign.tolerances [SEED]``."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from campaign.tolerances.outcomes import reference_for, refusals, try_faults
from campaign.tolerances.random_models import TENTH, Digits, read_digits, sound_models
from pipeline.artifacts.formats import formats_in
from pipeline.progress import Silent
from pipeline.verification.running import artifacts_in, verify

SOUND = 200
FAULTS_EACH = 4


def main(arguments: list[str]) -> int:
    """Run the campaign; return 1 if a sound model was refused or a fault accepted."""
    seed = int(arguments[0]) if arguments else 0
    print(f"seed {seed}", flush=True)
    refused, outcomes = 0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="tolerances-") as scratch:
        digits = read_digits(Path(scratch))
        folders = []
        for folder in sound_models(seed, SOUND, digits, Path(scratch)):
            reference = reference_for(folder, digits)
            reasons = refusals(folder, reference)
            refused += bool(reasons)
            folders.append(folder)
            if "onnx" in formats_in(folder):
                outcomes += try_faults(int(folder.name), FAULTS_EACH, folder, reference)
            print(f"model {folder.name}: {reasons or 'accepted'}; {dict(outcomes)}", flush=True)
        print(f"Keras and onnxruntime: {refused} of {len(folders)} refused", flush=True)
        complete = folders[::TENTH]
        elsewhere = sum(_is_refused(folder, digits) for folder in complete)
    print(f"all runtimes: {elsewhere} of {len(complete)} refused", flush=True)
    print(
        f"faults: {outcomes['accepted']} of {outcomes.total()} accepted, "
        f"{outcomes['no effect']} without effect",
        flush=True,
    )
    return int(refused + elsewhere + outcomes["accepted"] > 0)


def _is_refused(folder: Path, digits: Digits) -> bool:
    """Verify all files of a model in all installed runtimes."""
    reference = reference_for(folder, digits)
    checks = verify(artifacts_in(folder, formats_in(folder)), reference, Silent())
    wrong = [(c.artifact, c.runtime, c.failures) for c in checks if c.failures]
    ran = sum(check.ran for check in checks)
    print(f"model {folder.name} in {ran} runs: {wrong or 'accepted'}", flush=True)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
