"""Compare servers of the same ONNX file: ``python -m benchmarks.serving``.

Each has one worker; the load is generated on the same machine. A wrong or failed response fails the
benchmark.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.load import LoadFailed, require_wrk
from benchmarks.machine import PROJECT, save
from benchmarks.servers import SERVERS, Server, ServerFailed
from benchmarks.serving_round import Measured, Round, run_round
from benchmarks.workloads import WrongPredictions, read_problem
from pipeline.publishing.published_folder import PublishedModel
from pipeline.system.atomic import sha256

ROUNDS = 2

Row = dict[str, Any]


def main() -> None:
    """Measure all servers and save the results; exit with an error if a server fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--workspace", type=Path, default=PROJECT)
    parser.add_argument("--name", default="mlp", help="name of the published model")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    require_wrk()
    servers = [SERVERS[name] for name in options.peers]
    problem = read_problem(options.workspace / "exported" / options.name)
    rounds = []
    try:
        for turn in range(options.rounds):  # the order is reversed in every other round
            rounds.append(run_round(servers if turn % 2 == 0 else servers[::-1], problem))
            print_round(rounds[-1])
    except (ServerFailed, WrongPredictions, LoadFailed) as error:
        sys.exit(str(error))
    found = {
        "model": describe(problem.model),
        "rounds": options.rounds,
        "servers": [summarize_server(server, rounds) for server in servers],
        "rows": list(summarize_loads(rounds)),
    }
    save("serving", found)


def describe(model: PublishedModel) -> Row:
    """Describe the served model."""
    hidden = model.manifest.config["model"]["hidden"]
    return {
        "name": model.name,
        "version": model.version,
        "widths": [784, *hidden, len(model.class_names)],
        "sha256": sha256(model.path / "model.onnx"),
    }


def print_round(found: Round) -> None:
    """Print one line of JSON for each load."""
    for one in found.loads:
        print(json.dumps(row_of([one])), flush=True)


def summarize_server(server: Server, rounds: list[Round]) -> Row:
    """Return the medians of a server over all rounds."""
    return {
        "server": server.name,
        "version": server.version(),
        "seconds_to_ready": statistics.median(r.seconds_to_ready[server.name] for r in rounds),
        "resident_bytes": statistics.median(r.resident_bytes[server.name] for r in rounds),
    }


def summarize_loads(rounds: list[Round]) -> Iterator[Row]:
    """Yield the medians over all rounds for each workload, number of connections and server."""
    for one in rounds[0].loads:
        case = one.server, one.workload, one.connections
        yield row_of(
            [m for r in rounds for m in r.loads if (m.server, m.workload, m.connections) == case]
        )


def row_of(measured: list[Measured]) -> Row:
    """Return the medians of the same load over several rounds."""
    first, loads = measured[0], [asdict(one.load) for one in measured]
    return {
        "server": first.server.name,
        "workload": first.workload.name,
        "protocol": first.protocol.label,
        "connections": first.connections,
        **{kind: statistics.median(load[kind] for load in loads) for kind in loads[0]},
        "share_of_others": statistics.median(one.share_of_others for one in measured),
        "all_requests_per_second": [load["requests_per_second"] for load in loads],
    }


if __name__ == "__main__":
    main()
