"""The work of decoding a JPEG file, determined without decoding it.

A decoder passes over the whole picture for each scan, and a file of a few kilobytes can contain
thousands. Source: ITU-T T.81, annex B.
"""

import re
from typing import NamedTuple

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # not a stuffed byte, padding or a restart
_START, _END, _SCAN, _FIRST_WITH_SEGMENT = 0xD8, 0xD9, 0xDA, 0xC0
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_COMPONENTS_OF_FRAME, _COMPONENTS_OF_SCAN = 7, 2  # byte offsets from the length of the segment
_MAX_SEGMENTS = 2000  # of any kind, so that the search always ends


class DecodingWork(NamedTuple):
    """The work of decoding the first picture in a file.

    Ordinary files have one scan, progressive ones about ten. If the decoder has to keep the whole
    picture ``buffered`` until the last scan, it cannot be decoded at a smaller size.
    """

    scans: int
    buffered: bool


def read_decoding_work(file: bytes) -> DecodingWork:
    """Return the work of decoding a file; a great number of scans if its segments never end."""
    scans, buffered, components, offset = 0, False, 0, 0
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(file, offset)
        if found is None or file[found.end() - 1] == _END:
            return DecodingWork(scans, buffered or scans > 1)
        code, offset = file[found.end() - 1], found.end()
        if code < _FIRST_WITH_SEGMENT or code == _START:
            continue
        if code in _FRAMES:
            components = _number(file, offset + _COMPONENTS_OF_FRAME, 1)
            buffered |= code in _PROGRESSIVE
        if code == _SCAN:
            scans += 1
            buffered |= _number(file, offset + _COMPONENTS_OF_SCAN, 1) < components
        offset += max(2, _number(file, offset, 2))
    return DecodingWork(_MAX_SEGMENTS, buffered=True)


def _number(file: bytes, offset: int, size: int) -> int:
    return int.from_bytes(file[offset : offset + size])
