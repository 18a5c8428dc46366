"""Use published models."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from pipeline.api.arguments import existing_workspace
from pipeline.artifacts.checks import Check
from pipeline.commands.loading import PathLike
from pipeline.engine.workspace import Workspace
from pipeline.errors import ModelError, RequestError
from pipeline.progress import Progress, default_progress
from pipeline.publishing.listing import list_published
from pipeline.publishing.published_folder import PublishedModel, find_published
from pipeline.publishing.signatures import require_signed, sign_version, signature_path
from pipeline.system.atomic import locked, write_file

if TYPE_CHECKING:
    from pipeline.batch_prediction.options import BatchOptions
    from pipeline.batch_prediction.result import BatchPrediction
    from pipeline.commands.evaluation import Evaluation
    from pipeline.serving.settings import ServeOptions, Settings


def list_models(*, workspace: PathLike = ".") -> tuple[list[PublishedModel], list[ModelError]]:
    """Return every published version, and an error for each version or label that is broken.

    Raises:
        RequestError: the workspace does not exist.
    """
    return list_published(existing_workspace(workspace, "exported/").exported)


def verify(
    model: PathLike,
    runtimes: Sequence[str] = (),
    *,
    public_key: PathLike | None = None,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> list[Check]:
    """Verify a published model or an ONNX file on this machine, on the whole test set.

    With a ``public_key``, the signature of the published model is checked first.

    Raises:
        ModelError: ``model`` is neither, or is not signed.
        VerificationFailed: a file was altered, or its predictions differ.
    """
    from pipeline.commands.verify_file import verify_file
    from pipeline.commands.verify_published import verify_published
    from pipeline.publishing.locating import locate

    resolved = Workspace(Path(workspace))
    path = locate(model, resolved.exported)
    shown = progress or default_progress()
    if path.is_file():
        if public_key is not None:
            raise RequestError(
                f"A single file has no signature; got {path} with a public key. Specify the "
                "published folder, such as exported/mlp/1."
            )
        return verify_file(path, runtimes, resolved, shown)
    published = find_published(path)
    if public_key is not None:
        require_signed(published, Path(public_key))
    return verify_published(published, runtimes, resolved, shown)


def sign(model: PathLike, key: PathLike, *, workspace: PathLike = ".") -> Path:
    """Sign a published version with a private key, and return the file with the signature.

    The files of the version are compared with its manifest first.

    Raises:
        ModelError: ``model`` is not published, or was altered.
        RequestError: the key cannot sign.
        MissingExtra: the extra ``signing`` is not installed.
    """
    from pipeline.publishing.locating import locate

    folder = find_published(locate(model, Workspace(Path(workspace)).exported)).path
    with locked(folder.parent):  # no other command removes the version in the meantime
        published = find_published(folder)
        published.require_unaltered()
        sign_version(published, Path(key), setting="--key")
    return signature_path(folder)


def predict_batch(
    model: PathLike,
    inputs: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    workspace: PathLike = ".",
    progress: Progress | None = None,
    **options: "Unpack[BatchOptions]",
) -> "BatchPrediction":
    """Predict the images of Parquet files, or the pictures of a folder, into a Parquet file.

    The answers are those of ``predict``, in the order of the input, and an image that cannot be
    read has a text in the column ``error``. After an interruption, the same call resumes.

    Raises:
        RequestError: the output exists, or parts of another prediction are beside it.
        ModelError: the model has no ONNX file, cannot be opened, or predicts infinity or NaN.
        DataFileError: the input cannot be read, or has another schema.
        MissingExtra: pyarrow is not installed.
        WorkerFailed: a worker process was killed.
    """
    from pipeline.batch_prediction.options import Options
    from pipeline.batch_prediction.predicting import predict_into

    several = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    place, shown = Workspace(Path(workspace)), progress or default_progress()
    return predict_into(model, several, Path(output), Options(**options), place, shown)


def evaluate(
    model: PathLike,
    pictures: PathLike | None = None,
    *,
    augment: Mapping[str, float] | None = None,
    html: PathLike | None = None,
    workspace: PathLike = ".",
    progress: Progress | None = None,
) -> "Evaluation":
    """Return what a model answers to labeled pictures, or to the test set of its data.

    ``pictures`` is a folder with a folder for each class, or a CSV file with the columns ``file``
    and ``label``. ``augment`` changes test images first, such as ``{"shift": 2, "rotate": 15}``.
    ``html`` is the page to write.

    Raises:
        ModelError: the model cannot be opened.
        DataFileError: there are no labeled pictures, or the test set is not available.
        RequestError: the labels are not those of the model, or a change is unknown.
    """
    from pipeline.commands.evaluate import evaluate as evaluated
    from pipeline.commands.evaluation_report import page
    from pipeline.pages.writing import require_page_path

    if html is not None:
        require_page_path(Path(html))
    source = None if pictures is None else Path(pictures)
    shown = progress or default_progress()
    found = evaluated(model, source, augment or {}, Path(workspace), shown)
    if html is not None:
        write_file(Path(html), page(found).encode())
    return found


def serve(
    models: Sequence[str] = (),
    *,
    workspace: PathLike = ".",
    token_file: Path | None = None,
    insecure: bool = False,
    on_open: "Callable[[Settings], None]" = lambda _: None,
    **options: "Unpack[ServeOptions]",
) -> None:
    """Serve published models until SIGINT or SIGTERM; ``options`` are fields of ``Settings``.

    Raises:
        RequestError: a model, address or file is invalid, or the server would be unprotected.
        MachineError: a port is in use.
    """
    from pipeline.serving import serve as serving
    from pipeline.serving.bearer_token import read_token
    from pipeline.serving.http.cross_origin import require_origins
    from pipeline.serving.settings import (
        Settings,
        require_certificate,
        require_token_or_tls,
    )
    from pipeline.serving.traffic.sample_files import prepare_folder
    from pipeline.trust.keys import require_public_key

    exported = Workspace(Path(workspace)).exported
    settings = Settings(
        exported=exported,
        folders=serving.served_folders(list(models), exported),
        token=read_token(token_file),
        **options,
    )
    require_origins(settings.allow_origins)
    require_certificate(settings.certificate, settings.key)
    if settings.public_key is not None:
        require_public_key(settings.public_key, "--public-key")
    require_token_or_tls(settings, insecure=insecure)
    if settings.traffic.sample_log is not None:
        prepare_folder(settings.traffic.sample_log)
    serving.serve(settings, on_open)
