"""One round: start all servers, run each load on one server after the other, and stop them.

A slow minute of a shared machine then affects all servers alike, since one load takes seconds. Idle
servers use almost no processor time.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.load import Load, LoadFailed, run_load
from benchmarks.machine import SCRATCH
from benchmarks.messages import Protocol
from benchmarks.processes import machine_processor_seconds, own_processor_seconds
from benchmarks.servers import Running, Server, running
from benchmarks.workloads import WORKLOADS, Problem, Workload, require_correct_predictions
from pipeline.system.resources import num_processors

CONNECTIONS = (1, 16, 64)
FOLDER = SCRATCH / "serving"


@dataclass(frozen=True)
class Measured:
    """A measured load; ``share_of_others`` is the share of processor time of other processes."""

    server: Server
    workload: Workload
    protocol: Protocol
    connections: int
    load: Load
    share_of_others: float


@dataclass(frozen=True)
class Round:
    """The measured loads, and by server: seconds to ready, resident bytes after all loads."""

    loads: list[Measured]
    seconds_to_ready: dict[str, float]
    resident_bytes: dict[str, int]


def run_round(servers: list[Server], problem: Problem) -> Round:
    """Start all servers, run all loads, and verify the predictions before and after.

    Raises:
        ServerFailed: a server did not become ready.
        WrongPredictions: a server returned wrong predictions.
        LoadFailed: a request failed.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        processes = {
            server.name: stack.enter_context(
                running(server, problem.model, FOLDER / f"{server.name}.log")
            )
            for server in servers
        }
        for server in servers:
            require_correct_predictions(server, processes[server.name].port, problem)
        loads = list(measure_loads(servers, processes, problem))
        memory = {name: process.resident_bytes() for name, process in processes.items()}
        for server in servers:
            require_correct_predictions(server, processes[server.name].port, problem)
    seconds = {name: process.seconds_to_ready for name, process in processes.items()}
    return Round(loads, seconds, memory)


def measure_loads(
    servers: list[Server], processes: dict[str, Running], problem: Problem
) -> Iterator[Measured]:
    """Yield the measurement of each load on each server."""
    for workload in WORKLOADS:
        for connections in CONNECTIONS:
            for server in servers:
                protocol = workload.protocol(server)
                if protocol is None:
                    continue
                port = processes[server.name].port
                started, before = time.perf_counter(), seconds_of_others(processes)
                load = load_server(server, protocol, workload, connections, port, problem)
                others = seconds_of_others(processes) - before
                share = max(0.0, others / num_processors() / (time.perf_counter() - started))
                yield Measured(server, workload, protocol, connections, load, share)


def load_server(
    server: Server,
    protocol: Protocol,
    workload: Workload,
    connections: int,
    port: int,
    problem: Problem,
) -> Load:
    """Run one load on a server; errors name both."""
    name = problem.model.name
    messages = [protocol.write(name, images) for images, _ in problem.requests(workload)]
    try:
        return run_load(messages, FOLDER / server.name, port=port, connections=connections)
    except LoadFailed as error:
        raise LoadFailed(
            f"{server.title} failed under load ({workload.name}, {connections} connections): "
            f"{error}. See {FOLDER / server.name}.log."
        ) from error


def seconds_of_others(processes: dict[str, Running]) -> float:
    """Return the processor time of other processes than the servers and the load."""
    servers = sum(process.processor_seconds() for process in processes.values())
    return machine_processor_seconds() - own_processor_seconds() - servers
