"""One worker: an event loop that serves one catalog on both ports."""

import asyncio
import gc
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

from pipeline.serving import metrics
from pipeline.serving.access_log import AccessLog
from pipeline.serving.catalog import Catalog
from pipeline.serving.grpc.port import GrpcPort
from pipeline.serving.http.application import Application
from pipeline.serving.http.server import Server
from pipeline.serving.json_log import set_up_logging
from pipeline.serving.memory import return_large_blocks
from pipeline.serving.service import Service
from pipeline.serving.settings import Settings
from pipeline.serving.watcher import Watcher

_log = logging.getLogger(__name__)
_REFRESH_SECONDS = 1.0  # between two looks at exported/
# Lists of pixels are objects that the garbage collector counts: at Python's threshold of 700, every
# request would trigger it several times. They contain no cycles.
_GC_THRESHOLD = 50_000


def run_worker(settings: Settings, sock: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then complete the requests in progress.

    Raises:
        MachineError: the gRPC port cannot be opened.
    """
    return_large_blocks()
    json_log = set_up_logging()
    gc.set_threshold(_GC_THRESHOLD, 20, 20)
    service = Service(settings)
    access_log = AccessLog(json_log if settings.access_log else None)
    server = Server(Application(service, access_log), settings)
    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(service, server, access_log, sock))
    finally:
        json_log.close()


async def _serve(
    service: Service, server: Server, access_log: AccessLog, sock: socket.socket
) -> None:
    settings = service.settings
    port = GrpcPort(service, access_log) if settings.grpc_port is not None else None
    watcher = Watcher(settings)
    with ThreadPoolExecutor(1, "repository") as thread:
        # Earlier connections wait in the socket's queue, so that no worker reports that it is not
        # ready while others are.
        await _refresh(watcher, service, thread)
        gc.collect()
        gc.freeze()  # exclude modules and models, which are permanent, from garbage collection
        refreshing = asyncio.create_task(_keep_refreshing(watcher, service, thread))
        stopping = asyncio.create_task(_stop_on_shutdown(port, service))
        try:
            if port:
                await port.start()
            await server.serve(sockets=[sock])
        finally:
            refreshing.cancel()
            service.shutting_down.set()
            await stopping


async def _stop_on_shutdown(port: GrpcPort | None, service: Service) -> None:
    """Stop the gRPC port at the same time as the HTTP port, as each takes a while."""
    await service.shutting_down.wait()
    if port:
        await port.stop()


async def _keep_refreshing(watcher: Watcher, service: Service, thread: ThreadPoolExecutor) -> None:
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        await _refresh(watcher, service, thread)


async def _refresh(watcher: Watcher, service: Service, thread: ThreadPoolExecutor) -> None:
    """Update the catalog in a thread, since hashing and opening files take a while."""
    loop = asyncio.get_running_loop()

    def refresh() -> None:
        for catalog in watcher.refresh():
            loop.call_soon_threadsafe(_replace, service, catalog)

    try:
        await loop.run_in_executor(thread, refresh)
    except Exception:  # noqa: BLE001  (keep serving)
        _log.exception("cannot read exported/")


def _replace(service: Service, catalog: Catalog) -> None:
    service.catalog = catalog
    loaded = {
        (name, str(number)): ",".join(
            sorted(k for k, at in model.served_labels.items() if at == number)
        )
        for name, model in catalog.models.items()
        for number in model.ready
    }
    metrics.report_loaded_versions(loaded)
