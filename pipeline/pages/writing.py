"""Write a page: its template with the data as JSON."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

from pipeline.errors import RequestError
from pipeline.system.atomic import write_file

_DATA = "/*data*/null"


def require_page_path(path: Path) -> None:
    """Check the path of a page before the work for it begins.

    Raises:
        RequestError: it is a folder, or in a folder that does not exist.
    """
    if path.is_dir():
        problem = "it is a folder"
    elif not path.parent.is_dir():
        problem = f"the folder {path.parent} does not exist"
    else:
        return
    raise RequestError(
        f"Cannot write the page to {str(path)!r}: {problem}. Specify a file in an existing folder, "
        "such as page.html."
    )


def write_page(path: Path, template: str, data: Any) -> None:
    """Write the page ``template`` of this folder with ``data``, which its script reads.

    Raises:
        StorageError: the file cannot be written.
    """
    text = (resources.files(__package__) / template).read_text("utf-8")
    write_file(path, text.replace(_DATA, embedded_json(data)).encode())


def embedded_json(data: Any) -> str:
    """Return data as strict JSON that can be part of a script in HTML."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # no </script>
