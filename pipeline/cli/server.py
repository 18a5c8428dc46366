"""The command ``serve``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import HERE, Debug, Json, PublicKey, WorkspaceDir
from pipeline.errors import RequestError
from pipeline.terminal.session import print_json, report_errors

if TYPE_CHECKING:
    from pipeline.serving.settings import Settings

_MAX_SECONDS = 24 * 3600  # larger numbers overflow the options of libraries, as infinity does
_MAX_COUNT = 1_000_000


def serve(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL ...]",
            help="Names or folders of published models, also below --workspace; by default all in "
            "exported/.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The HTTP port; 0 selects a free one.")
    ] = 8501,
    grpc_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The gRPC port; by default one below --port."),
    ] = None,
    grpc: Annotated[bool, typer.Option(help="Open the gRPC port.")] = True,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Number of worker processes.")] = 1,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the bearer token that clients must send.")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="A PEM file; enables TLS.")] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="The key of the certificate, a PEM file.")
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Serve other hosts without a token or TLS."),
    ] = False,
    max_body_mb: Annotated[
        int, typer.Option(min=1, max=1024, help="Maximum size of a request body.")
    ] = 16,
    max_requests: Annotated[
        int, typer.Option(min=1, max=_MAX_COUNT, help="Concurrent requests per worker.")
    ] = 256,
    max_uploads: Annotated[
        int,
        typer.Option(min=1, max=_MAX_COUNT, help="Requests per worker whose bodies are arriving."),
    ] = 512,
    max_client_uploads: Annotated[
        int,
        typer.Option(
            min=0,
            max=_MAX_COUNT,
            help="Maximum of such requests from one client address; 0 for no limit (behind a "
            "proxy).",
        ),
    ] = 256,
    max_connections: Annotated[
        int, typer.Option(min=1, max=_MAX_COUNT, help="Connections per worker.")
    ] = 1024,
    max_batch: Annotated[
        int,
        typer.Option(min=1, help="Maximum images per batch; 1 disables batching."),
    ] = 64,
    max_model_mb: Annotated[
        int, typer.Option(min=1, help="Maximum size of a version; a larger one is not read.")
    ] = 4096,
    load_seconds: Annotated[
        float,
        typer.Option(
            min=0.1, max=_MAX_SECONDS, help="Time after which loading a model is reported as stuck."
        ),
    ] = 10,
    receive_seconds: Annotated[
        float, typer.Option(min=0.1, max=_MAX_SECONDS, help="Timeout for receiving a request.")
    ] = 10,
    answer_seconds: Annotated[
        float,
        typer.Option(
            min=0.001, max=_MAX_SECONDS, help="Time that a request may wait for inference."
        ),
    ] = 10,
    drain_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            max=_MAX_SECONDS,
            help="How long to keep accepting requests after SIGTERM while reporting not ready.",
        ),
    ] = 1,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=FRACTION,...",
            help="Split requests that name neither a version nor a label among labels: "
            "stable=0.9,canary=0.1, or mlp:stable=0.9,canary=0.1 for one model; may be repeated.",
        ),
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=FRACTION",
            help="Send copies of a fraction of requests to another version, and count where it "
            "agrees: canary=0.1, or mlp:canary=0.1 for one model; may be repeated.",
        ),
    ] = None,
    sample_log: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Record a sample of predictions as Parquet files."),
    ] = None,
    sample_rate: Annotated[
        float, typer.Option(min=0, max=1, help="The fraction of requests that are recorded.")
    ] = 0.01,
    sample_images: Annotated[
        bool, typer.Option("--sample-images", help="Record the images too.")
    ] = False,
    sample_log_mb: Annotated[
        int,
        typer.Option(
            min=1, max=_MAX_COUNT, help="Maximum size of --sample-log; the oldest are removed."
        ),
    ] = 1024,
    sample_seconds: Annotated[
        float,
        typer.Option(min=0.1, max=_MAX_SECONDS, help="Time after which samples are written."),
    ] = 60,
    access_log: Annotated[bool, typer.Option(help="Log a JSON line for each request.")] = True,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let pages of another origin use the server (CORS), such as https://example.org; "
            "may be repeated; * for all.",
        ),
    ] = None,
    public_key: PublicKey = None,
    drift_window: Annotated[
        int,
        typer.Option(
            min=100,
            max=100_000,
            help="Number of most recent answers to compare with those for the test set.",
        ),
    ] = 2000,
    workspace: WorkspaceDir = HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve published models over REST and gRPC (TensorFlow Serving, KServe V2), and a web page."""
    with report_errors(as_json=json, debug=debug, handle_signals=False):
        from pipeline import api
        from pipeline.serving.settings import Limits
        from pipeline.serving.traffic.options import (
            SampleLog,
            TrafficOptions,
            read_shadows,
            read_splits,
        )
        from pipeline.terminal import documents, tables

        if sample_log is None:
            _reject_sample_options(context)

        def print_started(settings: "Settings") -> None:
            if json:
                print_json(documents.serving_document(settings))
            else:
                tables.print_serving(settings)

        api.serve(
            models or (),
            workspace=workspace,
            host=host,
            port=port,
            grpc_port=(grpc_port if grpc_port is not None else max(port - 1, 0)) if grpc else None,
            workers=workers,
            token_file=token_file,
            certificate=tls_certificate,
            key=tls_key,
            insecure=insecure,
            traffic=TrafficOptions(
                splits=read_splits(split or ()),
                shadows=read_shadows(shadow or ()),
                sample_log=SampleLog(
                    sample_log.absolute(),
                    sample_rate,
                    sample_images,
                    sample_log_mb * 2**20,
                    sample_seconds,
                )
                if sample_log
                else None,
            ),
            limits=Limits(
                body_bytes=max_body_mb * 2**20,
                in_flight_bytes=max(Limits.in_flight_bytes, 2 * max_body_mb * 2**20),
                requests=max_requests,
                uploads=max_uploads,
                client_uploads=max_client_uploads,
                batch_images=max_batch,
                connections=max_connections,
                model_bytes=max_model_mb * 2**20,
                load_seconds=load_seconds,
                receive_seconds=receive_seconds,
                answer_seconds=answer_seconds,
                drain_seconds=drain_seconds,
            ),
            access_log=access_log,
            allow_origins=tuple(allow_origin or ()),
            public_key=public_key,
            drift_window=drift_window,
            on_open=print_started,
        )


def _reject_sample_options(context: typer.Context) -> None:
    """Raise RequestError if options say how to record samples, but none says where."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name.startswith("sample_") and source is not None and source.name == "COMMANDLINE":
            option = parameter.opts[0]
            raise RequestError(
                f"{option} requires --sample-log, without which nothing is recorded. "
                f"Add --sample-log DIR, or omit {option}."
            )
