"""The commands: wiring and exit codes, no logic. Heavy modules are imported inside a command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.terminal.session import print_error, print_json, report_errors, show_progress
from pipeline.terminal.usage_hints import HintingGroup

if TYPE_CHECKING:
    from pipeline.artifacts.stage_facts import LayerSummary
    from pipeline.serving.settings import Settings

app = typer.Typer(
    name="pipeline",
    cls=HintingGroup,
    help="Train, verify and publish dense neural networks from one YAML file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks and the output of libraries.")
]
WorkspaceDir = Annotated[
    Path, typer.Option("--workspace", "-C", help="The folder that contains runs/ and exported/.")
]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CONFIG] [KEY=VALUE ...]",
        help="A YAML file, or the name of one in configs/ (default: mlp); overrides of its keys.",
    ),
]
_HERE = Path()


def _split(arguments: list[str] | None) -> tuple[Path, list[str]]:
    """Separate CONFIG, which may be missing, from the overrides, which contain a ``=``."""
    from pipeline.api import DEFAULT_CONFIG

    given = list(arguments or [])
    config = given.pop(0) if given and "=" not in given[0] else DEFAULT_CONFIG
    return _found(config), given


def _found(config: str | Path) -> Path:
    """Find the file of a configuration; report it if it is not the path that was given."""
    from pipeline.config.finding import find_config

    path = find_config(Path(config))
    if path != Path(config):
        typer.echo(f"Configuration: {path}", err=True)
    return path


@app.command()
def run(
    arguments: Arguments = None,
    until: Annotated[str, typer.Option(help="Stop after this stage.")] = "publish",
    force: Annotated[
        str | None, typer.Option(help="Run this stage and the later ones even if up to date.")
    ] = None,
    workspace: WorkspaceDir = _HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Load data, train, evaluate, export, verify and publish; skip stages that are up to date."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import documents, tables

        config, overrides = _split(arguments)
        log = workspace / "runs" / "libraries.log"
        with show_progress(log, debug=debug) as progress:
            result = api.run(
                config,
                overrides,
                workspace=workspace,
                until=until,
                force=force,
                progress=progress,
            )
        print_json(documents.run_document(result)) if json else tables.print_run(result)


@app.command()
def config(
    arguments: Arguments = None,
    schema: Annotated[
        bool, typer.Option(help="Print the JSON Schema of configurations instead.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the resolved configuration with all defaults, and the layers of the network."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.config import Config
        from pipeline.config.yaml_text import dump_yaml
        from pipeline.errors import MissingExtra
        from pipeline.terminal import tables

        if schema:
            print_json(Config.model_json_schema())
            return
        resolved = api.resolve_config(*_split(arguments))
        values = resolved.model_dump(mode="json")
        layers: list[LayerSummary] = []
        try:
            with show_progress(None, debug=debug) as progress:
                layers = api.describe_layers(resolved, progress=progress)
        except MissingExtra as error:
            typer.echo(f"Keras names and arguments were not checked. {error}", err=True)
        if json:
            print_json({"config": values, "layers": [vars(layer) for layer in layers]})
            return
        print(dump_yaml(values), end="")
        if layers:
            tables.print_layers(layers)


@app.command()
def why(
    config: Annotated[Path, typer.Argument(help="A YAML file, or the name of one in configs/.")],
    stage: Annotated[str, typer.Argument(help="data, train, evaluate, export, verify or publish.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE ...]")] = None,
    workspace: WorkspaceDir = _HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain why a stage would run, or report that it is up to date."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import documents, tables

        reasons = api.why(_found(config), stage, overrides or (), workspace=workspace)
        print_json(documents.reasons_document(reasons)) if json else tables.print_reasons(reasons)


@app.command()
def models(workspace: WorkspaceDir = _HERE, json: Json = False, debug: Debug = False) -> None:
    """List the published models with their accuracy and labels."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import documents, tables

        found, broken = api.list_models(workspace=workspace)
        if json:
            print_json(documents.models_document(found, broken))
        else:
            tables.print_models(found, broken)


@app.command()
def predict(
    model: Annotated[
        Path, typer.Argument(help="NAME or NAME/VERSION of a published model, or a path.")
    ],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE ...", help="PNG, JPEG, WebP or .npy files.")
    ],
    workspace: WorkspaceDir = _HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the label of each image, without TensorFlow."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import tables

        with (
            show_progress(None, debug=debug) as progress,
            progress.task("predicting", total=len(files)),
        ):
            predictions = api.predict(model, files, workspace=workspace)
        if json:
            print_json([vars(prediction) for prediction in predictions])
        else:
            tables.print_predictions(predictions)


@app.command()
def verify(
    model: Annotated[
        Path, typer.Argument(help="NAME or NAME/VERSION of a published model, or an .onnx file.")
    ],
    runtime: Annotated[
        list[str] | None, typer.Option(help="Use this runtime only; may be repeated.")
    ] = None,
    workspace: WorkspaceDir = _HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Verify a published model, or an ONNX file, in every installed runtime.

    If the test set is not in the workspace, it is prepared there (runs/).
    """
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.errors import VerificationFailed
        from pipeline.terminal import documents
        from pipeline.terminal.check_tables import print_checks
        from pipeline.verification.verdict import require_passed

        with show_progress(None, debug=debug) as progress:
            checks = api.verify(model, runtime or (), workspace=workspace, progress=progress)
        failure = None
        try:
            require_passed(
                checks,
                reference="its reference" if model.is_file() else "the trained model",
                advice="Do not use a file that failed. Export it again; if it fails again, the "
                "runtime named above computes different results.",
            )
        except VerificationFailed as error:
            failure = error
        if json:
            print_json(documents.verification_document(checks, failure))
        else:
            print_checks(checks)
        if failure is not None:
            raise typer.Exit(print_error(failure))


@app.command()
def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL ...]", help="Names or folders; by default all in exported/."
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
    max_requests: Annotated[int, typer.Option(min=1, help="Concurrent requests per worker.")] = 256,
    max_connections: Annotated[int, typer.Option(min=1, help="Connections per worker.")] = 1024,
    max_batch: Annotated[
        int,
        typer.Option(min=1, help="Maximum images per batch; 1 disables batching."),
    ] = 64,
    receive_seconds: Annotated[
        float, typer.Option(min=0.1, help="Timeout for receiving a request.")
    ] = 10,
    answer_seconds: Annotated[
        float, typer.Option(min=0.001, help="Time that a request may wait for inference.")
    ] = 10,
    drain_seconds: Annotated[
        float,
        typer.Option(min=0, help="Time after SIGTERM to report not ready but accept requests."),
    ] = 1,
    access_log: Annotated[bool, typer.Option(help="Log a JSON line for each request.")] = True,
    workspace: WorkspaceDir = _HERE,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve published models over REST and gRPC (TensorFlow Serving, KServe V2), and a web page."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.serving.settings import Limits
        from pipeline.terminal import documents, tables

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
            limits=Limits(
                body_bytes=max_body_mb * 2**20,
                requests=max_requests,
                batch_images=max_batch,
                connections=max_connections,
                receive_seconds=receive_seconds,
                answer_seconds=answer_seconds,
                drain_seconds=drain_seconds,
            ),
            access_log=access_log,
            on_open=print_started,
        )


@app.command()
def doctor(workspace: WorkspaceDir = _HERE, json: Json = False, debug: Debug = False) -> None:
    """Check the installation and the data hosts, and report how to fix problems."""
    with report_errors(as_json=json, debug=debug):
        from pipeline import api
        from pipeline.terminal import tables

        with show_progress(None, debug=debug) as progress:
            findings = api.diagnose(workspace=workspace, progress=progress)
        print_json([vars(f) for f in findings]) if json else tables.print_findings(findings)
