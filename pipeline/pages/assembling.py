"""Pages whose template has its style, scripts and parts in HTML in other places."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

_FILE = re.compile(r"/\*file (?P<name>[\w./]+)\*/")
_PART = re.compile(r"<!--part (?P<name>\w+)-->")
_SCRIPT = re.compile(r"<script>(?P<text>.*?)</script>", re.DOTALL)


def page_files(folder: str) -> list[Path]:
    """Return the files of a folder beside this module."""
    return sorted(path for path in (Path(__file__).parent / folder).iterdir() if path.is_file())


def assembled_page(folder: str, parts: Mapping[str, str], *, pictures: bool = False) -> str:
    """Return ``page.html`` of a folder beside this module, as one file without references.

    ``/*file NAME*/`` is replaced by a file of the folder, or with ``FOLDER/NAME`` of another one,
    ``<!--part NAME-->`` by a part, which is HTML. Parts are inserted last and together: one that
    contains such a text changes nothing. The part ``policy`` is a Content-Security-Policy that
    permits the scripts of the folder only, and no requests; with ``pictures``, also images in
    ``data:`` URIs.
    """
    files = resources.files(__package__) / folder
    template = _with_files((files / "page.html").read_text("utf-8"), files)
    known = {**parts, "policy": _policy(template, pictures=pictures)}
    return _PART.sub(lambda found: known[found["name"]], template)


def _with_files(template: str, files: Traversable) -> str:
    def content(found: re.Match[str]) -> str:
        name = found["name"]
        place = resources.files(__package__) if "/" in name else files
        return place.joinpath(*name.split("/")).read_text("utf-8")

    return _FILE.sub(content, template)


def _policy(template: str, *, pictures: bool) -> str:
    digests = (hashlib.sha256(found["text"].encode()) for found in _SCRIPT.finditer(template))
    hashes = " ".join(f"'sha256-{base64.b64encode(d.digest()).decode()}'" for d in digests)
    hashes = hashes or "'none'"
    images = "img-src data:; " if pictures else ""
    return (
        f"default-src 'none'; script-src {hashes}; {images}style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
