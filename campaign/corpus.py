"""The committed corpus: for each target a text file with one input per line, a bytes literal."""

import ast
import hashlib
from pathlib import Path

from tests.support.paths import PROJECT

CORPUS = PROJECT / "campaign" / "corpus"
MAX_BYTES = 500  # of all inputs of a target


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


def add_smallest(target: str, folder: Path) -> None:
    """Add the smallest files of a folder to the inputs of a target, as long as there is room."""
    kept = read(target)
    found = {path.read_bytes() for path in folder.iterdir()} - set(kept)
    for content in sorted(found, key=lambda content: (len(content), content)):
        if sum(map(len, kept)) + len(content) > MAX_BYTES:
            break
        kept.append(content)
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.txt").write_text("".join(f"{content!r}\n" for content in kept))
