"""Bodies that a client compressed: ``Content-Encoding: gzip`` (RFC 9110, 8.4.1)."""

import zlib
from collections.abc import Iterator

from pipeline.serving.errors import ServingError, bad_request, too_large

_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # with gzip's header and checksum
_PIECE = 2**20
_MAX_MEMBERS = 16  # the rest is copied after each
_GZIP = {"gzip", "x-gzip"}


def is_compressed(encoding: str | None) -> bool:
    """Return whether a body must be decompressed.

    Raises:
        ServingError: (415) with an encoding other than gzip.
    """
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return False
    if name not in _GZIP:
        raise ServingError(
            415,
            f"Content-Encoding must be gzip or identity; got {name[:40]!r}. Compress the body with "
            "gzip, or send it uncompressed.",
        )
    return True


def decompressed(body: bytes, limit: int) -> Iterator[bytes]:
    """Yield the content of a gzip body, at most ``limit`` bytes, in pieces of at most 1 MB.

    Raises:
        ServingError: (413) the content is larger; (400) the body is not gzip, or incomplete.
    """
    total, members, rest = 0, 0, body
    try:
        while rest:  # a file may have several members
            members += 1
            if members > _MAX_MEMBERS:
                raise bad_request(
                    f"A gzip body must have at most {_MAX_MEMBERS} members; got more. Compress it "
                    "in one piece."
                )
            member = zlib.decompressobj(_GZIP_WINDOW)
            while not member.eof:
                piece = member.decompress(rest, min(_PIECE, limit - total + 1))
                rest = member.unconsumed_tail
                if not piece and not rest and not member.eof:
                    raise bad_request("The gzip body is incomplete. Send all of it.")
                total += len(piece)
                if total > limit:
                    raise too_large("The decompressed body", limit)
                yield piece
            rest = member.unused_data
    except zlib.error as error:
        raise bad_request(
            f"The body is not valid gzip, as Content-Encoding says: {error}. Remove the header, or "
            "compress the body."
        ) from error
