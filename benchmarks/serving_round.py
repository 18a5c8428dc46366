"""One round: all servers are started, loaded in turns, load by load, and ended.

A slow minute of a shared machine then hits all of them, for a turn is seconds. Servers that wait
for their turn take next to nothing.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.load import Load, LoadFailed, put_load
from benchmarks.machine import SCRATCH
from benchmarks.messages import Protocol
from benchmarks.processes import machine_processor_seconds, own_processor_seconds
from benchmarks.servers import Running, Server, running
from benchmarks.workloads import WORKLOADS, Problem, Workload, require_right_answers
from pipeline.system.resources import num_processors

CONNECTIONS = (1, 16, 64)
FOLDER = SCRATCH / "serving"


@dataclass(frozen=True)
class Measured:
    """A load on a server; ``share_of_others`` is how much of the processors others took."""

    server: Server
    workload: Workload
    protocol: Protocol
    connections: int
    load: Load
    share_of_others: float


@dataclass(frozen=True)
class Round:
    """What every load came to, and each server by name: seconds to ready, bytes after it all."""

    loads: list[Measured]
    seconds_to_ready: dict[str, float]
    resident_bytes: dict[str, int]


def run_round(servers: list[Server], problem: Problem) -> Round:
    """Start all, see that they answer rightly, load them, and see so again.

    Raises:
        ServerFailed: one did not become ready.
        WrongAnswer: one did not answer as the model does.
        LoadFailed: one did not answer every request.
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
            require_right_answers(server, processes[server.name].port, problem)
        loads = list(put_loads(servers, processes, problem))
        memory = {name: process.resident_bytes() for name, process in processes.items()}
        for server in servers:
            require_right_answers(server, processes[server.name].port, problem)
    seconds = {name: process.seconds_to_ready for name, process in processes.items()}
    return Round(loads, seconds, memory)


def put_loads(
    servers: list[Server], processes: dict[str, Running], problem: Problem
) -> Iterator[Measured]:
    """Yield what each load of each server came to."""
    for workload in WORKLOADS:
        for connections in CONNECTIONS:
            for server in servers:
                protocol = workload.protocol(server)
                if protocol is None:
                    continue
                port = processes[server.name].port
                started, before = time.perf_counter(), seconds_of_others(processes)
                load = loaded(server, protocol, workload, connections, port, problem)
                others = seconds_of_others(processes) - before
                share = max(0.0, others / num_processors() / (time.perf_counter() - started))
                yield Measured(server, workload, protocol, connections, load, share)


def loaded(
    server: Server,
    protocol: Protocol,
    workload: Workload,
    connections: int,
    port: int,
    problem: Problem,
) -> Load:
    """Put one load on a server; where that fails, the sentence names both."""
    name = problem.model.name
    messages = [protocol.write(name, images) for images, _ in problem.requests(workload)]
    try:
        return put_load(messages, FOLDER / server.name, port=port, connections=connections)
    except LoadFailed as error:
        raise LoadFailed(
            f"{server.title} must answer every request with success; got {error} for "
            f"{workload.name} over {connections} connections. Read {FOLDER / server.name}.log."
        ) from error


def seconds_of_others(processes: dict[str, Running]) -> float:
    """Return what neither the servers nor the load computed: how far the machine was shared."""
    servers = sum(process.processor_seconds() for process in processes.values())
    return machine_processor_seconds() - own_processor_seconds() - servers
