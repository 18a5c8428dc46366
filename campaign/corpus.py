"""The committed corpus: for each target a text file with one input per line, a bytes literal."""

import ast
import hashlib
from pathlib import Path

from tests.support.paths import PROJECT

CORPUS = PROJECT / "campaign" / "corpus"
MAX_BYTES, MAX_TOTAL_BYTES = 200, 1500  # of an input, and of all inputs of a target


def read(target: str) -> list[bytes]:
    """Return the inputs of a target."""
    path = CORPUS / f"{target}.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [ast.literal_eval(line) for line in lines]


def unpack(target: str, folder: Path) -> None:
    """Write every input to a file of its own, as libFuzzer reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for content in read(target):
        (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def keep_smallest(target: str, folder: Path) -> None:
    """Replace the inputs of a target by the smallest files of a folder."""
    found = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda b: (len(b), b))
    kept, total = [], 0
    for content in found:
        total += len(content)
        if len(content) > MAX_BYTES or total > MAX_TOTAL_BYTES:
            break
        kept.append(content)
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.txt").write_text("".join(f"{content!r}\n" for content in kept))
