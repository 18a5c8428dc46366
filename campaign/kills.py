"""The part ``kills``: ``kill -9`` at random moments of a run, then the same command again.

The moment is drawn uniformly from the time of a run, so each stage is hit in proportion to its
duration; short stages are hit at least ``MIN_SHARE`` of the time. A case kills the run, kills the
second attempt as well, and lets the third one finish. It starts with the outputs of the stages
before the first kill, so that only what can differ is repeated.
"""

import random
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from campaign.kill_reference import (
    STAGES,
    Reference,
    command,
    environment,
    make_reference,
    temporary_folder,
)
from campaign.leftovers import leftovers, processes_using, unfinished_versions
from campaign.models import use_no_network
from campaign.part import Part
from campaign.results import Case, Results, Tally
from pipeline.system.resources import num_processors
from tests.support.processes import wait_until_ended

KILLS = 2  # of each case
MIN_SHARE = 0.08  # of the kills, for each stage
START = "start"  # reading the configuration, imports, planning
_START_SECONDS = 3.0
_POLL_SECONDS = 0.002
_END_SECONDS = 60  # for the workers of a killed run
_RUN_SECONDS = 900


def run(results: Results, total: int, folder: Path) -> None:
    """Kill ``total`` times, in as many cases at a time as there are processors."""
    use_no_network(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = results.pending(str(seed) for seed in range(-(-total // KILLS)))
    if not names:
        return
    reference = make_reference(folder)
    threads = ThreadPoolExecutor(num_processors())
    try:
        cases = [threads.submit(_timed, int(name), reference, folder) for name in names]
        for case in as_completed(cases):
            results.add(*case.result())
    finally:
        threads.shutdown(cancel_futures=True)


def _timed(seed: int, reference: Reference, folder: Path) -> tuple[Case, float]:
    started = time.monotonic()
    case = kill_and_finish(seed, reference, folder)
    return case, time.monotonic() - started


def kill_and_finish(
    seed: int, reference: Reference, folder: Path, stages: tuple[str, ...] = (START, *STAGES)
) -> Case:
    """Kill a run and its second attempt, let the third one finish, and compare the results."""
    chance, tally = random.Random(seed), Tally()
    moments = sorted((draw(chance, reference, stages) for _ in range(KILLS)), key=_position)
    workspace = folder / f"case-{seed}"
    _remove(workspace)  # of an interrupted campaign
    temporary = temporary_folder(workspace)
    first = moments[0][0]
    reference.copy(workspace, STAGES[0] if first == START else first)
    for stage, fraction in moments:
        killed = _kill(workspace, reference, stage, fraction)
        tally.outcomes[stage if killed else "ended before the kill"] += 1
        wait_until_ended(processes_using(temporary), _END_SECONDS)
        for text in unfinished_versions(workspace / "exported"):
            tally.fail(f"seed {seed}: half-written after a kill in {stage}: {text}")
    where = f"seed {seed} ({', '.join(f'{stage} at {part:.0%}' for stage, part in moments)})"
    for text in _finish(workspace, reference):
        tally.fail(f"{where}: {text}")
    if not tally.failed:  # otherwise it is kept, to look at
        _remove(workspace)
    return tally.case(str(seed), KILLS)


def _remove(workspace: Path) -> None:
    for folder in (workspace, temporary_folder(workspace)):
        shutil.rmtree(folder, ignore_errors=True)


def draw(chance: random.Random, reference: Reference, stages: tuple[str, ...]) -> tuple[str, float]:
    """Return a stage, by weight of its duration, and a moment in it, from 0 to 1."""
    seconds = {START: _START_SECONDS, **reference.seconds}
    whole = sum(seconds[stage] for stage in stages)
    weights = [max(seconds[stage] / whole, MIN_SHARE) for stage in stages]
    return chance.choices(stages, weights)[0], chance.random()


def _position(moment: tuple[str, float]) -> tuple[int, float]:
    stage, fraction = moment
    return (-1 if stage == START else STAGES.index(stage), fraction)


def _kill(workspace: Path, reference: Reference, stage: str, fraction: float) -> bool:
    """Start the run, and kill it in a stage; return whether it was still running then."""
    process = subprocess.Popen(
        command(workspace, reference.overrides),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(workspace),
    )
    begun = workspace / "runs" / stage
    pattern = f".tmp-*-{process.pid}"  # not those of killed runs
    while stage != START and process.poll() is None and not list(begun.glob(pattern)):
        time.sleep(_POLL_SECONDS)
    time.sleep(fraction * (_START_SECONDS if stage == START else reference.seconds[stage]))
    process.kill()
    return process.wait() == -signal.SIGKILL


def _finish(workspace: Path, reference: Reference) -> list[str]:
    """Run the same command again; return everything that is not as it should be."""
    done = subprocess.run(
        command(workspace, reference.overrides),
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_SECONDS,
        env=environment(workspace),
    )
    if done.returncode != 0 or "Traceback" in done.stderr:
        return [f"exit code {done.returncode}: {done.stderr[-500:]}"]
    found = [f"{name} differs" for name in reference.differences(workspace)]
    found += [f"{text} is left" for text in leftovers(workspace, temporary_folder(workspace))]
    return found + unfinished_versions(workspace / "exported")


PART = Part(
    name="kills",
    tries="`kill -9` at random moments of a run, in each stage by weight of its duration and at "
    "least 8 % of the time, then the same command again",
    failure="the next run fails, a file differs from that of an uninterrupted run by one bit, "
    "something half-written is in exported/, or temporary files are left",
    total=200,
    minutes=50,
    run=run,
)
