"""How much work a JPEG file asks for, found without decoding it.

A decoder passes over the whole picture with each scan, and a file of some kilobytes can hold
thousands. Source: ITU-T T.81, annex B.
"""

import re
from typing import NamedTuple

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # no stuffed byte, no padding, no restart
_START, _END, _SCAN, _FIRST_WITH_SEGMENT = 0xD8, 0xD9, 0xDA, 0xC0
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_COMPONENTS_OF_FRAME, _COMPONENTS_OF_SCAN = 7, 2  # bytes from the length of the segment
_MOST_SEGMENTS = 2000  # of any kind, so that the search ends


class Work(NamedTuple):
    """What the first picture of a file asks of a decoder.

    Ordinary files have one scan, progressive ones about ten; where all is ``kept`` until the last
    scan, the picture cannot be decoded smaller than it is.
    """

    scans: int
    kept: bool


def read_work(file: bytes) -> Work:
    """Return what a file asks for; a great number of scans where its segments do not end."""
    scans, kept, components, place = 0, False, 0, 0
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(file, place)
        if found is None or file[found.end() - 1] == _END:
            return Work(scans, kept or scans > 1)
        code, place = file[found.end() - 1], found.end()
        if code < _FIRST_WITH_SEGMENT or code == _START:
            continue
        if code in _FRAMES:
            components = _number(file, place + _COMPONENTS_OF_FRAME, 1)
            kept |= code in _PROGRESSIVE
        if code == _SCAN:
            scans += 1
            kept |= _number(file, place + _COMPONENTS_OF_SCAN, 1) < components
        place += max(2, _number(file, place, 2))
    return Work(_MOST_SEGMENTS, kept=True)


def _number(file: bytes, place: int, size: int) -> int:
    return int.from_bytes(file[place : place + size])
