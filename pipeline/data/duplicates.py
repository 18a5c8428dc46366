"""Images that are in more than one split, pixel by pixel."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pipeline.artifacts.data_set import SPLITS, DataSet, Split
from pipeline.artifacts.stage_facts import Duplicates

_SHOWN = 3  # pairs in a message
_HASH_BYTES = 8


def find_duplicates(
    data: DataSet, names: Mapping[str, Sequence[str]] | None = None
) -> Duplicates | None:
    """Return the validation and test images that are also in an earlier split, or None.

    ``names`` are those of the images of each split, for people.
    """
    hashes = {name: _hashes(getattr(data, name)) for name in SPLITS}
    found: dict[tuple[str, int], tuple[str, int]] = {}
    for one, other in combinations(SPLITS, 2):
        for first, second in _pairs(data, hashes, one, other):
            found.setdefault((other, second), (one, first))
    if not found:
        return None
    other_label = sum(
        getattr(data, later).labels[second] != getattr(data, earlier).labels[first]
        for (later, second), (earlier, first) in found.items()
    )
    shown = tuple(
        f"{_name(names, *copy)} is {_name(names, *original)}"
        for copy, original in list(found.items())[:_SHOWN]
    )
    return Duplicates(len(found), int(other_label), shown)


def duplicates_text(found: Duplicates, num_images: int) -> str:
    """Return what duplicates mean for the scores; ``num_images`` are validation and test images."""
    copies = "is an exact copy" if found.images == 1 else "are exact copies"
    text = (
        f"{found.images:,} of {num_images:,} validation and test images {copies} of images in "
        f"another split, so scores are higher than on new pictures: {'; '.join(found.examples)}"
        f"{'; ...' if found.images > len(found.examples) else ''}."
    )
    if found.other_label:
        text += f" {found.other_label:,} of them {'has' if found.other_label == 1 else 'have'} "
        text += "a different label there."
    return text


def _hashes(split: Split) -> npt.NDArray[np.uint64]:
    """Return a hash of each image (n,), reading the images one after the other."""
    hashes = np.empty(len(split), np.uint64)
    for index, image in enumerate(split.images):
        digest = hashlib.blake2b(image.tobytes(), digest_size=_HASH_BYTES).digest()
        hashes[index] = int.from_bytes(digest)
    return hashes


def _pairs(
    data: DataSet, hashes: Mapping[str, npt.NDArray[np.uint64]], one: str, other: str
) -> list[tuple[int, int]]:
    """Return the indices of equal images in two splits; of several equal ones, the first."""
    values, first = np.unique(hashes[one], return_index=True)
    copies = np.flatnonzero(np.isin(hashes[other], values))
    originals = first[np.searchsorted(values, hashes[other][copies])]
    ours, theirs = getattr(data, one).images, getattr(data, other).images
    pairs = zip(originals.tolist(), copies.tolist(), strict=True)
    return [(i, j) for i, j in pairs if np.array_equal(ours[i], theirs[j])]


def _name(names: Mapping[str, Sequence[str]] | None, split: str, index: int) -> str:
    return names[split][index] if names else f"{split} image {index}"
