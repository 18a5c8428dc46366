"""One worker: an event loop that serves one catalog on both ports."""

import asyncio
import gc
import os
import socket
from collections.abc import Callable
from functools import partial

from pipeline.serving import answer_counts, metrics, pending_metrics
from pipeline.serving.access_log import AccessLog
from pipeline.serving.catalog import Catalog
from pipeline.serving.grpc.port import GrpcPort
from pipeline.serving.http.application import Application
from pipeline.serving.http.server import Server
from pipeline.serving.json_log import set_up_logging
from pipeline.serving.memory import return_large_blocks
from pipeline.serving.model import Model
from pipeline.serving.repository import Repository
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings
from pipeline.serving.traffic.traffic import Traffic
from pipeline.serving.watcher import Watcher
from pipeline.system import daemon_threads

# Lists of pixels are objects that the garbage collector counts: at Python's threshold of 700, every
# request would trigger it several times. They contain no cycles.
_GC_THRESHOLD = 50_000


def run_worker(
    settings: Settings, sock: socket.socket, closes_port: Callable[[], bool] = lambda: True
) -> None:
    """Serve until SIGINT or SIGTERM, then complete the requests in progress.

    ``closes_port`` tells then whether all processes that share the port end, or this one alone.

    Raises:
        MachineError: the gRPC port cannot be opened.
    """
    return_large_blocks()
    json_log = set_up_logging()
    gc.set_threshold(_GC_THRESHOLD, 20, 20)
    service = Service(settings)
    access_log = AccessLog(json_log if settings.access_log else None)
    server = Server(Application(service, access_log), settings, closes_port)
    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(service, server, access_log, sock))
    except SystemExit:  # a signal before the server's own handlers were in place
        pass
    finally:
        json_log.close()
    if daemon_threads.any_running():
        # Such a thread may be inside a C++ library, which crashes if the interpreter stops it.
        os._exit(0)


async def _serve(
    service: Service, server: Server, access_log: AccessLog, sock: socket.socket
) -> None:
    settings = service.settings
    port = GrpcPort(service, access_log) if settings.grpc_port is not None else None
    watcher = Watcher(settings, partial(_replace, service))
    service.repository = Repository(settings, watcher)
    if settings.traffic:
        service.traffic = Traffic(
            settings,
            partial(_find, service),
            lambda: service.requests_in_progress <= 0,
        )
    await service.repository.open()
    watching = asyncio.create_task(watcher.watch())
    # Earlier connections wait in the socket's queue, so that no worker reports that it is not
    # ready while others are.
    await watcher.complete.wait()
    if service.traffic:
        service.traffic.report_unknown_models(service.catalog.models)
    gc.collect()
    gc.freeze()  # exclude modules and models, which are permanent, from garbage collection
    stopping = asyncio.create_task(_stop_on_shutdown(port, service))
    flushing = asyncio.create_task(_flush_metrics())
    try:
        if port:
            await port.start()
        await server.serve(sockets=[sock])
    finally:
        watching.cancel()
        service.repository.close()
        service.shutting_down.set()
        await stopping
        if service.traffic:
            service.traffic.close()
        flushing.cancel()
        pending_metrics.flush()


async def _flush_metrics() -> None:
    """Let the other workers, which report the metrics of all, see those of this one."""
    while True:
        await asyncio.sleep(pending_metrics.FLUSH_SECONDS)
        pending_metrics.flush()
        await asyncio.to_thread(answer_counts.share)


async def _stop_on_shutdown(port: GrpcPort | None, service: Service) -> None:
    """Stop the gRPC port at the same time as the HTTP port, as each takes a while."""
    await service.shutting_down.wait()
    if port:
        await port.stop()


def _find(service: Service, name: str) -> Model | None:
    return service.catalog.models.get(name)


def _replace(service: Service, catalog: Catalog) -> None:
    service.catalog, service.openapi = catalog, None
    metrics.report_loaded_versions(_loaded(catalog))
    metrics.report_problems(_problems(catalog))


def _loaded(catalog: Catalog) -> dict[tuple[str, str], str]:
    """Return the labels of each version that is ready."""
    labels: dict[tuple[str, int], list[str]] = {}
    for name, model in catalog.models.items():
        labels |= {(name, number): [] for number in model.ready}
        for label, number in sorted(model.served_labels.items()):
            labels[name, number].append(label)
    return {(name, str(number)): ",".join(found) for (name, number), found in labels.items()}


def _problems(catalog: Catalog) -> dict[tuple[str, str], int]:
    """Return the number of problems of each model by kind."""
    found = {("", "stuck"): int(catalog.stuck)}
    for name, model in catalog.models.items():
        found[name, "stuck"] = len(model.stuck)
        found[name, "rejected"] = len(model.rejected)
        found[name, "label"] = sum(model.label_problem(label) is not None for label in model.labels)
    return found
