"""The models that the campaign works on: small ones, published by a real run."""

import os
from pathlib import Path

from pipeline.artifacts.formats import FORMATS
from tests.support.command_line import run_smoke
from tests.support.paths import UNREACHABLE_PROXY

# Each format is verified in a runtime that opens it quickly.
ALL_FORMATS = (
    f"export.formats=[{','.join(FORMATS)}]",
    "export.max_accuracy_drop=2",
    "verify.runtimes=[onnxruntime,openvino,litert,keras]",
)
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


def smoke_workspace(folder: Path) -> Path:
    """Return a workspace with the smoke model in every format; made once, trained on the sample."""
    workspace, finished = folder / "smoke", folder / "smoke.finished"
    if not finished.exists():
        use_no_network(folder)
        done = run_smoke(workspace, *ALL_FORMATS)
        assert done.code == 0, done.err
        finished.touch()
    return workspace


def use_no_network(folder: Path) -> None:
    """Let this process and its children use the sample of MNIST, as all machines have it."""
    os.environ.update(dict.fromkeys(_PROXIES, UNREACHABLE_PROXY))
    os.environ.update({"no_proxy": "127.0.0.1,::1", "NO_PROXY": "127.0.0.1,::1"})
    os.environ["TFDS_DATA_DIR"] = str(folder / "tensorflow_datasets")
    os.environ.pop("PIPELINE_MANUAL_DIR", None)
