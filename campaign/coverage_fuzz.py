"""The part ``parsers``: fuzzing guided by coverage, with atheris (libFuzzer for Python).

``python -m campaign.coverage_fuzz --keep`` adds the smallest of the inputs that were found to the
committed corpus.
"""

import argparse
import re
import subprocess
from pathlib import Path

from campaign import corpus
from campaign.fuzz_targets import TARGETS
from campaign.part import Part
from campaign.results import FOLDER, Case, Results, Tally
from tests.support.paths import PROJECT

PYTHON = PROJECT / ".venv-fuzz" / "bin" / "python"
SECONDS = 180  # of each target
FOUND = FOLDER / "corpus"  # grows with each campaign
_INPUT_BYTES, _INPUT_SECONDS, _MEMORY_MB = 4096, 10, 2048
_EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")
_COVERAGE = re.compile(r"cov: (\d+)")


def run(results: Results, total: int, folder: Path) -> None:
    """Fuzz every target for its share of ``total`` seconds; the seed is its position."""
    if subprocess.run(
        [PYTHON, "-c", "import atheris"], capture_output=True, check=False
    ).returncode:
        print("parsers: left out, since atheris has wheels for Linux on x86-64 only.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    seconds = max(1, total // len(TARGETS))
    results.run(TARGETS, lambda name: fuzz(name, seconds, folder))


def fuzz(name: str, seconds: int, folder: Path) -> Case:
    """Fuzz one target, which starts with the committed corpus."""
    corpus.unpack(name, FOUND / name)
    seed = 1 + list(TARGETS).index(name)  # libFuzzer takes 0 as: choose one
    done = _atheris(
        name,
        FOUND / name,
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-artifact_prefix={folder}/{name}-",
        "-print_final_stats=1",
    )
    tally = Tally()
    executed = _EXECUTED.search(done.stderr)
    reached = _COVERAGE.findall(done.stderr)
    tally.outcomes[name] = int(executed[1]) if executed else 0
    if done.returncode:
        (folder / f"{name}.log").write_text(done.stdout + done.stderr)
        tally.fail(f"{name}, seed {seed}: {_reason(done.stdout + done.stderr)}")
    print(f"{name}: {tally.outcomes[name]:,} inputs, coverage {reached[-1] if reached else 0}")
    return tally.case(name, tally.outcomes[name])


def _atheris(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    limits = (
        f"-max_len={_INPUT_BYTES}",
        f"-timeout={_INPUT_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
    )
    return subprocess.run(
        [PYTHON, "-m", "campaign.fuzz_target", name, *limits, *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=PROJECT,
        check=False,
    )


def _reason(output: str) -> str:
    """Return the exception and the file with the input, or the last lines."""
    lines = re.findall(
        r"^ *(?:=== )?\w[\w.]*(?:Error|Exception)\b.*|.*Test unit written to.*", output, re.M
    )
    return " ".join(dict.fromkeys(line.strip() for line in lines)) or output[-500:]


def keep() -> None:
    """Add to the committed corpus: libFuzzer finds the inputs that reach something new."""
    for name in TARGETS:
        merged = FOLDER / "merged" / name
        merged.mkdir(parents=True, exist_ok=True)
        _atheris(name, "-merge=1", merged, FOUND / name)
        corpus.add_smallest(name, merged)


PART = Part(
    name="parsers",
    tries=f"coverage-guided fuzzing, {SECONDS} s for each parser of untrusted bytes: "
    f"{', '.join(TARGETS)}",
    failure="an exception that the parser does not document, 10 s for one input, or 2 GB",
    total=SECONDS * len(TARGETS),
    minutes=SECONDS * len(TARGETS) // 60 + 2,
    run=run,
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", required=True)
    parser.parse_args()
    keep()
