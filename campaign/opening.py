"""Open damaged copies, each in a fork of this process: ``python -m campaign.opening``.

Arguments: the kind and the runtime (``campaign.model_files.OPENED``), the published model, the
first seed, the number of copies. Prints a line of JSON for each: seed, outcome, files written.
"""

import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from campaign.mutations import mutated
from pipeline.artifacts.files import describe_files
from pipeline.artifacts.formats import FORMATS, artifact_path
from pipeline.artifacts.preprocessing import Preprocessing
from pipeline.artifacts.serialization import to_json
from pipeline.imaging.image_files import read_images
from pipeline.publishing.published_folder import LABELS, MANIFEST
from pipeline.runtimes.registry import choose_runtime
from tests.support.mutations import call_in_fork, damage, mutate, open_in_fork

SECONDS = 60
SHAPE = (28, 28, 1)
_PREPROCESSING = Preprocessing("mnist-canonical", SHAPE[:2], SHAPE[2])
_FOLDERS = ("current", "temporary", "home")  # in which nothing may be written


def main(kind: str, runtime: str, published: str, first: str, count: str) -> None:
    """Open the copies and print their outcomes."""
    prepare(kind, runtime)
    for seed in range(int(first), int(first) + int(count)):
        with tempfile.TemporaryDirectory(prefix="campaign-", dir=os.environ.get("SCRATCH")) as box:
            outcome, written = open_one(kind, runtime, Path(published), seed, Path(box))
        print(json.dumps([seed, outcome, written]), flush=True)


def prepare(kind: str, runtime: str) -> None:
    """Import what opens files, so that each fork has it."""
    if kind in FORMATS:
        choose_runtime(runtime).package.load()
    elif kind in _IMAGES:
        from PIL import Image

        Image.init()
    else:
        import onnxruntime  # noqa: F401

        import pipeline.commands.predict  # noqa: F401


def open_one(
    kind: str, runtime: str, published: Path, seed: int, box: Path
) -> tuple[str, list[str]]:
    """Open one damaged copy; return the outcome, and the files that were written."""
    copy, outcome = box / "model", box / "outcome"
    version = copy / "1"
    shutil.copytree(published, copy)
    for name in _FOLDERS:
        (box / name).mkdir()
    before = _names(box)
    os.chdir(box / "current")
    os.environ.update(TMPDIR=str(box / "temporary"), HOME=str(box / "home"))
    tempfile.tempdir = None
    if kind in FORMATS:
        mutate(version, kind, seed)
        result = open_in_fork(choose_runtime(runtime), artifact_path(version, kind), outcome)
    elif kind in _IMAGES:
        path = box / f"image.{kind}"
        path.write_bytes(damage(_image(kind), random.Random(seed)))
        result = _call(lambda: read_images(path, _PREPROCESSING), outcome)
        path.unlink()
    else:
        _DAMAGE[kind](copy, random.Random(seed))
        result = _call(lambda: _predict(copy), outcome)
    os.chdir("/")
    outcome.unlink(missing_ok=True)
    return result, sorted(_names(box) - before)


def _call(function: Callable[[], object], outcome: Path) -> str:
    """Call a function in a fork, as a command would: it would call other errors a bug."""
    return call_in_fork(function, outcome, unexpected="unexpected")


def _predict(model: Path) -> None:
    from pipeline.commands.loading import load_model

    load_model(model).predict(np.zeros((1, *SHAPE), np.uint8))


def _damage_folder(model: Path, chance: random.Random) -> None:
    """Damage a file that is opened, and let the manifest agree: a folder from elsewhere."""
    version = model / "1"
    path = version / chance.choice(["model.onnx", "model.onnx", "model.onnx", "golden.npz"])
    path.write_bytes(damage(path.read_bytes(), chance))
    manifest = json.loads((version / MANIFEST).read_text())
    (version / MANIFEST).unlink()
    manifest["files"] = to_json(describe_files(version))
    (version / MANIFEST).write_text(json.dumps(manifest))


def _damage_text(name: str) -> Callable[[Path, random.Random], None]:
    def change(model: Path, chance: random.Random) -> None:
        path = model / name
        how = mutated if chance.random() < 0.7 else damage
        path.write_bytes(how(path.read_bytes(), chance))

    return change


_DAMAGE: dict[str, Callable[[Path, random.Random], None]] = {
    "folder": _damage_folder,
    "manifest": _damage_text(f"1/{MANIFEST}"),
    "labels": _damage_text(LABELS),
}
_IMAGES = ("npy", "png", "jpeg", "webp")


def _image(kind: str) -> bytes:
    """Return an image file with one digit."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[8:20, 12:16] = 250
    file = io.BytesIO()
    if kind == "npy":
        np.save(file, pixels)
    else:
        from PIL import Image

        Image.fromarray(pixels).resize((60, 60)).save(file, kind)
    return file.getvalue()


def _names(box: Path) -> set[str]:
    return {path.relative_to(box).as_posix() for path in box.rglob("*")}


if __name__ == "__main__":
    main(*sys.argv[1:])
