"""The picture formats that are accepted, and the names of common ones that are not."""

from typing import TYPE_CHECKING

from pipeline.errors import ImageError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # Pillow's names
MEDIA_TYPES = tuple(f"image/{name.lower()}" for name in FORMATS)
FORMATS_IN_WORDS = "PNG, JPEG, WebP, GIF, BMP or TIFF"
# The others wrap a JPEG, whose scans cannot be counted, or need further libraries.
_TIFF_COMPRESSIONS = {
    *("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"),
    *("tiff_ccitt", "group3", "group4"),
}
_SIGNATURES = (  # offset, first bytes there, name; ISO base media files name their kind at 8
    (8, b"heic", "HEIC"),
    (8, b"heix", "HEIC"),
    (8, b"hevc", "HEIC"),
    (8, b"mif1", "HEIF"),
    (8, b"msf1", "HEIF"),
    (8, b"avif", "AVIF"),
    (8, b"avis", "AVIF"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\x01\0", "ICO"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "SVG or XML"),
    (0, b"P5", "PGM"),
    (0, b"P6", "PPM"),
)
_HEAD = 16  # bytes
_ADVICE = {
    "HEIC": " An iPhone takes JPEGs with Settings > Camera > Formats > Most Compatible.",
}


def require_known_format(head: bytes, where: str) -> None:
    """Reject a file whose first bytes (at least 16) are those of a format that is not accepted.

    Raises:
        ImageError: it is such a file.
    """
    for offset, signature, name in _SIGNATURES:
        if head[:_HEAD].startswith(signature, offset):
            raise ImageError(
                f"A picture must be {FORMATS_IN_WORDS}; got {name} in {where}. Save it as PNG or "
                f"JPEG.{_ADVICE.get(name, '')}"
            )


def require_known_compression(picture: "ImageFile", where: str) -> None:
    """Reject a TIFF file with a compression whose work cannot be determined before decoding.

    Raises:
        ImageError: it is such a file.
    """
    compression = picture.info.get("compression")
    if picture.format == "TIFF" and compression not in _TIFF_COMPRESSIONS:
        raise ImageError(
            "A TIFF must be uncompressed, or compressed with LZW, Deflate, PackBits or CCITT; got "
            f"{compression} in {where}. Save it as PNG or JPEG."
        )
