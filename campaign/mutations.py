"""Small random changes to the text of a request."""

import random

_PIECES = [b"[", b"]", b"{", b"}", b'"', b",", b"-1", b"1e9", b"NaN", b"\\u0000"]


def mutated(text: bytes, chance: random.Random) -> bytes:
    """Return a text with a few bytes changed, dropped, doubled or inserted; never an empty one."""
    content = bytearray(text)
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(content))
        upto = at + chance.randint(1, 8)
        piece = content[at:upto]
        kinds = [
            bytes([chance.randrange(256)]),
            b"",
            bytes(piece * 2),
            chance.choice(_PIECES),
        ]
        content[at:upto] = chance.choice(kinds)
        if not content:
            return b"{"
    return bytes(content)
