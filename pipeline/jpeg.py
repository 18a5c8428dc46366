"""How much work a JPEG file asks for, found without decoding it.

A decoder passes over the whole picture with each scan, and a file of some kilobytes can hold
thousands. Source: ITU-T T.81, annex B.
"""

import re

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # no stuffed byte, no padding, no restart
_ALONE = {0x01, 0xD8}  # markers without a segment: TEM, SOI
_END, _SCAN = 0xD9, 0xDA
_MOST_SEGMENTS = 2000  # of any kind, so that the search ends


def count_scans(file: bytes) -> int:
    """Return how many scans the first picture of a file has; more than enough where it never ends.

    Ordinary files have one, progressive ones about ten.
    """
    scans, place = 0, 0
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(file, place)
        if found is None or file[found.end() - 1] == _END:
            return scans
        code, place = file[found.end() - 1], found.end()
        scans += code == _SCAN
        if code not in _ALONE:
            place += max(2, int.from_bytes(file[place : place + 2]))
    return max(scans, _MOST_SEGMENTS)
